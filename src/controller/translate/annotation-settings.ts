import type { AnnotationSpec, Feature, Risk } from '../../features/kit/feature.ts';
import { parseGoBool, splitList } from '../../lib/nginx-values.ts';
import { createFindings, type Finding } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import type { ConfigMapObject } from '../store/objects.ts';
import { LISTEN_KEYS } from './listen-addresses.ts';

/** What the ConfigMap decides about annotations. A new object whenever the ConfigMap changed. */
export interface AnnotationSettings {
  /** Text of a key; undefined when absent or blank. */
  text(key: string): string | undefined;
  /** Value of an annotation that the Ingress does not give: the ConfigMap's, else the feature's. */
  defaultOf(feature: Feature, key: string): unknown;
  /** annotations-risk-level as a number; an annotation above it is not taken. */
  readonly maxRisk: number;
  /** annotation-value-word-blocklist. */
  readonly blockedWords: readonly string[];
  /** allow-cross-namespace-resources. */
  readonly isCrossNamespaceAllowed: boolean;
  readonly findings: readonly Finding[];
}

const RISKS: readonly Risk[] = ['low', 'medium', 'high', 'critical'];

/** Risk as a number, for comparing. */
export function rankOfRisk(risk: Risk): number {
  return RISKS.indexOf(risk);
}

/** Reads the settings once per ConfigMap. A default that cannot be parsed gives a finding on the ConfigMap. */
export function readAnnotationSettings(
  configMap: ConfigMapObject | undefined,
  features: readonly Feature[],
): AnnotationSettings {
  const findings = createFindings();
  const source: SourceRef = {
    kind: 'ConfigMap',
    namespace: configMap?.namespace ?? '',
    name: configMap?.name ?? '',
  };
  const text = (key: string): string | undefined => {
    const raw = configMap?.data.get(key)?.trim();
    return raw === '' ? undefined : raw;
  };

  const defaults = new Map<AnnotationSpec<unknown>, unknown>();
  const reportInvalid = (key: string, value: string, problem: string) =>
    findings.warn(source, 'InvalidSetting', {
      field: `data.${key}`,
      value,
      problem,
      consequence: 'the default is used',
    });
  for (const feature of features) {
    for (const spec of Object.values(feature.annotations)) {
      defaults.set(spec, spec.fallback);
      const key = spec.configMapKey;
      const raw = key === undefined ? undefined : text(key);
      if (key === undefined || raw === undefined) continue;
      const parsed = spec.parse(raw);
      if (parsed.ok) defaults.set(spec, parsed.value);
      else reportInvalid(key, raw, parsed.problem);
    }
    for (const [key, spec] of Object.entries(feature.configMapKeys ?? {})) {
      const value = text(key);
      if (value === undefined || typeof spec === 'string') continue;
      const parsed = spec.parse(value);
      if (parsed.ok) continue;
      const { problem } = parsed;
      if (spec.onInvalid === 'default') reportInvalid(key, value, problem);
      else {
        const consequence = 'routes that it counts for answer 503';
        findings.error(source, 'InvalidSetting', { field: `data.${key}`, value, problem, consequence });
      }
    }
  }
  const crossing = text('allow-cross-namespace-resources') ?? 'false';
  const isCrossing = parseGoBool(crossing);
  if (isCrossing === undefined)
    reportInvalid('allow-cross-namespace-resources', crossing, 'is not a boolean');

  const level = text('annotations-risk-level');
  const rank =
    level === undefined ? rankOfRisk('high') : RISKS.findIndex((risk) => risk === level.toLowerCase());
  if (rank === -1) {
    findings.warn(source, 'InvalidSetting', {
      field: 'data.annotations-risk-level',
      value: level ?? '',
      problem: 'is not Low, Medium, High or Critical',
      consequence: 'Low is used, the strictest',
    });
  }
  const words = text('annotation-value-word-blocklist') ?? '';
  return {
    text,
    defaultOf: (feature, key) => defaults.get(feature.annotations[key]!),
    maxRisk: Math.max(rank, 0),
    blockedWords: splitList(words),
    isCrossNamespaceAllowed: isCrossing === true,
    findings: findings.list(),
  };
}

/** ConfigMap keys that translation itself reads. */
export const TRANSLATE_CONFIG_KEYS: readonly string[] = [
  'annotations-risk-level',
  'annotation-value-word-blocklist',
  'allow-cross-namespace-resources',
  'strict-validate-path-type',
  ...LISTEN_KEYS,
];
