import { toByteText } from '../../lib/byte-text.ts';
import type { AffinityPolicy } from '../../model/policy.ts';
import type { Exchange } from './exchange.ts';
import type { Upstream } from '../upstream/upstream.ts';

/**
 * Chooses between the primary upstream of the route and its canary, once per request (docs/reference/annotations.md §1.1, §1.4): a session keeps its
 * upstream, then the canary policy decides. The primary has endpoints.
 */
export function splitTraffic(exchange: Exchange, primary: Upstream): void {
  const { routing, tries } = exchange;
  const { route } = routing;
  const { picking } = tries;
  const { canaryUpstream, decideCanary } = route!;
  const affinity = primary.entry.policies.affinity;
  picking.affinity = affinity;
  picking.isAffinityAsked = route!.isAffinityAsked;
  tries.upstream = primary;
  if (decideCanary === undefined || canaryUpstream === undefined) return;
  if (affinity !== undefined && primary.holdsSession(exchange, affinity)) return;
  if (!canaryUpstream.hasEndpoints()) return;
  const inherited = (isInherited(exchange) ? affinity : undefined) ?? canaryUpstream.entry.policies.affinity;
  if (!isHeld(exchange, canaryUpstream, inherited) && !decideCanary(exchange)) return;
  picking.affinity = inherited;
  tries.upstream = canaryUpstream;
  routing.isCanary = true;
  routing.canaryName = toByteText(canaryUpstream.id);
}

function isInherited({ routing }: Exchange): boolean {
  return routing.route!.entry.canary?.policy.affinityBehavior !== 'legacy';
}

function isHeld(exchange: Exchange, upstream: Upstream, affinity: AffinityPolicy | undefined): boolean {
  return affinity !== undefined && upstream.holdsSession(exchange, affinity);
}
