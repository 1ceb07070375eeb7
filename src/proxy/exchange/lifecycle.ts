import type { DirectResponse, Filter } from '../../features/kit/filter.ts';
import { answerDirect, answerError, answerFault, answerPage, answerSlashRedirect } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { answerHostService } from './host-services.ts';
import { DEFAULT_BACKEND } from '../router/linked.ts';
import { resolveTarget } from '../message/target.ts';
import { splitTraffic } from './split.ts';

/*
 * One request, as docs/architecture.md#a-request lists it, with its numbers. A stage that answers goes straight to its end through
 * answer.ts.
 */

type Stage = (exchange: Exchange) => void;

/** Runs an exchange that has begun: its head is parsed. */
export function handleExchange(exchange: Exchange): void {
  // 4. Normalise host and path.
  const refusal = resolveTarget(exchange.head.method, exchange.head.target, exchange.head.host, exchange);
  if (refusal !== undefined) {
    answerError(exchange, refusal);
    return;
  }
  // 5. Match: the host, and what belongs to it as a whole.
  const linkedHost = exchange.router.hostOf(exchange.host);
  exchange.linkedHost = linkedHost;
  if (linkedHost.filters.length > 0) runChain(exchange, linkedHost.filters, 0, matchRoute);
  else matchRoute(exchange);
}

function matchRoute(exchange: Exchange): void {
  const linkedHost = exchange.linkedHost!;
  const match = linkedHost.match(exchange.path);
  const isCatchAll = linkedHost === exchange.router.defaultHost;
  if (isCatchAll && answerHostService(exchange, match)) return;
  exchange.isHstsDue = exchange.info.scheme === 'https';
  if (match === undefined) {
    exchange.nameDefaultBackend();
    answerError(exchange, 'not_found');
    return;
  }
  if (match.kind === 'slash-redirect') {
    exchange.upstreamName = '-';
    answerSlashRedirect(exchange, match.path, match.form);
    return;
  }
  exchange.route = match;
  exchange.nameUpstream();
  // A declared length above the limit ends here, before any policy of the route (docs/reference/evaluation-order.md §1).
  const { maxBodyBytes } = match.body;
  if (maxBodyBytes > 0 && exchange.head.contentLength > maxBodyBytes) {
    answerError(exchange, 'body_too_large');
    return;
  }
  if (match.deniedStatus !== undefined) {
    answerPage(exchange, match.deniedStatus);
    return;
  }
  // 7. Request filters; the first direct response ends it.
  if (match.onRequest.length > 0) runChain(exchange, match.onRequest, 0, chooseUpstream);
  else chooseUpstream(exchange);
}

/** 6. Split: what has no endpoints answers 503, else primary or canary is chosen. */
function chooseUpstream(exchange: Exchange): void {
  const route = exchange.route!;
  const { upstream } = route;
  if (upstream === undefined) {
    answerError(exchange, 'not_found');
    return;
  }
  if (!upstream.hasEndpoints()) {
    // The default backend is what answers for nobody: without it, there is nothing to be found (docs/reference/routing.md §10).
    answerError(exchange, upstream.id === DEFAULT_BACKEND ? 'not_found' : 'no_endpoints');
    return;
  }
  exchange.picking.cookiePath = route.path;
  exchange.picking.hostName = exchange.linkedHost!.name;
  splitTraffic(exchange, upstream);
  if (route.onAccess.length > 0) runChain(exchange, route.onAccess, 0, forward);
  else forward(exchange);
}

/** 8. to 13.: from here on the request goes to an upstream. */
function forward(exchange: Exchange): void {
  exchange.forwarding.body.begin();
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
  const { sequence } = exchange;
  try {
    const answer = await pending;
    // The client may be gone, and the exchange with it.
    if (!exchange.isActive || exchange.sequence !== sequence) return;
    if (answer === undefined) runChain(exchange, filters, first, next);
    else answerFilter(exchange, answer);
  } catch (fault) {
    if (exchange.isActive && exchange.sequence === sequence) answerFault(exchange, fault);
    else exchange.context.report(fault);
  }
}

function answerFilter(exchange: Exchange, answer: DirectResponse): void {
  if (exchange.route === undefined) exchange.nameUpstream();
  answerDirect(exchange, answer);
}
