import type { ServeContext } from '../exchange/context.ts';
import type { Downstream } from '../exchange/downstream.ts';
import { Lifecycle } from '../exchange/lifecycle.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { Http1RequestHead } from './heads.ts';
import { RequestParser } from './request-parser.ts';

/** What a connection needs while it has a request, or a part of one; an idle connection has none. */
export class Serving {
  /** Those that the parser holds heads to. */
  readonly settings: DataPlaneSettings;
  readonly parser: RequestParser;
  readonly lifecycle: Lifecycle;
  /** Of the present request. */
  head: Http1RequestHead;

  constructor(context: ServeContext, downstream: Downstream) {
    this.settings = context.router().settings;
    this.parser = new RequestParser(this.settings);
    this.head = this.parser.head;
    this.lifecycle = new Lifecycle(context, downstream, this.parser.head);
  }
}

/** So many are kept for the connections that have their next request first; more are left to the collector. */
const MAX_SPARE = 128;

/** Those that no connection has at the moment, of one worker. */
export class Servings {
  readonly #context: ServeContext;
  readonly #spare: Serving[] = [];

  constructor(context: ServeContext) {
    this.#context = context;
  }

  take(downstream: Downstream): Serving {
    const spare = this.#spare;
    const { settings } = this.#context.router();
    while (spare.length > 0) {
      const serving = spare.pop()!;
      if (serving.settings !== settings) continue;
      serving.lifecycle.exchange.bind(downstream);
      return serving;
    }
    return new Serving(this.#context, downstream);
  }

  /** Takes one back whose request is over, unless somebody may hold on to it. Answers what is left of it to its connection. */
  give(serving: Serving): Serving | undefined {
    const { exchange } = serving.lifecycle;
    if (exchange.isActive || exchange.hasWaited) return serving;
    if (this.#spare.length < MAX_SPARE) this.#spare.push(serving);
    return undefined;
  }
}
