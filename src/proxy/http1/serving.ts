import type { ServeContext } from '../exchange/context.ts';
import type { Downstream } from '../exchange/downstream.ts';
import { Lifecycle } from '../exchange/lifecycle.ts';
import { Spares } from '../exchange/spares.ts';
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

/** Those that no connection has at the moment, of one worker. */
export class Servings {
  readonly #context: ServeContext;
  readonly #spares = new Spares<Serving>(128);

  constructor(context: ServeContext) {
    this.#context = context;
  }

  take(downstream: Downstream): Serving {
    const serving = this.#spares.take(this.#context.router());
    if (serving === undefined) return new Serving(this.#context, downstream);
    serving.lifecycle.exchange.bind(downstream);
    return serving;
  }

  /** Takes one back whose request is over. Answers what is left of it to its connection. */
  give(serving: Serving): Serving | undefined {
    return this.#spares.give(serving, serving.lifecycle.exchange, serving.router) ? undefined : serving;
  }
}
