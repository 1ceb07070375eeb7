import { escapeControls } from '../lib/printable.ts';
import { printSource, type SourceRef } from './source.ts';

/** Stable CamelCase words: the reason of an Event and the label `reason` of the metric `serin_findings`. */
export const FINDING_REASONS = [
  'AliasConflict',
  'CanaryNotEnabled',
  'CanaryUnused',
  'CatchAllDisabled',
  'CertificateConflict',
  'CertificateExpired',
  'CertificateExpiresSoon',
  'CertificateMismatch',
  'CrossNamespace',
  'DuplicateObject',
  'EmptyIngress',
  'ExternalNameDisabled',
  'ForeignAnnotation',
  'HostConflict',
  'HostNotOwned',
  'IneffectiveAnnotation',
  'InternalError',
  'InvalidAlias',
  'InvalidAnnotation',
  'InvalidCertificate',
  'InvalidExternalName',
  'InvalidField',
  'InvalidHost',
  'InvalidObject',
  'InvalidPassword',
  'InvalidPath',
  'InvalidSetting',
  'LiteralPath',
  'MissingKeys',
  'MissingSecret',
  'MissingService',
  'NoCertificate',
  'PathConflict',
  'RefusedIngress',
  'SettingNotInForce',
  'SlowPattern',
  'UnknownAnnotation',
  'UnknownIngressClass',
  'UnknownPort',
  'UnknownVariable',
  'UnreachableServer',
  'UnreadableFile',
  'UnsafeText',
  'UnsupportedAnnotation',
  'UnsupportedBackend',
  'UnsupportedSetting',
  'UnsupportedVersion',
  'UpstreamConflict',
] as const;

export type FindingReason = (typeof FINDING_REASONS)[number];

/**
 * Something a user should fix: which object and field, what was written, and what Serin does instead.
 * Findings alone drive Events, metrics, the admin page and `serin check`.
 */
export interface Finding {
  readonly reason: FindingReason;
  readonly severity: 'warning' | 'error';
  readonly source: SourceRef;
  /** What was written, as text; empty where nothing was. */
  readonly value: string;
  /** What is wrong with it: `is not a positive integer`. */
  readonly problem: string;
  /** What happens now: `the default of 60 s is used`. */
  readonly consequence: string;
}

/** The one-line text of a finding, without its source: what an Event on the source object says. */
export function findingMessage(finding: Finding): string {
  const field = finding.source.field === undefined ? '' : `${finding.source.field}: `;
  const value = finding.value === '' ? '' : `"${finding.value}" `;
  return escapeControls(`${field}${value}${finding.problem}; ${finding.consequence}`);
}

/** The one-line text of a finding with its source: what the control log and `serin check` print. */
export function printFinding(finding: Finding): string {
  const { field: _, ...object } = finding.source;
  return `${finding.reason} ${printSource(object)}: ${findingMessage(finding)}`;
}

/** Collects findings of one pure stage, each distinct one once and in the order they were found. */
export interface Findings {
  warn(source: SourceRef, reason: FindingReason, what: FindingText): void;
  error(source: SourceRef, reason: FindingReason, what: FindingText): void;
  list(): readonly Finding[];
}

export interface FindingText {
  /** Appended to (or replacing) the source's field. */
  readonly field?: string;
  readonly value?: string;
  readonly problem: string;
  readonly consequence: string;
}

/** What a message quotes of what someone wrote, who may have written a lot. */
const QUOTED_MAX = 256;

/** The text, or its beginning and its length. */
export function shorten(text: string): string {
  return text.length <= QUOTED_MAX ? text : `${text.slice(0, QUOTED_MAX)}... (${text.length} characters)`;
}

/** Creates an empty collector. */
export function createFindings(): Findings {
  const found = new Map<string, Finding>();
  const add = (
    severity: Finding['severity'],
    source: SourceRef,
    reason: FindingReason,
    what: FindingText,
  ) => {
    const at = what.field === undefined ? source : { ...source, field: what.field };
    const problem = shorten(what.problem);
    const consequence = shorten(what.consequence);
    const value = shorten(what.value ?? '');
    const finding: Finding = { reason, severity, source: at, value, problem, consequence };
    const key = printFinding(finding);
    if (!found.has(key)) found.set(key, finding);
  };
  return {
    warn: (source, reason, what) => add('warning', source, reason, what),
    error: (source, reason, what) => add('error', source, reason, what),
    list: () => [...found.values()],
  };
}
