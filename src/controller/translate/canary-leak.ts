import type { CanaryModel, HostModel, RouteModel } from '../../model/model.ts';
import type { IngressEntry } from './entries.ts';
import type { UpstreamClaims } from './upstream-claims.ts';

/**
 * Reproduces ingress-nginx under --canary-scope=upstream (docs/reference/annotations.md §1.2): a canary hangs on the upstream of the route
 * it matched, so that every route to that Service port is split, by the policy of the first Ingress that named the canary's.
 */
export function leakCanaries(
  hosts: readonly HostModel[],
  served: readonly IngressEntry[],
  claims: UpstreamClaims,
): readonly HostModel[] {
  const ages = new Map(served.map(({ source }, age) => [`${source.namespace}/${source.name}`, age]));
  const ageOf = ({ source }: CanaryModel) => ages.get(`${source.namespace}/${source.name}`) ?? 0;
  const byPrimary = new Map<string, Map<string, CanaryModel>>();
  for (const { backend } of hosts.flatMap(({ routes }) => routes)) {
    if (backend?.kind !== 'canary') continue;
    const { upstreamId } = backend;
    for (const canary of backend.canaries) {
      const alternatives = byPrimary.get(upstreamId) ?? new Map<string, CanaryModel>();
      byPrimary.set(upstreamId, alternatives);
      const before = alternatives.get(canary.upstreamId);
      if (before === undefined || ageOf(canary) < ageOf(before)) {
        const first = claims.claimOf(canary.upstreamId)?.entry.annotations.canary;
        alternatives.set(canary.upstreamId, { ...canary, policy: first ?? canary.policy });
      }
    }
  }
  if (byPrimary.size === 0) return hosts;
  const canariesOf = new Map(
    [...byPrimary].map(([id, alternatives]) => [
      id,
      [...alternatives.values()].toSorted((a, b) => ageOf(a) - ageOf(b)),
    ]),
  );
  return hosts.map((host) => {
    const routes = host.routes.map((route): RouteModel => {
      const { backend } = route;
      if (backend === undefined || backend.kind === 'weighted') return route;
      const { upstreamId } = backend;
      const [first, ...others] = canariesOf.get(upstreamId) ?? [];
      return first === undefined
        ? route
        : { ...route, backend: { kind: 'canary', upstreamId, canaries: [first, ...others] } };
    });
    return { ...host, routes };
  });
}
