import { escapePath } from '../../lib/escape-path.ts';
import type { DirectResponse } from '../../features/kit/filter.ts';
import { locationFormOf, toLocation } from '../../features/kit/location-form.ts';
import { PROXY_ERRORS, type ProxyErrorCode, type ProxyErrorKind } from '../message/proxy-errors.ts';
import { reasonOf, stockPage, type StockPage } from './stock-page.ts';
import { detourOf } from './detour.ts';
import type { Exchange } from './exchange.ts';
import { finishExchange } from './finish.ts';
import { grpcErrorLines, isGrpcCall } from './grpc-answer.ts';
import {
  contentLengthLine,
  headerLine,
  type HeadText,
  joinLines,
  NO_LINES,
  UnsafeText,
} from '../message/head-text.ts';
import { responseLinesOf } from './head-rules.ts';
import { LinesEditor, ResponseLinesEditor } from '../message/head-editor.ts';

const HTML = headerLine('Content-Type', 'text/html');

/** Statuses that are logged, and cut the connection in place of an answer (nginx: 444 and what it takes for a client that is gone). */
const CUTTING: ReadonlySet<number> = new Set([408, 444, 499]);

/** Sends an answer that the proxy makes itself and ends the exchange. Throws UnsafeText. */
export function answerDirect(exchange: Exchange, answer: DirectResponse): void {
  const { status, headers = [], contentType = 'text/html' } = answer;
  if (CUTTING.has(status)) {
    exchange.response.status = status;
    finishExchange(exchange);
    exchange.downstream.abort();
    return;
  }
  if (answer.hasNoHsts === true) exchange.response.isHstsDue = false;
  const page = pageFor(exchange, status);
  const isBodiless = status === 204 || status === 304;
  const body = isBodiless ? '' : (answer.body ?? page.body);
  let before = NO_LINES;
  if (!isBodiless) {
    const isTyped = headers.some(([name]) => name.toLowerCase() === 'content-type');
    before = joinLines(
      isTyped ? NO_LINES : headerLine('Content-Type', contentType),
      contentLengthLine(body.length),
    );
  }
  let behind = NO_LINES;
  for (const [name, value] of headers) {
    if (name.toLowerCase() !== 'content-length') behind = joinLines(behind, headerLine(name, value));
  }
  send(exchange, status, reasonOf(status), before, behind, body);
}

/** Sends the stock page of a failure, or cuts the response off when some of it is out. */
export function answerError(exchange: Exchange, code: ProxyErrorCode): void {
  const kind: ProxyErrorKind = PROXY_ERRORS[code];
  const { downstream, response, accounting } = exchange;
  if (!exchange.isActive) return;
  const isUnsafe = code === 'unsafe_request' || code === 'unsafe_response';
  if (isUnsafe) exchange.context.metrics.wire.headRefused();
  if (response.isHeadSent && kind.status !== 499 && downstream.retract()) {
    response.isHeadSent = false;
    response.headers = undefined;
    accounting.bodyBytesSent = 0;
  }
  if (response.isHeadSent || kind.status === 499) {
    if (!response.isHeadSent) response.status = kind.status;
    downstream.abort(code);
    finishExchange(exchange);
    return;
  }
  if (kind.closes) downstream.closeAfterResponse();
  // A response filter may be what failed: it does not see the page.
  if (isUnsafe || code === 'internal') response.areFiltersSkipped = true;
  answerPage(exchange, kind.status, kind.page, kind.grpc);
}

/**
 * Ends an exchange that met an exception: with an error page where that can still be said, else the response is cut off. It is reported,
 * unless it is a text that the client or the configuration brought: then it is an answer like others.
 */
export function answerFault(exchange: Exchange, fault: unknown): void {
  exchange.forwarding.cancel();
  if (!(fault instanceof UnsafeText)) {
    exchange.context.report(fault);
    answerError(exchange, 'internal');
  } else {
    answerError(exchange, 'unsafe_response');
  }
}

