import type { Feature } from '../../features/kit/feature.ts';
import type { Place } from '../../features/kit/place.ts';
import { findVain, type VainAnnotation, type Written } from '../../features/kit/vain.ts';
import type { FindingText, Findings } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import type { IngressObject } from '../store/objects.ts';
import type { AnnotationSettings } from './annotation-settings.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';

/** What one feature read of an Ingress. */
export interface FeatureReading {
  readonly feature: Feature;
  readonly values: Readonly<Record<string, unknown>>;
  readonly written: Written;
}

/** Annotations without effect where they stand, by where that is known. */
export interface VainOfIngress {
  /** Of the Ingress, wherever its hosts are. */
  readonly own: readonly VainAnnotation[];
  /** On hosts without a certificate. */
  readonly onPlainHosts: readonly VainAnnotation[];
  /** On a canary Ingress: what the main Ingress decides. */
  readonly onCanary: readonly VainAnnotation[];
}

export const NOTHING_VAIN: VainOfIngress = { own: [], onPlainHosts: [], onCanary: [] };

const ON_CANARY = 'does not count on a canary Ingress';

/** Holds all that was read against what the features say of vain annotations. */
export function findVainOfIngress(readings: readonly FeatureReading[], place: Place): VainOfIngress {
  const own: VainAnnotation[] = [];
  const onPlainHosts: VainAnnotation[] = [];
  const onCanary: VainAnnotation[] = [];
  for (const { feature, values, written } of readings) {
    if (place.isCanary && feature.isOfCanaries !== true) {
      for (const [key, { name, text }] of written)
        onCanary.push(vainOnCanary(name, text, feature.annotations[key]!.isProtection === true));
      continue;
    }
    for (const vain of findVain(feature, values, written, place))
      (vain.isOfPlainHosts ? onPlainHosts : own).push(vain);
  }
  return { own, onPlainHosts, onCanary };
}

/** An annotation that is the main Ingress's to decide. */
export function vainOnCanary(name: string, text: string, isProtection: boolean): VainAnnotation {
  const consequence = isProtection
    ? 'the canary is protected by what the main Ingress says alone'
    : 'what the main Ingress says counts';
  return { name, text, problem: ON_CANARY, consequence, isProtection, isOfPlainHosts: false };
}

/** Reports one, as an error where it looks like a protection and is none. */
export function reportVain(vain: VainAnnotation, source: SourceRef, findings: Findings): void {
  const report = vain.isProtection ? findings.error : findings.warn;
  report(source, 'IneffectiveAnnotation', textOfVain(vain));
}

function textOfVain({ name, text, problem, consequence }: VainAnnotation): FindingText {
  return { field: `metadata.annotations[${name}]`, value: text, problem, consequence };
}

/** Hosts of its rules, in lower case; `_` for a rule without one. */
export function hostsOf({ rules = [] }: Partial<Pick<IngressObject, 'rules'>>): readonly string[] {
  return rules.map(({ host }) => (host === '' ? CATCH_ALL : host.toLowerCase()));
}

/** The place of an Ingress's annotations; `text` gives what is written without the prefix. */
export function placeOf(
  ingress: Partial<Pick<IngressObject, 'rules' | 'defaultBackend'>>,
  written: ReadonlyMap<string, string>,
  settings: AnnotationSettings,
  isCanary: boolean,
): Place {
  const { rules = [], defaultBackend } = ingress;
  return {
    text: (name) => written.get(name)?.trim() || undefined,
    isBlank: (name) => written.get(name)?.trim() === '',
    setting: settings.text,
    hosts: hostsOf(ingress),
    paths: rules.flatMap(({ paths }) =>
      paths.map(({ path, pathType }) => ({ path, isExact: pathType === 'Exact' })),
    ),
    isCanary,
    isDefaultBackendOnly: rules.length === 0 && defaultBackend !== undefined,
  };
}
