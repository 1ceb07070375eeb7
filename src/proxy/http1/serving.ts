import type { ServeContext } from '../exchange/context.ts';
import type { Downstream } from '../exchange/downstream.ts';
import { Lifecycle } from '../exchange/lifecycle.ts';
import type { Router } from '../router/linked.ts';
import type { Http1RequestHead } from './heads.ts';
import { RequestParser } from './request-parser.ts';

/** What a connection needs while it has a request, or a part of one; an idle connection has none. */
export class Serving {
  /** Whose settings the parser holds heads to. */
  readonly router: Router;
  readonly parser: RequestParser;
  readonly lifecycle: Lifecycle;
  /** Of the present request. */
  head: Http1RequestHead;

  constructor(context: ServeContext, downstream: Downstream) {
    this.router = context.router();
    this.parser = new RequestParser(this.router.settings);
    this.head = this.parser.head;
    this.lifecycle = new Lifecycle(context, downstream, this.parser.head);
  }
}

/** So many are kept for the connections that have their next request first; more are left to the collector. */
const MAX_SPARE = 128;

/** Those that no connection has at the moment, of one worker. None of them is of another table than the last request. */
export class Servings {
  readonly #context: ServeContext;
  readonly #spare: Serving[] = [];
  /** That of all spare ones. */
  #router: Router | undefined = undefined;

  constructor(context: ServeContext) {
    this.#context = context;
  }

  take(downstream: Downstream): Serving {
    const router = this.#context.router();
    if (router !== this.#router) {
      this.#router = router;
      this.#spare.length = 0;
    }
    const serving = this.#spare.pop();
    if (serving === undefined) return new Serving(this.#context, downstream);
    serving.lifecycle.exchange.bind(downstream);
    return serving;
  }

  /** Takes one back whose request is over, unless somebody may hold on to it. Answers what is left of it to its connection. */
  give(serving: Serving): Serving | undefined {
    const { exchange } = serving.lifecycle;
    if (exchange.isActive || exchange.hasWaited) return serving;
    const isOfNow = serving.router === this.#router && exchange.routing.router === this.#router;
    if (isOfNow && this.#spare.length < MAX_SPARE) this.#spare.push(serving);
    return undefined;
  }
}
