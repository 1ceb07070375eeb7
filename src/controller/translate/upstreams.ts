import { isDeepStrictEqual } from 'node:util';
import type { Feature } from '../../features/kit/feature.ts';
import { Remembered, type Made } from '../../lib/remembered.ts';
import type { Findings } from '../../model/finding.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { AffinityPolicy, Policies } from '../../model/policy.ts';
import { printSource } from '../../model/source.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import type { ParsedAnnotations } from './annotations.ts';
import { DEFAULT_UPSTREAM_ID, toUpstream, type BackendRef } from './backends.ts';
import type { IngressEntry } from './entries.ts';
import { fieldOfFeature } from './hosts.ts';

/** Which Ingress named each upstream first, and so decides its policies. */
export interface UpstreamClaims {
  /** Id of a backend's upstream: the plain one, unless another Service port has taken it. */
  readonly idOf: (ref: BackendRef) => string;
  readonly claimOf: (id: string) => { readonly entry: IngressEntry; readonly ref: BackendRef } | undefined;
  /** Main Ingresses that ask for affinity of a backend: the oldest and the youngest. */
  readonly affinityOf: (ref: BackendRef) => AffinityClaim | undefined;
  /** Ingresses whose annotations ask for something else than those of the one that decides. */
  readonly conflicts: readonly UpstreamConflict[];
  /** Backends whose plain id was taken, as text: the same text means the same ids. */
  readonly collisions: string;
}

/** The mode is the first's, the cookie the last's (docs/reference/annotations.md §4). */
export interface AffinityClaim {
  readonly first: AffinityPolicy;
  readonly last: AffinityPolicy;
  readonly firstEntry: IngressEntry;
}

export interface UpstreamConflict {
  readonly entry: IngressEntry;
  readonly ref: BackendRef;
  readonly winner: IngressEntry;
}

/** Goes through the Ingresses, oldest first. */
export function claimUpstreams(entries: Iterable<IngressEntry>): UpstreamClaims {
  const claims = new Map<string, { entry: IngressEntry; ref: BackendRef }>();
  // `a-b`/`c` and `a`/`b-c` would share the id `a-b-c-80`: the second to come gets one that no name can make.
  const others = new Set<string>();
  const conflicts: UpstreamConflict[] = [];
  const affinities = new Map<string, AffinityClaim>();
  for (const entry of entries) {
    const affinity = entry.isCanary ? undefined : entry.annotations.upstream.affinity;
    for (const ref of entry.backends) {
      if (affinity !== undefined)
        affinities.set(ref.key, {
          first: affinity,
          firstEntry: entry,
          ...affinities.get(ref.key),
          last: affinity,
        });
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
    affinityOf: (ref) => affinities.get(ref.key),
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
  const shelf = new Map<string, Made<UpstreamModel>>();
  const made = new Remembered<string, UpstreamModel>(shelf);
  return {
    make(id, claims, snapshot, defaults, isExternalNameDisabled) {
      const claim = claims.claimOf(id);
      if (claim === undefined) return undefined;
      const { entry, ref } = claim;
      const service = snapshot.services.get(`${ref.namespace}/${ref.service}`);
      const affinity = claims.affinityOf(ref);
      return made.of(id, [entry, service, affinity?.first, affinity?.last], () => {
        const own = entry.isCanary ? canaryPolicies(entry, defaults, ofCanaries) : entry.annotations.upstream;
        const policies =
          affinity === undefined
            ? own
            : { ...own, affinity: { ...affinity.last, mode: affinity.first.mode } };
        const source = { ...entry.source, field: ref.field };
        return toUpstream(id, ref, service, policies, isExternalNameDisabled, source);
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
  { conflicts, affinityOf }: Pick<UpstreamClaims, 'conflicts' | 'affinityOf'>,
  defaults: ParsedAnnotations,
  features: readonly Feature[],
  findings: Findings,
): void {
  for (const { entry, ref, winner } of conflicts) {
    // Of a canary Ingress most annotations do not count, on purpose.
    if (entry.isCanary) continue;
    reportAffinityConflict(entry, ref, affinityOf(ref), features, findings);
    for (const [feature, policy] of Object.entries(entry.annotations.upstream)) {
      if (isDeepStrictEqual(policy, defaults.upstream[feature])) continue;
      const ofWinner = winner.annotations.upstream[feature];
      if (isDeepStrictEqual(policy, ofWinner)) continue;
      if (feature === 'affinity') continue;
      findings.warn(entry.source, 'UpstreamConflict', {
        field: fieldOfFeature(feature, features),
        problem: `is decided for ${ref.key} by ${printSource(winner.source)}, which names it first`,
        consequence: `it is ignored for ${ref.key}`,
      });
    }
  }
}

function reportAffinityConflict(
  entry: IngressEntry,
  ref: BackendRef,
  claim: AffinityClaim | undefined,
  features: readonly Feature[],
  findings: Findings,
): void {
  const { affinity } = entry.annotations.upstream;
  if (affinity === undefined || claim === undefined || isDeepStrictEqual(affinity, claim.first)) return;
  findings.warn(entry.source, 'UpstreamConflict', {
    field: fieldOfFeature('affinity', features),
    problem: `differs for ${ref.key} from that of ${printSource(claim.firstEntry.source)}, which asks for it first`,
    consequence: 'the mode of the older Ingress and the cookie of the youngest one count for both',
  });
}
