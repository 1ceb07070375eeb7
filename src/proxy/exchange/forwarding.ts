import type { Attempt } from '../../lib/variables/source.ts';
import { answerError } from './answer.ts';
import { PROXY_ERRORS, type ProxyErrorCode } from '../message/proxy-errors.ts';
import type { Exchange } from './exchange.ts';
import { ResponseLinesEditor } from '../message/head-editor.ts';
import { isUpgradeAsked } from '../message/connection-field.ts';
import { buildRequestHead, isCloseAsked, upgradeLines, upgradeOf } from './upstream-head.ts';
import { headerLine, type HeadText, joinLines, NO_LINES, UnsafeText } from '../message/head-text.ts';
import { responseLinesOf } from './head-rules.ts';
import type { HeaderBlock, ResponseHead } from '../message/heads.ts';
import { reasonOf } from './stock-page.ts';
import { RequestBody } from './request-body.ts';
import { isErrorRetried, isStatusRetried, isTriedElsewhere } from './retry.ts';
import { Tunnel } from './tunnel.ts';
import type { UpstreamConnection } from '../http1/upstream-connection.ts';
import type { UpstreamHandler } from '../upstream/upstream-handler.ts';
import type { Endpoint, EndpointOutcome, Upstream } from '../upstream/upstream.ts';

class Try implements Attempt {
  address = '';
  status = 0;
  responseLength = 0;
  connectMs = -1;
  headerMs = -1;
  responseMs = -1;
}

