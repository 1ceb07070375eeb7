import type { DirectResponse, Filter } from '../../features/kit/filter.ts';
import { patternTime } from '../../lib/pattern-time.ts';
import type { RequestHead } from '../message/heads.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { resolveTarget } from '../message/target.ts';
import { DEFAULT_BACKEND } from '../../lib/catch-all.ts';
import { answerDirect, answerError, answerFault, answerPage, answerSlashRedirect } from './answer.ts';
import { toByteText } from '../../lib/byte-text.ts';
import type { LinkedRoute } from '../router/linked.ts';
import type { ServeContext } from './context.ts';
import type { Downstream } from './downstream.ts';
import type { ExchangeEvents } from './events.ts';
import { Exchange } from './exchange.ts';
import { finishExchange } from './finish.ts';
import { Forwarding } from './forwarding.ts';
import { answerHostService } from './host-services.ts';
import { splitTraffic } from './split.ts';

/*
 * One request, as docs/architecture.md#a-request lists it, with its numbers. A stage that answers goes straight to its end through
 * answer.ts.
 */

type Stage = (exchange: Exchange) => void;

/** Keeps the record of one exchange after another, by what a wire tells of them. */
export class Lifecycle implements ExchangeEvents {
  readonly exchange: Exchange;
  readonly #forwarding: Forwarding;

  constructor(context: ServeContext, downstream: Downstream, head: RequestHead) {
    this.exchange = new Exchange(context, downstream, head);
    this.#forwarding = new Forwarding(this.exchange);
    this.exchange.forwarding = this.#forwarding;
  }

  /** `nowMs`: when the head was read. */
  begin(
    head: RequestHead,
    headBytes: number,
    sequence: number,
    nowMs: number = this.exchange.context.now(),
  ): void {
    this.exchange.begin(head, headBytes, sequence, nowMs);
    resolve(this.exchange);
  }

  refuse(head: RequestHead, code: ProxyErrorCode, sequence: number): void {
    this.exchange.begin(head, 0, sequence, this.exchange.context.now());
    answerError(this.exchange, code);
  }

  onBodyData(buffer: Buffer, start: number, end: number): boolean {
    const { exchange } = this;
    const { serial } = exchange;
    exchange.accounting.requestLength += end - start;
    for (const tap of exchange.taps) tap.onBodyData(buffer, start, end);
    this.#forwarding.body.onData(buffer, start, end);
    return exchange.isServing(serial);
  }

  onBodyRead(): void {
    this.#forwarding.body.onRead();
  }

  onBodyEnd(): void {
    for (const tap of this.exchange.taps) tap.onBodyEnd();
    this.#forwarding.body.onEnd();
  }

  onBodyRefused(code: ProxyErrorCode): void {
    this.#forwarding.onBodyRefused(code);
  }

  onDownstreamDrain(): void {
    this.#forwarding.onDownstreamDrain();
  }

  onTunnelData(bytes: Buffer): void {
    this.#forwarding.tunnel?.onDownstreamData(bytes);
  }

  onTunnelEnd(): void {
    this.#forwarding.tunnel?.onDownstreamEnd();
  }

  /** What is left to do is to let go of the upstream, and to say so. */
  onClientGone(): void {
    const { exchange } = this;
    if (!exchange.isActive) return;
    this.#forwarding.cancel();
    if (!exchange.response.isHeadSent) exchange.response.status = 499;
    finishExchange(exchange);
  }

  onFault(fault: unknown): void {
    answerFault(this.exchange, fault);
  }
}

/** 4. Normalise host and path. */
function resolve(exchange: Exchange): void {
  const { request, routing } = exchange;
  const { method, target, host } = request.head;
  const refusal = resolveTarget(method, target, host, request);
  if (refusal !== undefined) {
    answerError(exchange, refusal);
    return;
  }
  // 5. Match: the host, and what belongs to it as a whole.
  const linkedHost = routing.router.hostOf(request.host);
  routing.linkedHost = linkedHost;
  const { turns } = exchange.context;
  if (turns.isSpent && turns.hasToWait(linkedHost, request.path)) {
    exchange.isAtOnce = false;
    turns.putOff(exchange, () => enterPutOff(exchange));
  } else {
    enter(exchange);
  }
}

function enter(exchange: Exchange): void {
  const linkedHost = exchange.routing.linkedHost!;
  const beforeMs = patternTime.totalMs;
  try {
    if (linkedHost.filters.length > 0) runChain(exchange, linkedHost.filters, 0, matchRoute);
    else matchRoute(exchange);
  } finally {
    if (patternTime.totalMs !== beforeMs) {
      exchange.context.turns.charge(linkedHost, patternTime.totalMs - beforeMs);
    }
  }
}

function enterPutOff(exchange: Exchange): void {
  try {
    enter(exchange);
  } catch (fault) {
    answerFault(exchange, fault);
  }
}