/** Sends the stock page of a status; to calls of gRPC, a status of theirs. */
export function answerPage(
  exchange: Exchange,
  status: number,
  name?: ProxyErrorKind['page'],
  grpcStatus?: number,
): void {
  const { reason, body } = pageFor(exchange, status, name);
  const before = joinLines(HTML, contentLengthLine(body.length));
  send(exchange, status, reason, before, NO_LINES, body, grpcStatus);
}

/** Sends the redirect of a path that lacks its last slash; Location stands where nginx has it (docs/reference/evaluation-order.md §3). */
export function answerSlashRedirect(
  exchange: Exchange,
  path: string,
  form = locationFormOf(undefined),
): void {
  const { reason, body } = pageFor(exchange, 301);
  const query = exchange.query === '' ? '' : `?${exchange.query}`;
  const location = toLocation(escapePath(path) + query, form, exchange);
  const lines = joinLines(HTML, contentLengthLine(body.length));
  send(exchange, 301, reason, joinLines(lines, headerLine('Location', location)), NO_LINES, body);
}

function pageFor({ routing }: Exchange, status: number, name?: ProxyErrorKind['page']): StockPage {
  return stockPage(status, name, routing.rules.settings.isServerHeaderSent);
}

/** `before` declares the length of the body, where the status has one. `grpcStatus` is that of calls, where it does not follow from the status. */
function send(
  exchange: Exchange,
  status: number,
  reason: string,
  before: HeadText,
  behind: HeadText,
  body: string,
  grpcStatus?: number,
): void {
  const { downstream, response } = exchange;
  const { route, rules } = exchange.routing;
  const detour = response.areFiltersSkipped ? undefined : detourOf(exchange, status, true);
  if (detour !== undefined) {
    // Whoever makes the page: how to sign in is said here.
    const challenge = new LinesEditor(behind).get('www-authenticate');
    exchange.forwarding.goTo(
      detour,
      challenge === undefined ? NO_LINES : headerLine('WWW-Authenticate', challenge),
    );
    return;
  }
  response.status = status;
  let sentStatus = status;
  let sentReason = reason;
  let sentBehind = joinLines(behind, responseLinesOf(rules, exchange));
  if (route !== undefined && route.onResponse.length > 0 && !response.areFiltersSkipped) {
    const editor = new ResponseLinesEditor(status, sentBehind, true);
    for (const filter of route.onResponse) filter.onResponse!(editor, exchange);
    sentBehind = editor.toLines();
    if (editor.status !== status) {
      sentStatus = editor.status;
      sentReason = reasonOf(sentStatus);
    }
  }
  sentBehind = joinLines(sentBehind, response.addedLinesFor(sentStatus));
  if (response.isHstsDue) sentBehind = joinLines(sentBehind, rules.hstsLine);
  const hasBody = body !== '' && exchange.method !== 'HEAD';
  response.status = sentStatus;
  if (sentStatus >= 400 && isGrpcCall(exchange)) {
    const lines = grpcErrorLines(sentStatus, sentStatus === status ? grpcStatus : undefined);
    sendGrpcError(exchange, lines, sentBehind);
    return;
  }
  response.lines = before;
  response.linesBehind = sentBehind;
  downstream.writeHead(sentStatus, sentReason, before, sentBehind, hasBody ? 'length' : 'none', -1);
  response.isHeadSent = true;
  if (hasBody) {
    exchange.accounting.bodyBytesSent += body.length;
    downstream.writeText(body);
  }
  downstream.endResponse(undefined);
  finishExchange(exchange);
  downstream.endExchange();
}

/** The log and the metrics keep the HTTP status of it. */
function sendGrpcError(exchange: Exchange, lines: HeadText, behind: HeadText): void {
  const { downstream, response } = exchange;
  const editor = new LinesEditor(behind);
  editor.remove('content-type');
  response.lines = lines;
  response.linesBehind = editor.toLines();
  const kind = exchange.method === 'HEAD' ? 'none' : 'stream';
  downstream.writeHead(200, reasonOf(200), lines, response.linesBehind, kind, -1);
  response.isHeadSent = true;
  downstream.endResponse(undefined);
  finishExchange(exchange);
  downstream.endExchange();
}
