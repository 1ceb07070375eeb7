import type { Findings } from '../../model/finding.ts';
import { printSource } from '../../model/source.ts';
import type { CanaryModel } from '../../model/model.ts';
import { toBackendRef, type BackendRef } from './backends.ts';
import type { IngressEntry } from './entries.ts';
import type { HostRecord } from './host-record.ts';
import { reportVain } from './vain-annotations.ts';
import { keyOfRoute, pathOfHost, type Contribution, type RouteDraft } from './host-routes.ts';

/** How a canary finds and names what it splits. */
export interface CanaryRules {
  /** Id of a backend's upstream. */
  readonly idOf: (ref: BackendRef) => string;
  /** True for an upstream that a canary Ingress was the first to name; never split under the upstream scope. */
  readonly isCanaryUpstream: (id: string) => boolean;
  /** Looks at the canary's Service, once per path. */
  readonly check: (ref: BackendRef, entry: IngressEntry) => void;
}

/**
 * Attaches canary Ingresses to the routes of a host (docs/reference/annotations.md §1.2): by byte-equal path and equal type, oldest first,
 * to routes that have a Service of their own which is another one. What finds no route is a finding and changes nothing.
 */
export function attachCanaries(
  host: string,
  drafts: ReadonlyMap<string, RouteDraft> | undefined,
  canaries: readonly Contribution[],
  rules: CanaryRules,
  findings: Findings,
): void {
  for (const { entry, rule } of canaries) {
    const { ingress } = entry;
    if (rule < 0) {
      const backend = ingress.defaultBackend && toBackendRef(ingress.namespace, ingress.defaultBackend);
      if (backend === undefined || drafts === undefined) continue;
      const attached = [...drafts.values()].filter(
        (draft) => attach(draft, backend, entry, 'spec.defaultBackend', rules) === 'attached',
      );
      if (attached.length > 0) rules.check(backend, entry);
      else
        reportUnused(
          entry,
          'spec.defaultBackend',
          host,
          'has no route on the catch-all host to split',
          findings,
        );
      continue;
    }
    if (drafts === undefined) {
      const field = ingress.rules[rule]!.field;
      reportUnused(entry, `${field}.host`, host, 'is a host of no main Ingress', findings);
      continue;
    }
    const { paths, field: fieldOfRule } = ingress.rules[rule]!;
    if (paths.length === 0) reportUnused(entry, fieldOfRule, host, 'has no paths', findings);
    for (const { path: written, pathType, backend: writtenBackend, field } of paths) {
      const backend = toBackendRef(ingress.namespace, writtenBackend);
      const path = written === '' ? '/' : written;
      if (backend === undefined) {
        reportUnused(entry, `${field}.backend`, '', 'is a resource, and only Services are served', findings);
        continue;
      }
      const draft = drafts.get(keyOfRoute(path, pathType === 'Exact' ? 'exact' : 'prefix'));
      const result = draft === undefined ? 'none' : attach(draft, backend, entry, field, rules);
      if (result === 'attached' || result === 'duplicate') {
        rules.check(backend, entry);
        const [first, second] = draft!.canaries;
        const isSecond = second !== undefined || result === 'duplicate';
        if (isSecond) reportSecond(entry, field, `${host}${path}`, first!, findings);
      } else if (result === 'none') {
        reportUnused(entry, field, `${host}${path}`, 'is a path of no main Ingress', findings);
      } else if (result === 'unfit') {
        const problem = 'has no Service of its own to split: it goes to the default backend or to a canary';
        reportUnused(entry, field, `${host}${path}`, problem, findings);
      } else if (result === 'same') {
        const problem = 'already goes to the same Service port';
        reportUnused(entry, `${field}.backend`, `${host}${path}`, problem, findings);
      }
    }
  }
}

/** Canaries that get requests of another namespace's routes. */
export function recordCanaries(
  host: string,
  drafts: ReadonlyMap<string, RouteDraft>,
  record: HostRecord,
): void {
  for (const { path, entry, field, splitBy } of drafts.values()) {
    if (splitBy === undefined || entry === undefined) continue;
    const value = pathOfHost(host, path);
    const what = `where all requests for ${value} go`;
    const consequence = 'a canary gets a share of the requests of the route';
    const splitter = { source: splitBy.entry.source, field: splitBy.field };
    record.takes({ ...splitter, value, what, consequence }, { source: entry.source, field, value });
  }
}

/** Annotations of canary Ingresses that are the main's to decide, where the main says something else. */
export function reportVainOfCanaries(drafts: Iterable<RouteDraft>, findings: Findings): void {
  for (const { entry: main, splitBy } of drafts) {
    if (main === undefined || splitBy === undefined) continue;
    const { annotations, source } = splitBy.entry;
    for (const vain of annotations.vain.onCanary) {
      const onMain = main.annotations.written.get(vain.name)?.trim();
      if (onMain !== annotations.written.get(vain.name)?.trim()) reportVain(vain, source, findings);
    }
  }
}

function attach(
  draft: RouteDraft,
  backend: BackendRef,
  entry: IngressEntry,
  field: string,
  rules: CanaryRules,
): 'attached' | 'unfit' | 'same' | 'duplicate' {
  if (draft.backend === undefined) return 'unfit';
  const primaryId = rules.idOf(draft.backend);
  const upstreamId = rules.idOf(backend);
  if (primaryId === upstreamId) return 'same';
  if (rules.isCanaryUpstream(primaryId)) return 'unfit';
  if (draft.canaries.some((canary) => canary.upstreamId === upstreamId)) return 'duplicate';
  draft.splitBy ??= { entry, field };
  draft.canaries.push({ upstreamId, policy: entry.annotations.canary!, source: { ...entry.source, field } });
  return 'attached';
}

function reportUnused(
  entry: IngressEntry,
  field: string,
  value: string,
  problem: string,
  findings: Findings,
): void {
  const consequence = 'this canary gets no requests and the main Ingress is not touched';
  findings.warn(entry.source, 'CanaryUnused', { field, value, problem, consequence });
}

function reportSecond(
  entry: IngressEntry,
  field: string,
  value: string,
  first: CanaryModel,
  findings: Findings,
): void {
  const problem = `already has a canary, ${printSource(first.source)}`;
  const consequence = 'only the oldest canary gets requests';
  findings.warn(entry.source, 'CanaryUnused', { field, value, problem, consequence });
}
