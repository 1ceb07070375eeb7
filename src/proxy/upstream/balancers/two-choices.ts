import type { EndpointState } from '../endpoint.ts';
import type { Balancer, BalancerDeps } from './balancer.ts';

/** Draws two distinct endpoints, those not yet tried where possible, and takes the one with the lower score (ties: the first). */
export function createTwoChoices(
  { random, nowMs }: BalancerDeps,
  score: (endpoint: EndpointState, nowMs: number) => number,
): Balancer {
  return {
    pick(endpoints, _request, tried) {
      const fresh =
        tried.length === 0 ? endpoints : endpoints.filter((endpoint) => !tried.includes(endpoint));
      const from = fresh.length === 0 ? endpoints : fresh;
      const first = Math.floor(random() * from.length);
      if (from.length === 1) return from[0]!;
      const second = (first + 1 + Math.floor(random() * (from.length - 1))) % from.length;
      const now = nowMs();
      return score(from[second]!, now) < score(from[first]!, now) ? from[second]! : from[first]!;
    },
  };
}