/** Stages 9 to 11 of an exchange: picks endpoints, sends the request, passes the response on, tries again where that is safe. */
export class Forwarding implements UpstreamHandler {
  readonly body: RequestBody;
  readonly #exchange: Exchange;
  upstream: Upstream | undefined = undefined;
  connection: UpstreamConnection | undefined = undefined;
  /** Tries that count against the limit: one that met a stale kept-alive connection does not. */
  countedTries = 0;
  /** When the first try began. */
  startedAtMs = 0;
  /** Set while the head has been written to the connection. */
  isRequestBegun = false;
  /** Set once any byte of the request may have reached an endpoint. */
  isRequestSent = false;
  #endpoint: Endpoint | undefined = undefined;
  #try: Try = new Try();
  #tryStartedAtMs = 0;
  #headText: HeadText = NO_LINES;
  #isPaused = false;
  #isFreshNeeded = false;
  /** Where the next try goes, whatever balancing says. */
  #stayAt: Endpoint | undefined = undefined;
  #tunnel: Tunnel | undefined = undefined;
  readonly #firstTry: Try = new Try();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.body = new RequestBody(exchange);
  }

  /** Begins the first try. */
  begin(): void {
    const exchange = this.#exchange;
    this.countedTries = 0;
    this.isRequestSent = false;
    this.#isPaused = false;
    this.#isFreshNeeded = false;
    this.#stayAt = undefined;
    this.#tunnel = undefined;
    // Without a body to wait for, it is still the moment the exchange began.
    this.startedAtMs = exchange.isAtOnce ? exchange.startedAtMs : exchange.context.now();
    try {
      this.#headText = buildRequestHead(exchange, this.body.framingLine);
    } catch (fault) {
      if (!(fault instanceof UnsafeText)) throw fault;
      answerError(exchange, 'unsafe_request');
      return;
    }
    this.#attempt('no_endpoints');
  }

  /** Lets go of the upstream, without an answer. */
  cancel(): void {
    this.#tunnel?.close();
    this.#settle('aborted');
  }

  onConnected(): void {
    this.#try.connectMs = this.#exchange.context.now() - this.#tryStartedAtMs;
    this.#endpoint?.connected();
    this.#send();
  }

  /** 100 was answered by the proxy itself; HTTP/1.0 knows no other either (RFC 9110 §15.2). */
  onInterimHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { responseDrops, responseDropNames } = exchange.rules;
    this.#countOddities(head);
    if (head.status === 100 || exchange.head.minorVersion === 0) return;
    const lines = head.headers.forwardable(responseDrops, responseDropNames);
    exchange.downstream.writeInterim(head.status, head.reason, lines);
  }

  onResponseHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { status } = head;
    this.#countOddities(head);
    const attempt = this.#try;
    attempt.headerMs = this.connection!.readAtMs - this.#tryStartedAtMs;
    attempt.status = status;
    exchange.responseHeaders = head.headers;
    if (status === 101) {
      this.#upgrade(head);
      return;
    }
    if (status >= 400 && isStatusRetried(exchange, status)) {
      this.#settle('bad-response');
      this.#attempt('upstream_malformed');
      return;
    }
    this.#writeHead(head);
  }

  onResponseBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    const length = end - start;
    this.#try.responseLength += length;
    this.#exchange.bodyBytesSent += length;
    this.#exchange.downstream.writeBody(buffer, start, end, isOwned);
  }

  onReadDone(): void {
    if (this.#exchange.downstream.flush() || this.#isPaused) return;
    this.#isPaused = true;
    this.connection?.pause();
  }

  isReadBufferFree(): boolean {
    return this.#exchange.downstream.isFlushed;
  }

  onResponseEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void {
    const exchange = this.#exchange;
    const { downstream } = exchange;
    // The connection is its pool's again.
    this.connection = undefined;
    this.#settle('ok', endedAtMs);
    downstream.endResponse(trailers);
    exchange.finish(endedAtMs);
    downstream.endExchange();
  }

  onUpstreamFailed(code: ProxyErrorCode): void {
    const exchange = this.#exchange;
    const { connection } = this;
    this.connection = undefined;
    if (this.#tunnel !== undefined) {
      this.#tunnel.onUpstreamFailed(code);
      return;
    }
    if (
      (code === 'upstream_reset' || code === 'upstream_closed_early') &&
      connection !== undefined &&
      connection.isReused &&
      !connection.hasResponseBegun
    ) {
      // A kept-alive connection that was closed meanwhile says nothing of the endpoint; a fresh one will.
      this.countedTries--;
      exchange.picking.tried.pop(); // else a session that may move on failure would move for it
      this.#isFreshNeeded = true;
      // With one try in all, another endpoint would be a second one.
      if (exchange.route!.retry.tries === 1) this.#stayAt = this.#endpoint;
    }
    this.#try.status = PROXY_ERRORS[code].status;
    this.#settle(outcomeOf(code));

    if (exchange.isHeadSent) answerError(exchange, code);
    else if (isErrorRetried(exchange, code)) this.#attempt(code);
    else if (isTriedElsewhere(exchange, code)) this.#attempt(code, true);
    else answerError(exchange, code);
  }

  onUpstreamDrain(): void {
    if (this.#tunnel === undefined) this.body.onUpstreamDrain();
    else this.#tunnel.onUpstreamDrain();
  }

  onDownstreamDrain(): void {
    if (this.#tunnel !== undefined) {
      this.#tunnel.onDownstreamDrain();
      return;
    }
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.connection?.resume();
  }

  onTunnelData(buffer: Buffer, start: number, end: number): void {
    this.#try.responseLength += end - start;
    this.#tunnel!.onUpstreamData(buffer, start, end);
  }

  onTunnelEnd(): void {
    this.#tunnel!.onUpstreamEnd();
  }

  get tunnel(): Tunnel | undefined {
    return this.#tunnel;
  }

  /** Ends a tunnel and with it the exchange. */
  endTunnel(outcome: EndpointOutcome): void {
    this.#settle(outcome);
    this.#exchange.finish();
  }

  /** One try; `failure` is what the client is told when there is no endpoint left, or none that is `new` to the request. */
  #attempt(failure: ProxyErrorCode, isNewNeeded = false): void {
    const exchange = this.#exchange;
    const { context, attempts, picking, route } = exchange;
    const endpoint = this.#stayAt ?? this.upstream!.pick(exchange, picking);
    this.#stayAt = undefined;
    if (endpoint === undefined || (isNewNeeded && picking.tried.includes(endpoint))) {
      answerError(exchange, failure);
      return;
    }
    const attempt = attempts.length === 0 ? this.#firstTry : new Try();
    attempt.address = endpoint.key;
    attempt.status = 0;
    attempt.responseLength = 0;
    attempt.connectMs = -1;
    attempt.headerMs = -1;
    attempt.responseMs = -1;
    attempts.push(attempt);
    this.#try = attempt;
    this.#endpoint = endpoint;
    this.countedTries++;
    this.isRequestBegun = false;
    picking.tried.push(endpoint);
    endpoint.started();
    this.#tryStartedAtMs = attempts.length === 1 ? this.startedAtMs : context.now();
    const pool = context.connector.poolOf(endpoint, route!.transport, exchange.info.scheme);
    const connection = this.#isFreshNeeded || this.body.isFreshNeeded ? undefined : pool.acquire();
    if (connection === undefined) {
      this.connection = pool.open(this, route!.timeouts.connectTimeoutMs);
      return;
    }
    this.connection = connection;
    attempt.connectMs = 0;
    this.#send();
  }

  #send(): void {
    const exchange = this.#exchange;
    const { timeouts, body } = exchange.route!;
    const connection = this.connection!;
    connection.begin(
      this,
      exchange.method,
      body.maxResponseHeadBytes,
      timeouts.readTimeoutMs,
      timeouts.sendTimeoutMs,
    );
    connection.isLastRequest = isCloseAsked(exchange);
    this.isRequestBegun = true;
    this.isRequestSent = true;
    this.body.sendWith(this.#headText);
  }

  #writeHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { downstream, rules, route, picking } = exchange;
    let { status, reason } = head;
    const { isHstsDue } = exchange;
    const lines = head.headers.forwardable(
      isHstsDue ? rules.responseDropsWithHsts : rules.responseDrops,
      rules.responseDropNames,
    );
    exchange.status = status;
    let behind = responseLinesOf(exchange);
    let all = lines;
    if (route!.onResponse.length > 0) {
      const editor = new ResponseLinesEditor(status, joinLines(lines, behind), false);
      for (const filter of route!.onResponse) filter.onResponse!(editor, exchange);
      all = editor.toLines();
      behind = NO_LINES;
      if (editor.status !== status) {
        status = editor.status;
        reason = reasonOf(status);
      }
    }
    // A cookie of the proxy's own is none of those that filters see.
    if (picking.setCookie !== undefined) {
      behind = joinLines(behind, headerLine('Set-Cookie', picking.setCookie));
    }
    if (isHstsDue) behind = joinLines(behind, rules.hstsLine);
    exchange.status = status;
    exchange.isHeadSent = true;
    this.body.forget();
    exchange.sentLines = all;
    exchange.sentBehind = behind;
    const { framing } = head;
    downstream.writeHead(
      status,
      reason,
      all,
      behind,
      framing === 'none' ? 'none' : framing === 'length' ? 'length' : 'stream',
      status === 204 ? -1 : head.contentLength,
    );
  }

  #upgrade(head: ResponseHead): void {
    const exchange = this.#exchange;
    const asked = upgradeOf(exchange);
    if (asked === undefined || head.upgrade === undefined || !isUpgradeAsked(head.upgrade, asked)) {
      // Nobody asked for that: what follows would be read as answers to requests it knows nothing of.
      this.connection?.destroy();
      this.onUpstreamFailed('upstream_malformed');
      return;
    }
    const { responseDrops, responseDropNames } = exchange.rules;
    const lines = joinLines(
      upgradeLines(head.upgrade),
      head.headers.forwardable(responseDrops, responseDropNames),
    );
    exchange.status = 101;
    exchange.isHeadSent = true;
    this.#tunnel = new Tunnel(exchange, this, this.connection!);
    exchange.downstream.beginTunnel(head.reason, lines);
  }

  #countOddities(head: ResponseHead): void {
    if (head.hasBareLineFeeds) this.#exchange.context.metrics.wire.bareLineFeeds();
  }

  /** Ends the try: tells the endpoint, closes the connection unless its pool has it back. */
  #settle(outcome: EndpointOutcome, nowMs: number = this.#exchange.context.now()): void {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) return;
    this.#endpoint = undefined;
    const connection = this.connection;
    this.connection = undefined;
    this.isRequestBegun = false;
    connection?.destroy();
    const responseMs = nowMs - this.#tryStartedAtMs;
    this.#try.responseMs = responseMs;
    endpoint.finished(outcome, responseMs);
  }
}

function outcomeOf(code: ProxyErrorCode): EndpointOutcome {
  switch (code) {
    case 'connect_failed':
    case 'connect_timeout':
    case 'upstream_tls_failed':
      return 'connect-failed';
    case 'send_timeout':
    case 'read_timeout':
      return 'timed-out';
    case 'upstream_malformed':
    case 'upstream_head_too_large':
      return 'bad-response';
    case 'internal':
    case 'unsafe_response':
      return 'aborted';
    default:
      return 'reset';
  }
}
