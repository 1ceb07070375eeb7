import type { RequestView } from '../../../features/kit/filter.ts';
import type { EndpointState } from '../endpoint.ts';
import type { Avoid, Balancer, BalancerDeps } from './balancer.ts';

/** Asks no request anything, and does without one. */
export interface Rotation extends Balancer {
  pick(request: RequestView | undefined, avoid: Avoid | undefined): EndpointState;
}

interface Turn {
  readonly endpoint: EndpointState;
  readonly share: number;
  /** What it is owed; grows by its share with every request that goes elsewhere. */
  credit: number;
}

/**
 * Rotation from a random start, so that workers and replicas do not march in step (docs/reference/annotations.md §3.2); smooth weighted, as nginx has
 * it, where the shares differ.
 */
export function createRoundRobin({ random }: BalancerDeps): Rotation {
  let turns: readonly Turn[] = [];
  let isEven = true;
  let next = -1;

  function rotate(avoid: Avoid | undefined): EndpointState {
    const { length } = turns;
    let { endpoint } = turns[next]!;
    next = next + 1 === length ? 0 : next + 1;
    if (avoid === undefined) return endpoint;
    for (let i = 1; i < length && avoid(endpoint); i++) {
      ({ endpoint } = turns[next]!);
      next = next + 1 === length ? 0 : next + 1;
    }
    return endpoint;
  }

  function weigh(avoid: Avoid | undefined): EndpointState | undefined {
    let total = 0;
    let best: Turn | undefined;
    for (const turn of turns) {
      if (avoid !== undefined && avoid(turn.endpoint)) continue;
      total += turn.share;
      turn.credit += turn.share;
      if (best === undefined || turn.credit > best.credit) best = turn;
    }
    if (best === undefined) return undefined;
    best.credit -= total;
    return best.endpoint;
  }

  return {
    update(members) {
      const credits = new Map(turns.map(({ endpoint, credit }) => [endpoint, credit]));
      isEven = members.every(({ share }) => share === members[0]!.share);
      const total = members.reduce((sum, { share }) => sum + share, 0);
      turns = members.map(({ endpoint, share }) => ({
        endpoint,
        share,
        credit: credits.get(endpoint) ?? random() * total - total / 2,
      }));
      if (next < 0 || next >= turns.length) next = Math.floor(random() * turns.length);
    },
    pick: (_request, avoid) => (isEven ? rotate(avoid) : (weigh(avoid) ?? weigh(undefined)!)),
  };
}
