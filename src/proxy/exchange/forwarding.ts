import type { Attempt } from '../../lib/variables/source.ts';
import type { Detour } from '../../features/kit/filter.ts';
import { toByteText } from '../../lib/byte-text.ts';
import { answerError, answerFault } from './answer.ts';
import { detourOf } from './detour.ts';
import { PROXY_ERRORS, type ProxyErrorCode } from '../message/proxy-errors.ts';
import type { Exchange } from './exchange.ts';
import { ResponseLinesEditor } from '../message/head-editor.ts';
import { OutgoingHead } from './upstream-head.ts';
import { headerLine, joinLines, NO_LINES, UnsafeText } from '../message/head-text.ts';
import { responseLinesOf } from './head-rules.ts';
import type { HeaderBlock, ResponseHead } from '../message/heads.ts';
import { reasonOf } from './stock-page.ts';
import { RequestBody } from './request-body.ts';
import { ResponsePacer, type PacedSender } from './response-pacer.ts';
import { isErrorRetried, isStatusRetried, isTriedElsewhere } from './retry.ts';
import { StagedBody } from './staged-body.ts';
import { outcomeOf } from './try-outcome.ts';
import { Tunnel } from './tunnel.ts';
import type { UpstreamHandler, UpstreamStream } from '../upstream/stream.ts';
import { plainWire } from '../upstream/wire-key.ts';
import type { Endpoint, EndpointOutcome, Upstream } from '../upstream/upstream.ts';

class Try implements Attempt {
  address = '';
  status = 0;
  responseLength = 0;
  connectMs = -1;
  headerMs = -1;
  responseMs = -1;
  isRedirected = false;
}

