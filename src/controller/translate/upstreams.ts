import { isDeepStrictEqual } from 'node:util';
import type { Feature } from '../../features/kit/feature.ts';
import { Remembered, type Made } from '../../lib/remembered.ts';
import type { Findings } from '../../model/finding.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import { printSource } from '../../model/source.ts';
import type { ServiceObject } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import type { ParsedAnnotations } from './annotations.ts';
import { toUpstream } from './backends.ts';
import type { IngressEntry } from './entries.ts';
import { fieldOfFeature } from './feature-field.ts';
import type { MergeClaim, UpstreamClaims } from './upstream-claims.ts';

/** Makes upstreams, and keeps the identity of those that stay as they were. */
export interface UpstreamMaker {
  make(
    id: string,
    claims: UpstreamClaims,
    snapshot: ClusterSnapshot,
    defaults: ParsedAnnotations,
    isExternalNameDisabled: boolean,
  ): UpstreamModel | undefined;
  forget(id: string): void;
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
    forget: (id) => void shelf.delete(id),
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
  for (const { entry, ref, winner } of conflicts()) {
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
