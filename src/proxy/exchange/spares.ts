import type { Router } from '../router/linked.ts';
import type { Exchange } from './exchange.ts';

/**
 * What serves requests and has none at the moment, of one worker: the next request has one of them, whosever it is. None of them is of
 * another table than the last request.
 */
export class Spares<T> {
  readonly #spare: T[] = [];
  readonly #most: number;
  /** That of all of them. */
  #router: Router | undefined = undefined;

  /** So many are kept at most; more are left to the collector. */
  constructor(most: number) {
    this.#most = most;
  }

  /** One for a request that is served by that table; undefined: there is none. */
  take(router: Router): T | undefined {
    if (router !== this.#router) {
      this.#router = router;
      this.#spare.length = 0;
    }
    return this.#spare.pop();
  }

  /**
   * Takes one back, made under `router`, with its exchange. False: somebody may hold on to that, such as a filter's promise, and nobody else
   * is to have it.
   */
  give(one: T, { hasWaited, isActive, routing }: Exchange, router: Router): boolean {
    if (isActive || hasWaited) return false;
    const isOfNow = router === this.#router && routing.router === this.#router;
    if (isOfNow && this.#spare.length < this.#most) this.#spare.push(one);
    return true;
  }
}
