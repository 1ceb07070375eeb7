import { isDeepStrictEqual } from 'node:util';
import type { Feature } from '../../features/kit/feature.ts';
import { Remembered, type Made } from '../../lib/remembered.ts';
import type { Findings } from '../../model/finding.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import { printSource } from '../../model/source.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import type { ParsedAnnotations } from './annotations.ts';
import { DEFAULT_UPSTREAM_ID, toUpstream, type BackendRef } from './backends.ts';
import type { IngressEntry } from './entries.ts';
import { fieldOfFeature } from './feature-field.ts';

/** Which Ingress named each upstream first, and so decides its policies. */
export interface UpstreamClaims {
  /** Id of a backend's upstream: the plain one, unless another Service port has taken it. */
  readonly idOf: (ref: BackendRef) => string;
  readonly claimOf: (id: string) => { readonly entry: IngressEntry; readonly ref: BackendRef } | undefined;
  /** What main Ingresses ask for of a backend, for a feature that makes one policy of theirs. */
  readonly mergeOf: (ref: BackendRef, feature: string) => MergeClaim | undefined;
  /** Ingresses whose annotations ask for something else than those of the one that decides. */
  readonly conflicts: readonly UpstreamConflict[];
  /** Backends whose plain id was taken, as text: the same text means the same ids. */
  readonly collisions: string;
}

/** Policies of one feature: the oldest Ingress's and the youngest one's. */
export interface MergeClaim {
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
  const merges = new Map<string, MergeClaim>();
  for (const entry of entries) {
    for (const ref of entry.backends) {
      for (const { name } of merging) {
        const policy = entry.isCanary ? undefined : entry.annotations.upstream[name];
        if (policy === undefined) continue;
        const key = `${name} ${ref.key}`;
        const { first, firstEntry } = merges.get(key) ?? { first: policy, firstEntry: entry };
        merges.set(key, { first, last: policy, firstEntry });
      }
      const claim = claims.get(ref.id);
      if (claim === undefined && ref.id !== DEFAULT_UPSTREAM_ID) claims.set(ref.id, { entry, ref });
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
    mergeOf: (ref, feature) => merges.get(`${feature} ${ref.key}`),
    conflicts,
    collisions: [...others].join(' '),
  };
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

export function createUpstreamMaker(features: readonly Feature[]): UpstreamMaker {
  /** What of the annotations of a canary Ingress counts for its upstream (docs/reference/annotations.md §1.3). */
  const ofCanaries = features.filter(
    ({ scope, isOfCanaries }) => scope === 'upstream' && isOfCanaries === true,
  );
  const merging = features.filter(({ merge }) => merge !== undefined);
  const shelf = new Map<string, Made<UpstreamModel>>();
  const made = new Remembered<string, UpstreamModel>(shelf);
  return {
    make(id, claims, snapshot, defaults, isExternalNameDisabled) {
      const claim = claims.claimOf(id);
      if (claim === undefined) return undefined;
      const { entry, ref } = claim;
      const service = snapshot.services.get(`${ref.namespace}/${ref.service}`);
      const merged = merging.map((feature) => ({ feature, claim: claims.mergeOf(ref, feature.name) }));
      const inputs = merged.flatMap(({ claim }) => [claim?.first, claim?.last]);
      return made.of(id, [entry, service, ...inputs], () => {
        const own = entry.isCanary ? canaryPolicies(entry, defaults, ofCanaries) : entry.annotations.upstream;
        const policies: Record<string, unknown> = { ...own };
        for (const { feature, claim } of merged)
          if (claim !== undefined) policies[feature.name] = feature.merge!.of(claim.first, claim.last);
        const source = { ...entry.source, field: ref.field };
        return toUpstream(id, ref, service, policies, features, isExternalNameDisabled, source);
      });
    },
    keepOnly(ids) {
      if (shelf.size === ids.size) return;
      for (const id of shelf.keys()) if (!ids.has(id)) shelf.delete(id);
    },
  };
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
  { conflicts, mergeOf }: Pick<UpstreamClaims, 'conflicts' | 'mergeOf'>,
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
        const claim = mergeOf(ref, feature);
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
