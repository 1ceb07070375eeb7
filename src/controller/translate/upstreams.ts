import { isDeepStrictEqual } from 'node:util';
import type { Feature } from '../../features/kit/feature.ts';
import { DEFAULT_BACKEND } from '../../lib/catch-all.ts';
import { Remembered, type Made } from '../../lib/remembered.ts';
import type { Findings } from '../../model/finding.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import { printSource } from '../../model/source.ts';
import type { ServiceObject } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import type { ParsedAnnotations } from './annotations.ts';
import { toUpstream, type BackendRef } from './backends.ts';
import type { IngressEntry } from './entries.ts';
import { fieldOfFeature } from './feature-field.ts';

/** Which Ingress named each upstream first, and so decides its policies. */
export interface UpstreamClaims {
  /** Id of a backend's upstream: the plain one, unless another Service port has taken it. */
  readonly idOf: (ref: BackendRef) => string;
  readonly claimOf: (id: string) => { readonly entry: IngressEntry; readonly ref: BackendRef } | undefined;
  /** What main Ingresses ask for of a backend, of features that make one policy of theirs. */
  readonly mergesOf: (ref: BackendRef) => readonly MergeClaim[];
  /** Ingresses whose annotations ask for something else than those of the one that decides. */
  readonly conflicts: readonly UpstreamConflict[];
  /** Backends whose plain id was taken, as text: the same text means the same ids. */
  readonly collisions: string;
}

/** Policies of one feature: the oldest Ingress's and the youngest one's. */
export interface MergeClaim {
  readonly feature: Feature;
  readonly first: unknown;
  readonly last: unknown;
  readonly firstEntry: IngressEntry;
}

export interface UpstreamConflict {
  readonly entry: IngressEntry;
  readonly ref: BackendRef;
  readonly winner: IngressEntry;
}

/** Goes through the Ingresses, oldest first. */
export function claimUpstreams(
  entries: Iterable<IngressEntry>,
  features: readonly Feature[],
): UpstreamClaims {
  const claims = new Map<string, { entry: IngressEntry; ref: BackendRef }>();
  // `a-b`/`c` and `a`/`b-c` would share the id `a-b-c-80`: the second to come gets one that no name can make.
  const others = new Set<string>();
  const conflicts: UpstreamConflict[] = [];
  const merging = features.filter(({ merge }) => merge !== undefined);
  const merges = new Map<string, MergeClaim[]>();
  for (const entry of entries) {
    for (const ref of entry.backends) {
      for (const feature of merging) {
        const policy = entry.isCanary ? undefined : entry.annotations.upstream[feature.name];
        if (policy !== undefined)
          addMerge(merges, ref.key, { feature, first: policy, last: policy, firstEntry: entry });
      }
      const claim = claims.get(ref.id);
      if (claim === undefined && ref.id !== DEFAULT_BACKEND) claims.set(ref.id, { entry, ref });
      else if (claim?.ref.key !== ref.key) {
        others.add(ref.key);
        if (!claims.has(ref.key)) claims.set(ref.key, { entry, ref });
      } else if (claim.entry !== entry && claim.entry.upstreamText !== entry.upstreamText) {
        conflicts.push({ entry, ref, winner: claim.entry });
      }
    }
  }
  return {
    idOf: others.size === 0 ? (ref) => ref.id : (ref) => (others.has(ref.key) ? ref.key : ref.id),
    claimOf: (id) => claims.get(id),
    mergesOf: (ref) => merges.get(ref.key) ?? NO_MERGES,
    conflicts,
    collisions: [...others].join(' '),
  };
}

const NO_MERGES: readonly MergeClaim[] = [];

/** Entries come oldest first: the last one to ask is the youngest. */
function addMerge(merges: Map<string, MergeClaim[]>, key: string, claim: MergeClaim): void {
  const claims = merges.get(key) ?? [];
  const at = claims.findIndex(({ feature }) => feature === claim.feature);
  if (at < 0) merges.set(key, [...claims, claim]);
  else claims[at] = { ...claims[at]!, last: claim.last };
}

/** Makes upstreams, and keeps the identity of those that stay as they were. */
export interface UpstreamMaker {
  make(
    id: string,
    claims: UpstreamClaims,
    snapshot: ClusterSnapshot,
    defaults: ParsedAnnotations,
    isExternalNameDisabled: boolean,
  ): UpstreamModel | undefined;
  /** Forgets all other ids. */
  keepOnly(ids: ReadonlySet<string>): void;
}

