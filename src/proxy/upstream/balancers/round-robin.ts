import type { RequestView } from '../../../features/kit/filter.ts';
import type { EndpointState } from '../endpoint.ts';
import type { Avoid, Balancer, BalancerDeps, Member } from './balancer.ts';

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
  return new RoundRobin(random);
}

/** A class, since each of thousands of upstreams would have closures of its own. */
class RoundRobin implements Rotation {
  readonly #random: () => number;
  #turns: readonly Turn[] = [];
  #isEven = true;
  #next = -1;

  constructor(random: () => number) {
    this.#random = random;
  }

  update(members: readonly Member[]): void {
    // As long as shares are equal nobody asks for credit.
    const known = this.#isEven ? [] : this.#turns;
    const credits = new Map(known.map(({ endpoint, credit }) => [endpoint, credit]));
    this.#isEven = members.every(({ share }) => share === members[0]!.share);
    const total = members.reduce((sum, { share }) => sum + share, 0);
    this.#turns = members.map(({ endpoint, share }) => ({
      endpoint,
      share,
      credit: this.#isEven ? 0 : (credits.get(endpoint) ?? this.#random() * total - total / 2),
    }));
    if (this.#next < 0 || this.#next >= members.length)
      this.#next = Math.floor(this.#random() * members.length);
  }

  pick(_request: RequestView | undefined, avoid: Avoid | undefined): EndpointState {
    return this.#isEven ? this.#rotate(avoid) : (this.#weigh(avoid) ?? this.#weigh(undefined)!);
  }

  #rotate(avoid: Avoid | undefined): EndpointState {
    const turns = this.#turns;
    const { length } = turns;
    let { endpoint } = turns[this.#next]!;
    this.#next = this.#next + 1 === length ? 0 : this.#next + 1;
    if (avoid === undefined) return endpoint;
    for (let i = 1; i < length && avoid(endpoint); i++) {
      ({ endpoint } = turns[this.#next]!);
      this.#next = this.#next + 1 === length ? 0 : this.#next + 1;
    }
    return endpoint;
  }

  #weigh(avoid: Avoid | undefined): EndpointState | undefined {
    let total = 0;
    let best: Turn | undefined;
    for (const turn of this.#turns) {
      if (avoid !== undefined && avoid(turn.endpoint)) continue;
      total += turn.share;
      turn.credit += turn.share;
      if (best === undefined || turn.credit > best.credit) best = turn;
    }
    if (best === undefined) return undefined;
    best.credit -= total;
    return best.endpoint;
  }
}