function matchRoute(exchange: Exchange): void {
  const { request, routing, response } = exchange;
  const linkedHost = routing.linkedHost!;
  const match = linkedHost.match(request.path);
  const isCatchAll = linkedHost === routing.router.defaultHost;
  if (isCatchAll && answerHostService(exchange, match)) return;
  response.isHstsDue = exchange.info.scheme === 'https';
  if (match === undefined) {
    routing.nameDefaultBackend();
    routing.series = linkedHost.unmatchedSeries();
    answerError(exchange, 'not_found');
    return;
  }
  if (match.kind === 'slash-redirect') {
    routing.nameUpstream();
    routing.series = linkedHost.namelessSeries();
    answerSlashRedirect(exchange, match.path, match.form);
    return;
  }
  routing.route = match;
  routing.nameUpstream();
  // A declared length above the limit ends here, before any policy of the route (docs/reference/evaluation-order.md §1).
  const { maxBodyBytes } = match.body;
  if (maxBodyBytes > 0 && request.head.contentLength > maxBodyBytes) {
    routing.series = linkedHost.namelessSeries();
    answerError(exchange, 'body_too_large');
    return;
  }
  if (match.deniedStatus !== undefined) {
    // A closed host answers as itself (docs/reference/routing.md §8).
    if (match.deniedStatus === 403) response.isHstsDue = false;
    answerPage(exchange, match.deniedStatus);
    return;
  }
  // 7. Request filters; the first direct response ends it.
  if (match.onRequest.length > 0) runChain(exchange, match.onRequest, 0, chooseUpstream);
  else chooseUpstream(exchange);
}

/** 6. Split: what has no endpoints answers 503, else primary or canary is chosen. */
function chooseUpstream(exchange: Exchange): void {
  const { routing, tries } = exchange;
  const route = routing.route!;
  const { upstream } = route;
  if (upstream === undefined) {
    access(exchange, route, answerNotFound);
    return;
  }
  if (!upstream.hasEndpoints()) {
    // The default backend is what answers for nobody: without it, there is nothing to be found (docs/reference/routing.md §10).
    if (standIn(exchange, route)) access(exchange, route, forward);
    else if (upstream.id === DEFAULT_BACKEND) access(exchange, route, answerNotFound);
    else answerError(exchange, 'no_endpoints');
    return;
  }
  tries.picking.cookiePath = route.path;
  tries.picking.hostName = routing.linkedHost!.name;
  splitTraffic(exchange, upstream);
  access(exchange, route, forward);
}

/** Whether another upstream takes the request of one that has no endpoints. */
function standIn(exchange: Exchange, { onNoEndpoints }: LinkedRoute): boolean {
  for (const filter of onNoEndpoints) {
    const named = filter.onNoEndpoints!(exchange);
    const upstream = named && exchange.context.upstreamOf(named.id);
    if (upstream === undefined || !upstream.hasEndpoints()) continue;
    exchange.tries.upstream = upstream;
    exchange.tries.picking.affinity = undefined;
    exchange.routing.upstreamName = toByteText(named!.name);
    return true;
  }
  return false;
}

function access(exchange: Exchange, route: LinkedRoute, next: Stage): void {
  if (route.onAccess.length > 0) runChain(exchange, route.onAccess, 0, next);
  else next(exchange);
}

/** In place of a default backend, which would have met all checks of the route. */
function answerNotFound(exchange: Exchange): void {
  answerError(exchange, 'not_found');
}

/** 8. to 13.: from here on the request goes to an upstream. */
function forward(exchange: Exchange): void {
  exchange.forwarding.begin();
}

/** Runs filters from `first` on, then the next stage; waits only for a filter that answers with a promise. */
function runChain(exchange: Exchange, filters: readonly Filter[], first: number, next: Stage): void {
  for (let i = first; i < filters.length; i++) {
    const answer = filters[i]!.onRequest!(exchange);
    if (answer === undefined) continue;
    exchange.isAtOnce = false;
    if (answer instanceof Promise) void resumeChain(exchange, answer, filters, i + 1, next);
    else answerFilter(exchange, answer);
    return;
  }
  next(exchange);
}

async function resumeChain(
  exchange: Exchange,
  pending: Promise<DirectResponse | undefined>,
  filters: readonly Filter[],
  first: number,
  next: Stage,
): Promise<void> {
  const { serial } = exchange;
  exchange.hasWaited = true;
  try {
    const answer = await pending;
    // The client may be gone, and the exchange with it.
    if (!exchange.isServing(serial)) return;
    if (answer === undefined) runChain(exchange, filters, first, next);
    else answerFilter(exchange, answer);
  } catch (fault) {
    if (exchange.isServing(serial)) answerFault(exchange, fault);
    else exchange.context.report(fault);
  }
}

function answerFilter(exchange: Exchange, answer: DirectResponse): void {
  if (exchange.routing.route === undefined) exchange.routing.nameUpstream();
  if (answer.refusal === undefined) answerDirect(exchange, answer);
  else answerError(exchange, answer.refusal);
}
