import { isSameItems } from '../../lib/remembered.ts';
import { findingMessage, printFinding, type Finding, type FindingReason } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import type { ControlLog } from '../../observe/log.ts';
import type { EventSink } from './event-sink.ts';

export interface FindingReportDeps {
  readonly log: ControlLog;
  /** Takes the Warning Events; absent without a cluster. */
  readonly events?: EventSink;
  /** Whether Events are this replica's to write: the leader's. */
  readonly isWriter?: () => boolean;
  /** UID of an object, for findings that do not carry it; empty when unknown. */
  readonly uidOf?: (source: SourceRef) => string;
  /** Sets how many findings of a reason there are now; 0 where the last one has gone. */
  readonly setCount: (reason: FindingReason, severity: Finding['severity'], count: number) => void;
}

/** Says what is new among the findings of each translation: once in the log, once as an Event of the leader, and counted always. */
export interface FindingReport {
  /** Takes the whole list of a translation. */
  report(findings: readonly Finding[]): void;
  /** Writes Events of all there is: from now on they are this replica's to write. */
  takeOver(): void;
}

interface Count extends Pick<Finding, 'reason' | 'severity'> {
  readonly count: number;
}

/** apiVersion of what findings are about, for Events. */
const API_VERSIONS: Readonly<Record<string, string>> = {
  Ingress: 'networking.k8s.io/v1',
  IngressClass: 'networking.k8s.io/v1',
  EndpointSlice: 'discovery.k8s.io/v1',
};

export function createFindingReport(deps: FindingReportDeps): FindingReport {
  const { log, events } = deps;
  let known: ReadonlyMap<string, Finding> = new Map();
  let counts: ReadonlyMap<string, Count> = new Map();
  let isFirst = true;
  let told: readonly Finding[] | undefined;

  function write(finding: Finding, lasting: 'standing' | 'arisen'): void {
    const { source, reason } = finding;
    // Flags and the like are no objects; they have only the log.
    if (events === undefined || source.name === '') return;
    const subject = {
      kind: source.kind,
      apiVersion: API_VERSIONS[source.kind] ?? 'v1',
      namespace: source.namespace,
      name: source.name,
      uid: source.uid ?? deps.uidOf?.(source) ?? '',
    };
    events.record({ subject, type: 'Warning', reason, message: findingMessage(finding), lasting });
  }

  function count(findings: Iterable<Finding>): void {
    const next = new Map<string, Count>();
    for (const { reason, severity } of findings) {
      const key = `${severity} ${reason}`;
      next.set(key, { reason, severity, count: (next.get(key)?.count ?? 0) + 1 });
    }
    for (const [key, { reason, severity }] of new Map([...counts, ...next])) {
      const now = next.get(key)?.count ?? 0;
      if (now !== (counts.get(key)?.count ?? 0)) deps.setCount(reason, severity, now);
    }
    counts = next;
  }

  return {
    report(findings) {
      if (told !== undefined && isSameItems(findings, told)) return;
      told = findings;
      const next = new Map(findings.map((finding) => [keyOf(finding), finding]));
      for (const [key, finding] of next) {
        if (known.has(key)) continue;
        log[finding.severity === 'error' ? 'error' : 'warn'](printFinding(finding));
        if (deps.isWriter?.() ?? true) write(finding, isFirst ? 'standing' : 'arisen');
      }
      for (const [key, finding] of known) {
        if (!next.has(key)) log.info(`resolved: ${printFinding(finding)}`);
      }
      count(next.values());
      known = next;
      isFirst = false;
    },
    takeOver() {
      for (const finding of known.values()) write(finding, 'standing');
    },
  };
}

/** What was not found anew is not printed anew. */
const keys = new WeakMap<Finding, string>();

/** An object that was deleted and made again is another one: what is wrong with it is told again. */
function keyOf(finding: Finding): string {
  let key = keys.get(finding);
  if (key === undefined) {
    key = `${finding.severity} ${finding.source.uid ?? ''} ${printFinding(finding)}`;
    keys.set(finding, key);
  }
  return key;
}
