import type { Balancer, BalancerDeps, Member } from './balancer.ts';

/** The lower, the better. */
type Score = (member: Member) => number;

/** Looks at all members and takes the one with the lowest score; among equals by lot, in proportion to their shares. */
function createFewest({ random }: BalancerDeps, score: Score): Balancer {
  let members: readonly Member[] = [];
  return {
    update(next) {
      members = next;
    },
    pick(_request, avoid) {
      for (let isAvoiding = avoid !== undefined; ; isAvoiding = false) {
        let best: Member | undefined;
        let lowest = Infinity;
        let equalShares = 0;
        for (const member of members) {
          if (isAvoiding && avoid!(member.endpoint)) continue;
          const own = score(member);
          if (own > lowest) continue;
          const isLower = own < lowest;
          equalShares = isLower ? member.share : equalShares + member.share;
          lowest = own;
          if (isLower || random() * equalShares < member.share) best = member;
        }
        if (best !== undefined) return best.endpoint;
      }
    },
  };
}

/** Fewest requests in flight for its share. */
export function createLeastConn(deps: BalancerDeps): Balancer {
  return createFewest(deps, ({ endpoint, share }) => endpoint.inFlight / share);
}

/** Shortest expected delay: fewest requests for its share with this one counted. */
export function createSed(deps: BalancerDeps): Balancer {
  return createFewest(deps, ({ endpoint, share }) => (endpoint.inFlight + 1) / share);
}

/** Never queue: an idle member if there is one, else the shortest expected delay. */
export function createNq(deps: BalancerDeps): Balancer {
  return createFewest(deps, ({ endpoint, share }) =>
    endpoint.inFlight === 0 ? 0 : (endpoint.inFlight + 1) / share,
  );
}
