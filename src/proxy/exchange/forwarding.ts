import type { Detour } from '../../features/kit/filter.ts';
import { toByteText } from '../../lib/byte-text.ts';
import type { HeaderBlock, ResponseHead } from '../message/heads.ts';
import { ResponseLinesEditor } from '../message/head-editor.ts';
import { headerLine, type HeadText, joinLines, NO_LINES, UnsafeText } from '../message/head-text.ts';
import { PROXY_ERRORS, type ProxyErrorCode } from '../message/proxy-errors.ts';
import type { UpstreamHandler, UpstreamStream } from '../upstream/stream.ts';
import type { Endpoint, EndpointOutcome } from '../upstream/upstream.ts';
import { plainWire } from '../upstream/wire-key.ts';
import { answerDirect, answerError, answerFault, answerPage } from './answer.ts';
import { challengesOf, detourOf, replacementOf } from './detour.ts';
import type { Exchange, ForwardingControl } from './exchange.ts';
import { finishExchange } from './finish.ts';
import { responseLinesOf } from './head-rules.ts';
import { RequestBody, type RequestBodyOwner } from './request-body.ts';
import { isErrorRetried, isStatusRetried, isTriedElsewhere } from './retry.ts';
import { type PacedSender, ResponsePacer } from './response-pacer.ts';
import { StagedBody, type StageOwner } from './staged-body.ts';
import { reasonOf } from './stock-page.ts';
import { Try } from './tries.ts';
import { outcomeOf } from './try-outcome.ts';
import { Tunnel, type TunnelOwner } from './tunnel.ts';
import { OutgoingHead } from './upstream-head.ts';