/** Stages 9 to 11 of an exchange: picks endpoints, sends the request, passes the response on, tries again where that is safe. */
export class Forwarding implements PacedSender, UpstreamHandler {
  readonly body: RequestBody;
  readonly #exchange: Exchange;
  upstream: Upstream | undefined = undefined;
  /** Tries that count against the limit: one that met a stale kept-alive connection does not. */
  countedTries = 0;
  /** When the first try began. */
  startedAtMs = 0;
  /** Set once a server may have seen anything of the request. */
  isTouched = false;
  #stream: UpstreamStream | undefined = undefined;
  readonly #head: OutgoingHead = new OutgoingHead();
  #endpoint: Endpoint | undefined = undefined;
  #try: Try = new Try();
  #tryStartedAtMs = 0;
  #isPaused = false;
  #isFreshNeeded = false;
  /** Where the next try goes, whatever balancing says. */
  #stayAt: Endpoint | undefined = undefined;
  #tunnel: Tunnel | undefined = undefined;
  #staged: StagedBody | undefined = undefined;
  /** Lets the present response out, if it has a rate. */
  #pacer: ResponsePacer | undefined = undefined;
  /** Whether the next try is the first one of a detour. */
  #isDetourDue = false;
  readonly #firstTry: Try = new Try();

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.body = new RequestBody(exchange);
  }

  /** Begins the first try. */
  begin(): void {
    const exchange = this.#exchange;
    this.countedTries = 0;
    this.isTouched = false;
    this.#isPaused = false;
    this.#isFreshNeeded = false;
    this.#stayAt = undefined;
    this.#tunnel = undefined;
    this.#isDetourDue = false;
    // Without a body to wait for, it is still the moment the exchange began.
    this.startedAtMs = exchange.isAtOnce ? exchange.startedAtMs : exchange.context.now();
    try {
      this.#head.build(exchange, this.body.contentLength);
    } catch (fault) {
      if (!(fault instanceof UnsafeText)) throw fault;
      answerError(exchange, 'unsafe_request');
      return;
    }
    this.#attempt('no_endpoints');
  }

  /** Has the request answered from elsewhere, nothing of an answer having been sent. */
  goTo(detour: Detour): void {
    const exchange = this.#exchange;
    const { context, picking } = exchange;
    this.cancel();
    this.body.abandon();
    exchange.isDetoured = true;
    exchange.responseHeaders = undefined;
    this.upstream = context.upstreamOf(detour.upstreamId);
    exchange.upstreamName = toByteText(detour.upstreamId);
    picking.affinity = undefined;
    while (picking.tried.length > 0) picking.tried.pop();
    this.countedTries = 0;
    this.isTouched = false;
    this.#isPaused = false;
    this.#isFreshNeeded = false;
    this.#stayAt = undefined;
    this.#isDetourDue = true;
    this.startedAtMs = context.now();
    try {
      this.#head.buildDetour(exchange, detour);
    } catch (fault) {
      if (!(fault instanceof UnsafeText)) throw fault;
      answerError(exchange, 'unsafe_request');
      return;
    }
    this.#attempt('no_endpoints');
  }

  /** Lets go of the stage of the response body, if there is one. */
  closeStage(): void {
    if (this.#staged === undefined) return;
    this.#staged.close();
    this.#staged = undefined;
  }

  /** Lets go of the upstream, without an answer. */
  cancel(): void {
    this.#tunnel?.close();
    this.#stopPacing();
    this.#settle('aborted');
  }

  onUpstreamReady(): void {
    this.#try.connectMs = this.#exchange.context.now() - this.#tryStartedAtMs;
    this.#send();
  }

  /** 100 was answered by the proxy itself; HTTP/1.0 knows no other either (RFC 9110 §15.2). */
  onInterimHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { responseDrops, responseDropNames } = exchange.rules;
    if (head.status === 100 || exchange.head.minorVersion === 0) return;
    const lines = head.headers.forwardable(responseDrops, responseDropNames);
    exchange.downstream.writeInterim(head.status, head.reason, lines);
  }

  onResponseHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { status } = head;
    this.#noteHead(head);
    if (status >= 400 && isStatusRetried(exchange, status)) {
      this.#settle('bad-response');
      this.#attempt('upstream_malformed');
      return;
    }
    const detour = detourOf(exchange, status, false);
    if (detour !== undefined) {
      this.#settle('ok');
      this.goTo(detour);
      return;
    }
    this.#writeHead(head);
  }

  onTunnel(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { responseDrops, responseDropNames } = exchange.rules;
    this.#noteHead(head);
    exchange.status = 101;
    exchange.isHeadSent = true;
    this.#tunnel = new Tunnel(exchange, this, this.#stream!);
    exchange.downstream.beginTunnel(
      head.reason,
      head.upgrade!,
      joinLines(head.headers.forwardable(responseDrops, responseDropNames), exchange.addedLinesFor(101)),
    );
  }

  onResponseBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    const length = end - start;
    this.#try.responseLength += length;
    if (this.#staged !== undefined) {
      this.#staged.take(buffer, start, end);
      return;
    }
    this.sendBody(buffer, start, end, isOwned);
  }

  onReadDone(): void {
    const staged = this.#staged;
    const isTaken = staged === undefined ? this.flushBody() : !staged.isFull;
    if (isTaken || this.#isPaused) return;
    this.#isPaused = true;
    this.#stream?.pause();
  }

  isReadBufferFree(): boolean {
    return this.#staged !== undefined || this.#exchange.downstream.isFlushed;
  }

  onResponseEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void {
    const exchange = this.#exchange;
    this.#stream = undefined;
    this.#settle('ok', endedAtMs);
    if (this.#staged === undefined) {
      this.endBody(trailers, endedAtMs);
      return;
    }
    // What they were read with may read the next response before the stage has sent all.
    exchange.responseHeaders = exchange.responseHeaders?.copy();
    this.#staged.finish();
  }

  /** Sends bytes of the response's body; they may be needed after the call only when `isOwned`. */
  sendBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    if (this.#pacer !== undefined) {
      this.#pacer.take(buffer, start, end, isOwned);
      return;
    }
    this.#exchange.bodyBytesSent += end - start;
    this.#exchange.downstream.writeBody(buffer, start, end, isOwned);
  }

  /** False: the client, or the rate of the response, takes no more for now. */
  flushBody(): boolean {
    return this.#pacer === undefined ? this.#exchange.downstream.flush() : this.#pacer.pump();
  }

  /** Ends the response as soon as all of it is out, and with it the exchange. */
  endBody(trailers: HeaderBlock | undefined, endedAtMs: number): void {
    if (this.#pacer === undefined) this.onPacedEnd(trailers, endedAtMs);
    else this.#pacer.end(trailers, endedAtMs);
  }

  onPacedEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void {
    const exchange = this.#exchange;
    const { downstream } = exchange;
    this.#stopPacing();
    downstream.endResponse(trailers);
    exchange.finish(endedAtMs);
    downstream.endExchange();
  }

  onPaced(): void {
    if (this.#staged === undefined) this.#resume();
    else this.#staged.drain();
  }

  onPacingFailed(fault: unknown): void {
    answerFault(this.#exchange, fault);
  }

  onUpstreamFailed(code: ProxyErrorCode, isUntouched: boolean): void {
    const exchange = this.#exchange;
    const stream = this.#stream;
    this.#stream = undefined;
    this.#stopPacing();
    if (this.#tunnel !== undefined) {
      this.#tunnel.onUpstreamFailed(code);
      return;
    }
    if (!isUntouched) this.isTouched = true;
    if (stream?.isStale === true) {
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
    if (this.#pacer === undefined) this.onPaced();
    else this.#pacer.onDownstreamDrain();
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
    attempt.isRedirected = this.#isDetourDue;
    this.#isDetourDue = false;
    attempts.push(attempt);
    this.#try = attempt;
    this.#endpoint = endpoint;
    this.countedTries++;
    picking.tried.push(endpoint);
    endpoint.started();
    this.#tryStartedAtMs = attempts.length === 1 ? this.startedAtMs : context.now();
    const wire = exchange.isDetoured
      ? plainWire('http/1.1')
      : exchange.info.scheme === 'https'
        ? route!.secureWire
        : route!.wire;
    const isFreshNeeded = this.#isFreshNeeded || this.body.isFreshNeeded;
    const stream = context.pools
      .poolOf(endpoint, wire)
      .acquire(this, isFreshNeeded, route!.timeouts.connectTimeoutMs);
    this.#stream = stream;
    if (!stream.isReady) return;
    attempt.connectMs = 0;
    this.#send();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#stream?.resume();
  }

  #stopPacing(): void {
    this.#pacer?.cancel();
    this.#pacer = undefined;
  }

  #send(): void {
    const stream = this.#stream!;
    stream.sendHead(this.#head);
    this.body.sendTo(stream);
  }

  #noteHead(head: ResponseHead): void {
    this.isTouched = true;
    const attempt = this.#try;
    attempt.headerMs = this.#stream!.readAtMs - this.#tryStartedAtMs;
    attempt.status = head.status;
    this.#exchange.responseHeaders = head.headers;
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
    if (route!.onResponse.length > 0 || route!.onBody.length > 0) {
      const editor = new ResponseLinesEditor(status, joinLines(lines, behind), false);
      for (const filter of route!.onResponse) filter.onResponse!(editor, exchange);
      if (route!.onBody.length > 0) this.#staged = StagedBody.of(exchange, editor, () => this.#resume());
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
    behind = joinLines(behind, exchange.addedLinesFor(status));
    if (isHstsDue) behind = joinLines(behind, rules.hstsLine);
    exchange.status = status;
    exchange.isHeadSent = true;
    this.body.forget();
    exchange.sentLines = all;
    exchange.sentBehind = behind;
    const { framing } = head;
    const isStaged = this.#staged !== undefined;
    this.#pacer = ResponsePacer.of(exchange, head, route!.responseRate, this);
    downstream.writeHead(
      status,
      reason,
      all,
      behind,
      framing === 'none' ? 'none' : framing === 'length' && !isStaged ? 'length' : 'stream',
      status === 204 || isStaged ? -1 : head.contentLength,
    );
    if (framing === 'none') this.closeStage();
  }

  /** Ends the try: tells the endpoint, lets go of its stream. */
  #settle(outcome: EndpointOutcome, nowMs: number = this.#exchange.context.now()): void {
    const endpoint = this.#endpoint;
    if (endpoint === undefined) return;
    this.#endpoint = undefined;
    const stream = this.#stream;
    this.#stream = undefined;
    this.body.stopSending();
    stream?.reset();
    const responseMs = nowMs - this.#tryStartedAtMs;
    this.#try.responseMs = responseMs;
    endpoint.finished(outcome, responseMs);
  }
}
