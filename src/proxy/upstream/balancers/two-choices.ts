import type { Balancer, BalancerDeps, Member } from './balancer.ts';

/** The lower, the better; `now` in ms. */
type Score = (member: Member, nowMs: number) => number;

/** Draws two distinct members and takes the one with the lower score (ties: the first). */
function createTwoChoices(
  { random, nowMs }: BalancerDeps,
  score: Score,
  onUpdate?: Balancer['update'],
): Balancer {
  let members: readonly Member[] = [];
  return {
    update(next) {
      members = next;
      onUpdate?.(next);
    },
    pick(_request, avoid) {
      let from = members;
      if (avoid !== undefined) {
        from = members.filter(({ endpoint }) => !avoid(endpoint));
        if (from.length === 0) from = members;
      }
      const { length } = from;
      if (length === 1) return from[0]!.endpoint;
      const first = Math.floor(random() * length);
      const second = (first + 1 + Math.floor(random() * (length - 1))) % length;
      const now = nowMs();
      return (score(from[second]!, now) < score(from[first]!, now) ? from[second]! : from[first]!).endpoint;
    },
  };
}

/** Fewer requests in flight of two drawn at random. */
export function createRandomTwo(deps: BalancerDeps): Balancer {
  return createTwoChoices(deps, ({ endpoint, share }) => (endpoint.inFlight + 1) / share);
}

/** Lower EWMA of response times of two drawn at random (docs/reference/annotations.md §3.2). An endpoint that was never measured starts at the average. */
export function createEwma(deps: BalancerDeps): Balancer {
  const score: Score = ({ endpoint, share }, nowMs) => endpoint.latency.at(nowMs) / share;
  return createTwoChoices(deps, score, (members) => {
    const measured = members.filter(({ endpoint }) => endpoint.latency.hasBegun);
    const sum = measured.reduce((total, { endpoint }) => total + endpoint.latency.valueMs, 0);
    const averageMs = measured.length === 0 ? 0 : sum / measured.length;
    for (const { endpoint } of members) endpoint.latency.begin(averageMs, deps.nowMs());
  });
}