interface UpstreamInputs {
  readonly entry: IngressEntry;
  readonly service: ServiceObject | undefined;
  readonly merges: readonly MergeClaim[];
}

function isSameUpstream(a: UpstreamInputs, b: UpstreamInputs): boolean {
  if (a.entry !== b.entry || a.service !== b.service || a.merges.length !== b.merges.length) return false;
  return a.merges.every(({ first, last }, i) => first === b.merges[i]!.first && last === b.merges[i]!.last);
}

export function createUpstreamMaker(features: readonly Feature[]): UpstreamMaker {
  /** What of the annotations of a canary Ingress counts for its upstream (docs/reference/annotations.md §1.3). */
  const ofCanaries = features.filter(
    ({ scope, isOfCanaries }) => scope === 'upstream' && isOfCanaries === true,
  );
  const shelf = new Map<string, Made<UpstreamModel, UpstreamInputs>>();
  const made = new Remembered<string, UpstreamModel, UpstreamInputs>(shelf, isSameUpstream);
  return {
    make(id, claims, snapshot, defaults, isExternalNameDisabled) {
      const claim = claims.claimOf(id);
      if (claim === undefined) return undefined;
      const { entry, ref } = claim;
      const service = snapshot.services.get(`${ref.namespace}/${ref.service}`);
      const merges = claims.mergesOf(ref);
      const inputs = { entry, service, merges };
      return (
        made.get(id, inputs) ??
        made.set(
          id,
          inputs,
          toUpstream(
            id,
            ref,
            service,
            policiesOf(entry, merges, defaults, ofCanaries),
            features,
            isExternalNameDisabled,
            { ...entry.source, field: ref.field },
          ),
        )
      );
    },
    keepOnly(ids) {
      if (shelf.size === ids.size) return;
      for (const id of shelf.keys()) if (!ids.has(id)) shelf.delete(id);
    },
  };
}

function policiesOf(
  entry: IngressEntry,
  merges: readonly MergeClaim[],
  defaults: ParsedAnnotations,
  ofCanaries: readonly Feature[],
): Policies {
  const own = entry.isCanary ? canaryPolicies(entry, defaults, ofCanaries) : entry.annotations.upstream;
  if (merges.length === 0) return own;
  const policies: Record<string, unknown> = { ...own };
  for (const { feature, first, last } of merges) policies[feature.name] = feature.merge!.of(first, last);
  return policies;
}

function canaryPolicies(
  entry: IngressEntry,
  defaults: ParsedAnnotations,
  ofCanaries: readonly Feature[],
): Policies {
  const policies: Record<string, unknown> = { ...defaults.upstream };
  for (const { name } of ofCanaries) {
    const policy = entry.annotations.upstream[name];
    if (policy !== undefined) policies[name] = policy;
    else delete policies[name];
  }
  return policies;
}

/** Says which annotations of a younger Ingress do not count for a shared Service port. */
export function reportUpstreamConflicts(
  { conflicts, mergesOf }: Pick<UpstreamClaims, 'conflicts' | 'mergesOf'>,
  defaults: ParsedAnnotations,
  features: readonly Feature[],
  findings: Findings,
): void {
  const merging = new Map(features.map(({ name, merge }) => [name, merge]));
  for (const { entry, ref, winner } of conflicts) {
    // Of a canary Ingress most annotations do not count, on purpose.
    if (entry.isCanary) continue;
    for (const [feature, policy] of Object.entries(entry.annotations.upstream)) {
      const field = fieldOfFeature(feature, features);
      const merge = merging.get(feature);
      if (merge !== undefined) {
        const claim = mergesOf(ref).find((one) => one.feature.name === feature);
        if (claim === undefined || isDeepStrictEqual(policy, claim.first)) continue;
        findings.warn(entry.source, 'UpstreamConflict', {
          field,
          problem: `differs for ${ref.key} from that of ${printSource(claim.firstEntry.source)}, which asks for it first`,
          consequence: merge.consequence,
        });
        continue;
      }
      if (isDeepStrictEqual(policy, defaults.upstream[feature])) continue;
      const ofWinner = winner.annotations.upstream[feature];
      if (isDeepStrictEqual(policy, ofWinner)) continue;
      findings.warn(entry.source, 'UpstreamConflict', {
        field,
        problem: `is decided for ${ref.key} by ${printSource(winner.source)}, which names it first`,
        consequence: `it is ignored for ${ref.key}`,
      });
    }
  }
}