/** Stages 8 to 13 of an exchange: picks endpoints, sends the request, passes the response on, tries again where that is safe. */
export class Forwarding
  implements ForwardingControl, UpstreamHandler, RequestBodyOwner, StageOwner, PacedSender, TunnelOwner
{
  readonly body: RequestBody;
  readonly #exchange: Exchange;
  readonly #head: OutgoingHead = new OutgoingHead();
  #stream: UpstreamStream | undefined = undefined;
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
  /** Waits for its body. */
  #detour: Detour | undefined = undefined;
  /** Whether the next try is the first one of a detour. */
  #isDetourDue = false;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
    this.body = new RequestBody(exchange, this);
  }

  get tunnel(): Tunnel | undefined {
    return this.#tunnel;
  }

  begin(): void {
    this.body.begin();
  }

  cancel(): void {
    this.#tunnel?.close();
    this.#stopPacing();
    this.#settle('aborted');
  }

  release(): void {
    this.body.release();
    this.#closeStage();
  }

  /** Begins the first try. */
  onBodyReady(): void {
    const exchange = this.#exchange;
    const detour = exchange.routing.isDetoured ? this.#detour : undefined;
    this.#detour = undefined;
    this.#reset();
    this.#isDetourDue = detour !== undefined;
    // Without a body to wait for, it is still the moment the exchange began.
    const isAtOnce = exchange.isAtOnce && detour === undefined;
    exchange.tries.begin(isAtOnce ? exchange.startedAtMs : exchange.context.now());
    try {
      if (detour === undefined) this.#head.build(exchange, this.body.contentLength);
      else this.#head.buildDetour(exchange, detour, this.body.contentLength);
    } catch (fault) {
      if (!(fault instanceof UnsafeText)) throw fault;
      answerError(exchange, 'unsafe_request');
      return;
    }
    this.#attempt('no_endpoints');
  }

  goTo(detour: Detour, kept: HeadText): void {
    const exchange = this.#exchange;
    const { context, response, routing, tries } = exchange;
    const { picking } = tries;
    this.cancel();
    this.#closeStage();
    routing.isDetoured = true;
    response.leaveRoute();
    response.add(kept, true);
    picking.affinity = undefined;
    picking.setCookie = undefined;
    while (picking.tried.length > 0) picking.tried.pop();
    const found = detour.upstreams.find(({ id }) => context.upstreamOf(id).hasEndpoints());
    if (found === undefined) {
      routing.nameDefaultBackend();
      this.body.abandon();
      answerPage(exchange, 404);
      return;
    }
    routing.upstreamName = toByteText(found.name);
    tries.upstream = context.upstreamOf(found.id);
    this.#detour = detour;
    this.body.sendElsewhere();
  }

  onBodyRefused(code: ProxyErrorCode): void {
    this.cancel();
    this.body.refuse();
    answerError(this.#exchange, code);
  }

  onUpstreamReady(): void {
    this.#try.connectMs = this.#exchange.context.now() - this.#tryStartedAtMs;
    this.#send();
  }

  /** 100 was answered by the wire itself. */
  onInterimHead(head: ResponseHead): void {
    if (head.status === 100) return;
    const { downstream, routing } = this.#exchange;
    const { responseDrops, responseDropNames } = routing.rules;
    downstream.writeInterim(
      head.status,
      head.reason,
      head.headers.forwardable(responseDrops, responseDropNames),
    );
  }

  onResponseHead(head: ResponseHead): void {
    const { serial } = this.#exchange;
    const stream = this.#stream;
    try {
      this.#takeHead(head);
    } catch (fault) {
      // A stream that is still there ends by it, and says so.
      if (this.#stream === stream) throw fault;
      this.#answerFault(fault, serial);
    }
  }

  #takeHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { status } = head;
    this.#noteHead(head);
    if (status >= 400 && isStatusRetried(exchange, this.body.isReplayable, status)) {
      this.#settle('bad-response');
      this.#attempt('upstream_malformed');
      return;
    }
    const answer = replacementOf(exchange, status);
    if (answer !== undefined) {
      this.#settle('ok');
      answerDirect(exchange, answer);
      return;
    }
    const detour = detourOf(exchange, status, false);
    if (detour !== undefined) {
      const kept = status === 401 ? challengesOf(head.headers) : NO_LINES;
      this.#settle('ok');
      this.goTo(detour, kept);
      return;
    }
    this.#writeHead(head);
  }

  onTunnel(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { downstream, response, routing } = exchange;
    const { responseDrops, responseDropNames } = routing.rules;
    this.#noteHead(head);
    response.status = 101;
    response.isHeadSent = true;
    this.#tunnel = new Tunnel(exchange, this, this.#stream!);
    downstream.beginTunnel(
      head.reason,
      head.upgrade!,
      joinLines(head.headers.forwardable(responseDrops, responseDropNames), response.addedLinesFor(101)),
    );
  }

  onResponseBody(buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    this.#try.responseLength += length;
    if (this.#staged !== undefined) {
      this.#staged.take(buffer, start, end);
      return;
    }
    this.sendBody(buffer, start, end, false);
  }

  onReadDone(): void {
    const isTaken = this.#staged === undefined ? this.flushBody() : this.#flushStage(this.#staged);
    if (isTaken || this.#isPaused) return;
    this.#isPaused = true;
    this.#stream?.pause();
  }

  onResponseEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void {
    const { serial } = this.#exchange;
    try {
      this.#takeEnd(trailers, endedAtMs);
    } catch (fault) {
      this.#answerFault(fault, serial);
    }
  }

  #takeEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void {
    const { response } = this.#exchange;
    this.#stream = undefined;
    this.#settle('ok', endedAtMs);
    if (this.#staged === undefined) {
      this.endBody(trailers, endedAtMs);
      return;
    }
    const { serial } = this.#exchange;
    this.#staged.finish();
    // What they were read with may read the next response before the stage has sent all.
    if (this.#exchange.isServing(serial)) response.headers = response.headers?.copy();
  }

  /** Sends bytes of the response's body; they may be needed after the call only when `isOwned`. */
  sendBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    if (this.#pacer !== undefined) {
      this.#pacer.take(buffer, start, end, isOwned);
      return;
    }
    this.#exchange.accounting.bodyBytesSent += end - start;
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

  onStageReady(): void {
    this.#resume();
  }

  onPacedEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void {
    const exchange = this.#exchange;
    const { downstream } = exchange;
    this.#stopPacing();
    downstream.endResponse(trailers);
    finishExchange(exchange, endedAtMs);
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
    const { serial } = this.#exchange;
    try {
      this.#takeFailure(code, isUntouched);
    } catch (fault) {
      this.#answerFault(fault, serial);
    }
  }

  /** What was thrown when the stream was gone: whoever called has nobody left to tell. */
  #answerFault(fault: unknown, serial: number): void {
    if (!this.#exchange.isServing(serial)) throw fault;
    answerFault(this.#exchange, fault);
  }

  #takeFailure(code: ProxyErrorCode, isUntouched: boolean): void {
    const exchange = this.#exchange;
    const { tries } = exchange;
    const stream = this.#stream;
    this.#stream = undefined;
    this.#stopPacing();
    if (this.#tunnel !== undefined) {
      this.#tunnel.onUpstreamFailed(code);
      return;
    }
    if (!isUntouched) tries.isTouched = true;
    if (stream?.isStale === true) {
      // A kept-alive connection that was closed meanwhile says nothing of the endpoint; a fresh one will.
      tries.counted--;
      tries.picking.tried.pop(); // else a session that may move on failure would move for it
      this.#isFreshNeeded = true;
      // With one try in all, another endpoint would be a second one.
      if (exchange.routing.route!.retry.tries === 1) this.#stayAt = this.#endpoint;
    }
    this.#try.status = PROXY_ERRORS[code].status;
    this.#settle(outcomeOf(code));

    const { isReplayable } = this.body;
    if (exchange.response.isHeadSent) answerError(exchange, code);
    else if (isErrorRetried(exchange, isReplayable, code)) this.#attempt(code);
    else if (isTriedElsewhere(exchange, isReplayable, code)) this.#attempt(code, true);
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

  /** Ends a tunnel and with it the exchange. */
  endTunnel(outcome: EndpointOutcome): void {
    this.#settle(outcome);
    finishExchange(this.#exchange);
  }

  /** One try; `failure` is what the client is told when there is no endpoint left, or none that is `new` to the request. */
  #attempt(failure: ProxyErrorCode, isNewNeeded = false): void {
    const exchange = this.#exchange;
    const { context, tries, routing } = exchange;
    const { picking } = tries;
    const route = routing.route!;
    const endpoint = this.#stayAt ?? tries.upstream!.pick(exchange, picking);
    this.#stayAt = undefined;
    if (endpoint === undefined || (isNewNeeded && picking.tried.includes(endpoint))) {
      answerError(exchange, failure);
      return;
    }
    const attempt = tries.add(endpoint.key, this.#isDetourDue);
    // What the last try was answered is read by others' streams from now on.
    exchange.response.headers = undefined;
    this.#isDetourDue = false;
    this.#try = attempt;
    this.#endpoint = endpoint;
    picking.tried.push(endpoint);
    endpoint.started();
    this.#tryStartedAtMs = tries.attempts.length === 1 ? tries.startedAtMs : context.now();
    const routeWire = exchange.info.scheme === 'https' ? route.secureWire : route.wire;
    const wire = routing.isDetoured ? plainWire('http/1.1') : routeWire;
    const isFreshNeeded = this.#isFreshNeeded || this.body.isFreshNeeded;
    const pool = context.pools.poolOf(endpoint, wire);
    const stream = pool.acquire(this, isFreshNeeded, route.timeouts.connectTimeoutMs);
    this.#stream = stream;
    if (!stream.isReady) return;
    attempt.connectMs = 0;
    this.#send();
  }

  /** Forgets how far the last tries came. */
  #reset(): void {
    this.#isPaused = false;
    this.#isFreshNeeded = false;
    this.#stayAt = undefined;
    this.#tunnel = undefined;
    this.#isDetourDue = false;
  }

  /** False: the stage wants no more for now. */
  #flushStage(staged: StagedBody): boolean {
    // A head that comes alone goes out alone.
    if (this.#try.responseLength === 0) this.flushBody();
    else staged.flush();
    return !staged.isFull;
  }

  #closeStage(): void {
    if (this.#staged === undefined) return;
    this.#staged.close();
    this.#staged = undefined;
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
    const { tries, response } = this.#exchange;
    const attempt = this.#try;
    tries.isTouched = true;
    attempt.headerMs = this.#stream!.readAtMs - this.#tryStartedAtMs;
    attempt.status = head.status;
    response.headers = head.headers;
  }

  #writeHead(head: ResponseHead): void {
    const exchange = this.#exchange;
    const { downstream, response, tries } = exchange;
    const { isDetoured, rules, route } = exchange.routing;
    const { setCookie } = tries.picking;
    const { isHstsDue } = response;
    let { status, reason } = head;
    const lines = head.headers.forwardable(
      isHstsDue ? rules.responseDropsWithHsts : rules.responseDrops,
      rules.responseDropNames,
    );
    response.status = status;
    let behind = responseLinesOf(rules, exchange);
    let all = lines;
    const isFiltered =
      !response.areFiltersSkipped && (route!.onResponse.length > 0 || route!.onBody.length > 0);
    if (isFiltered || rules.compression?.concerns(status, head.headers) === true) {
      const editor = new ResponseLinesEditor(status, joinLines(lines, behind), false);
      if (isFiltered) {
        for (const filter of route!.onResponse) filter.onResponse!(editor, exchange);
        this.#staged = StagedBody.of(exchange, editor, this);
      }
      this.#staged ??= StagedBody.compressed(exchange, editor, head.contentLength, this);
      all = editor.toLines();
      behind = NO_LINES;
      if (editor.status !== status) {
        status = editor.status;
        reason = reasonOf(status);
      }
    }
    // A cookie of the proxy's own is none of those that filters see.
    if (setCookie !== undefined) behind = joinLines(behind, headerLine('Set-Cookie', setCookie));
    behind = joinLines(behind, response.addedLinesFor(status));
    if (isHstsDue) behind = joinLines(behind, rules.hstsLine);
    this.body.forget();
    const isStaged = this.#staged !== undefined;
    const contentLength = status === 204 || isStaged ? -1 : head.contentLength;
    response.status = status;
    response.isHeadSent = true;
    response.lines = all;
    response.linesBehind = behind;
    response.contentLength = contentLength;
    this.#pacer = ResponsePacer.of(exchange, head, isDetoured ? undefined : route!.responseRate, this);
    const isDeclared = head.contentLength >= 0 && !isStaged;
    const kind = !head.hasBody ? 'none' : isDeclared ? 'length' : 'stream';
    downstream.writeHead(status, reason, all, behind, kind, contentLength);
    if (!head.hasBody) this.#closeStage();
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
