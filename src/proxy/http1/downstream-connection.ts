import { BodyReader } from './body-reader.ts';
import { CLIENT_STATES } from './client-states.ts';
import { WAITS } from '../exchange/client-waits.ts';
import { ConnectionGauge } from '../exchange/connection-gauge.ts';
import { ConnectionMemo } from '../exchange/connection-memo.ts';
import type { ClientConnection, ServeContext } from '../exchange/context.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import type { Downstream, ResponseBodyKind } from '../exchange/downstream.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { INCOMPLETE, REFUSED } from '../message/head-parser.ts';
import { type HeadText, joinLines, NO_LINES } from '../message/head-text.ts';
import type { HeaderBlock } from '../message/heads.ts';
import type { Http1RequestHead } from './heads.ts';
import { upgradeLines } from './request-head.ts';
import { RequestParser } from './request-parser.ts';
import { InputQueue, type InputUser, MAX_WAITING_BYTES } from './input-queue.ts';
import type { Lifecycle } from '../exchange/lifecycle.ts';
import { finishExchange } from '../exchange/finish.ts';
import { afterInput } from './after-input.ts';
import { ResponseWriter } from './response-writer.ts';
import type { Serving, Servings } from './serving.ts';
import type { Connection, ConnectionHandler } from '../transport/transport.ts';
import { Timer, type TimerOwner } from '../../lib/timer-wheel.ts';

const { IN_HEAD, IN_EXCHANGE, DISCARDING, TUNNEL, LINGERING, CLOSED } = CLIENT_STATES;

/** One client connection: requests one at a time and in order, responses in as few writes as they need. */
export class DownstreamConnection
  implements ClientConnection, Downstream, ConnectionHandler, InputUser, TimerOwner
{
  readonly info: ConnectionInfo;
  readonly memo: ConnectionMemo = new ConnectionMemo();
  readonly areBodiesGiven = true;
  readonly #connection: Connection;
  readonly #context: ServeContext;
  readonly #timer: Timer;
  readonly #servings: Servings;
  /** Nothing before the first byte of a request, and when it is over. */
  #serving: Serving | undefined = undefined;
  #state: number = IN_HEAD;
  readonly #input: InputQueue;
  #requestCount = 0;

  readonly #body = new BodyReader();
  #isContinueDue = false;

  readonly #writer: ResponseWriter;
  #isKeptAlive = true;
  #isClosing = false;
  #isBlocked = false;
  #isEnded = false;
  #lingerUntilMs = 0;
  readonly #gauge: ConnectionGauge;

  constructor(connection: Connection, info: ConnectionInfo, context: ServeContext, servings: Servings) {
    this.info = info;
    this.#connection = connection;
    this.#context = context;
    this.#servings = servings;
    this.#input = new InputQueue(this, context.inputTurns);
    this.#writer = new ResponseWriter(connection);
    this.#timer = new Timer(this);
    this.#gauge = new ConnectionGauge(context.stats, context.metrics.connections);
  }

  start(): void {
    this.#context.connections.add(this);
    this.#connection.handler = this;
    this.#gauge.open();
    this.#context.timers.arm(this.#timer, this.#context.router().settings.headerTimeoutMs);
  }

  /** The worker drains: without a request under way it waits for one no longer than it has to. */
  startDraining(): void {
    if (this.#isIdle()) this.#awaitRequest();
  }

  destroy(): void {
    this.#connection.destroy();
    this.#guard(this.#close);
  }

  onTimer(): void {
    this.#guard(this.#onTimeout);
  }

  /** Of the present request. */
  get #lifecycle(): Lifecycle {
    return this.#serving!.lifecycle;
  }

  // What the exchange asks for.

  readBody(): void {
    const { bodyTimeoutMs, minBodyBytesPerSecond } = this.#lifecycle.exchange.routing.router.settings;
    this.#body.want(this.#context.now(), bodyTimeoutMs, minBodyBytesPerSecond);
    this.#awaitBody();
    if (this.#isContinueDue) {
      this.#isContinueDue = false;
      if (this.#input.isEmpty) this.writeInterim(100, 'Continue', NO_LINES);
    }
    this.#input.processSoon();
  }

  pauseReading(): void {
    this.#body.pause(this.#context.now());
    if (!this.#isBlocked) this.#context.timers.disarm(this.#timer);
    this.#connection.pause();
  }

  resumeReading(): void {
    this.#body.resume(this.#context.now());
    if (this.#state === IN_EXCHANGE && !this.#body.isComplete) this.#awaitBody();
    this.#readOn();
    this.#input.processSoon();
  }

  closeAfterResponse(): void {
    this.#isClosing = true;
  }

  writeInterim(status: number, reason: string, lines: HeadText): void {
    // HTTP/1.0 knows none (RFC 9110 §15.2).
    if (this.#serving!.head.minorVersion === 1)
      this.#writer.interim(this.#lifecycle.exchange, status, reason, lines);
  }

  writeHead(
    status: number,
    reason: string,
    lines: HeadText,
    trailingLines: HeadText,
    kind: ResponseBodyKind,
    contentLength: number,
  ): void {
    const exchange = this.#lifecycle.exchange;
    this.#writer.begin(exchange, kind, this.#serving!.head.minorVersion === 1);
    this.#isKeptAlive = !this.#writer.isUntilClose && this.#decideKeepAlive();
    this.#writer.head(exchange, status, reason, lines, trailingLines, contentLength, this.#isKeptAlive);
  }

  writeBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    this.#writer.body(this.#lifecycle.exchange, buffer, start, end, isOwned);
  }

  writeText(text: string): void {
    this.#writer.text(this.#lifecycle.exchange, text);
  }

  flush(): boolean {
    if (!this.#writer.flush()) this.#block();
    return !this.#isBlocked;
  }

  endResponse(trailers: HeaderBlock | undefined): void {
    this.#writer.end(this.#lifecycle.exchange, trailers);
    this.flush();
  }

  endExchange(): void {
    if (this.#state === CLOSED) return;
    this.#body.leave();
    if (!this.#isKeptAlive) return this.#linger();
    if (!this.#body.isComplete) {
      this.#state = DISCARDING;
      this.#awaitBody();
      this.#readOn();
    } else {
      this.#awaitHead();
    }
    this.#input.processSoon();
  }

  retract(): boolean {
    return this.#writer.retract(this.#lifecycle.exchange);
  }

  abort(): void {
    this.#writer.clear();
    // A clean end would make a body that lasts until the close look complete.
    if (this.#writer.isUntilClose && this.info.scheme === 'http') this.#connection.reset();
    this.destroy();
  }

  beginTunnel(reason: string, upgrade: string, lines: HeadText): void {
    this.#state = TUNNEL;
    this.#context.timers.disarm(this.#timer);
    this.#writer.tunnelHead(this.#lifecycle.exchange, reason, joinLines(upgradeLines(upgrade), lines));
    this.#connection.resume();
    this.#input.processSoon();
  }

  writeTunnel(buffer: Buffer, start: number, end: number): boolean {
    const isTaken = this.#writer.tunnel(this.#lifecycle.exchange, buffer, start, end);
    if (!isTaken) this.#block();
    return isTaken;
  }

  endTunnel(): void {
    this.#connection.end();
  }

  // What the connection brings.

  onData(connection: Connection, bytes: Buffer, start: number, end: number): void {
    this.#input.push(bytes, start, end, connection.areBytesGiven);
  }

  onDrain(): void {
    this.#guard(this.#onDrain);
  }

  onEnd(): void {
    this.#input.end();
  }

  onInputEnd(): void {
    this.#guard(this.#onEnd);
  }

  onClose(): void {
    this.#guard(this.#close);
  }

  onInputFailed(fault: unknown): void {
    this.#fail(fault);
  }

  onInputUsed(): void {
    const { isEmpty, share } = this.#input;
    if (!this.#isEnded || this.#isBlocked || share.isWaiting) this.#regulate();
    else if (this.#state === IN_HEAD || (this.#state === DISCARDING && isEmpty)) this.#linger();
    else if (this.#state === IN_EXCHANGE && isEmpty && !this.#body.isComplete) this.destroy();
  }

  /** Stops reading while more waits than is worth keeping, unless it is a head that is still coming in. */
  #regulate(): void {
    if (this.#state === CLOSED) return;
    const isWaiting = this.#state === IN_EXCHANGE || this.#isBlocked || this.#input.share.isWaiting;
    const isFull = isWaiting && this.#input.length >= MAX_WAITING_BYTES;
    if (this.#body.isPaused || isFull) this.#connection.pause();
    else this.#connection.resume();
  }

  /** Reads on, unless more waits than is worth keeping: that is used first, and `#regulate` looks again. */
  #readOn(): void {
    if (this.#input.length < MAX_WAITING_BYTES) this.#connection.resume();
  }

  /** Uses bytes for as long as the state has use for them; answers the offset of the first one that has to wait. */
  useInput(buffer: Buffer, start: number, end: number): number {
    let position = start;
    while (position < end) {
      if (this.#input.share.left <= 0) return position;
      switch (this.#state) {
        case IN_HEAD: {
          const { parser } = (this.#serving ??= this.#servings.take(this));
          const next = this.#isBlocked ? INCOMPLETE : parser.parse(buffer, position, end);
          if (next === INCOMPLETE) {
            this.#onPartialHead();
            return position;
          }
          const refusal = next === REFUSED ? parser.error : undefined;
          if (refusal === 'http2_preface' && this.#handOver(buffer.subarray(position, end))) return end;
          this.#begin(parser.head, next - position, refusal);
          position = refusal === undefined ? next : end;
          break;
        }
        case IN_EXCHANGE:
          if (!this.#body.isAwaited) return position;
          position = this.#useBody(buffer, position, end);
          break;
        case DISCARDING:
          position = this.#discard(position, end);
          break;
        case TUNNEL:
          this.#lifecycle.onTunnelData(buffer.subarray(position, end));
          return end;
        case LINGERING:
          this.#context.timers.arm(this.#timer, WAITS.lingerTimeoutMs);
          if (this.#context.now() >= this.#lingerUntilMs) this.destroy();
          return end;
        default:
          return end;
      }
    }
    return position;
  }

  /** HTTP/2 by prior knowledge (RFC 9113 §3.3); over TLS it is agreed upon before. */
  #handOver(begun: Buffer): boolean {
    if (this.#requestCount > 0 || this.info.scheme === 'https') return false;
    if (!this.#context.router().settings.isHttp2Used) return false;
    this.#forget();
    this.#context.takeHttp2(this.#connection, this.info, begun);
    return true;
  }

  /** With a `refusal` the head could not be understood: what is behind it will never be parsed. */
  #begin(head: Http1RequestHead, headBytes: number, refusal: ProxyErrorCode | undefined): void {
    this.#state = IN_EXCHANGE;
    this.#input.charge(headBytes);
    this.#requestCount++;
    this.#gauge.request();
    this.#awaitResponse();
    const serving = (this.#serving ??= this.#servings.take(this));
    serving.head = head;
    this.#isContinueDue = refusal === undefined && head.isContinueExpected && head.framing !== 'none';
    if (refusal === undefined) {
      this.#body.begin(head);
      serving.lifecycle.begin(head, headBytes, this.#requestCount);
    } else {
      this.#body.clear();
      serving.lifecycle.refuse(head, refusal, this.#requestCount);
    }
  }

  #useBody(buffer: Buffer, start: number, end: number): number {
    const lifecycle = this.#lifecycle;
    const count = this.#requestCount;
    this.#awaitBody();
    if (this.#body.isLate(this.#context.now())) {
      lifecycle.onBodyRefused('client_body_timeout');
      return end;
    }
    const position = this.#body.read(lifecycle, buffer, start, end, this.#input.share);
    const isSame = this.#state === IN_EXCHANGE && this.#requestCount === count;
    if (isSame && this.#body.isComplete && !this.#isBlocked) this.#awaitResponse();
    return position;
  }

  /** The client may take so long for what comes next of the body, unless it is to take what was sent to it first. */
  #awaitBody(): void {
    if (this.#isBlocked) return;
    this.#context.timers.arm(this.#timer, this.#context.router().settings.bodyTimeoutMs);
  }

  /** There is time for it, unless the client closed its half. */
  #awaitResponse(): void {
    if (this.#isEnded) this.#context.timers.arm(this.#timer, WAITS.halfClosedMs);
    else this.#context.timers.disarm(this.#timer);
  }

  #discard(start: number, end: number): number {
    this.#awaitBody();
    const taken = Math.min(this.#body.remaining, end - start);
    if (this.#body.discard(taken)) this.#awaitHead();
    return start + taken;
  }

  #onPartialHead(): void {
    if (this.#gauge.doing !== 'waiting' || this.#isBlocked) return;
    // The time for a head begins with its first byte.
    this.#gauge.set('reading');
    this.#context.timers.arm(this.#timer, this.#context.router().settings.headerTimeoutMs);
  }

  #awaitHead(): void {
    this.#state = IN_HEAD;
    if (this.#isEnded) {
      // Requests that came before the client closed its half are still answered.
      if (this.#input.isEmpty) this.#linger();
      return;
    }
    if (!this.#isBlocked) this.#awaitRequest();
    this.#serving = this.#servings.give(this.#serving!);
    this.#readOn();
  }

  #awaitRequest(): void {
    const { timers, isDraining } = this.#context;
    const waitMs = isDraining ? WAITS.drainIdleMs : this.#context.router().settings.keepAliveTimeoutMs;
    this.#gauge.set('waiting');
    timers.arm(this.#timer, waitMs);
  }

  #isIdle(): boolean {
    return this.#state === IN_HEAD && this.#input.isEmpty && !this.#isBlocked && !this.#isEnded;
  }

  #onDrain(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    const { timers } = this.#context;
    if (this.#state === IN_EXCHANGE || this.#state === TUNNEL) {
      if (this.#isEnded && this.#state === IN_EXCHANGE) timers.arm(this.#timer, WAITS.halfClosedSilenceMs);
      else if (this.#body.isAwaited) this.#awaitBody();
      else timers.disarm(this.#timer);
      this.#lifecycle.onDownstreamDrain();
    } else if (this.#state === DISCARDING) {
      this.#awaitBody();
    } else if (this.#state === IN_HEAD) {
      this.#awaitRequest();
      this.#input.process();
    }
  }

  #onEnd(): void {
    this.#isEnded = true;
    const isWaiting = !this.#input.isEmpty;
    const isBetween = this.#state === IN_HEAD || this.#state === DISCARDING;
    if (this.#state === TUNNEL) this.#lifecycle.onTunnelEnd();
    else if (this.#state === IN_EXCHANGE && (isWaiting || this.#body.isComplete)) {
      if (!this.#isBlocked) this.#awaitResponse();
    } else if (isWaiting && (this.#state === DISCARDING || (this.#state === IN_HEAD && this.#isBlocked)))
      return;
    // With a response still held, only our half is closed.
    else if (isBetween && this.#connection.held > 0) this.#linger();
    else this.destroy();
  }

  #onTimeout(): void {
    const isReading = !this.#isBlocked && !this.#isEnded;
    if (isReading && this.#state === IN_EXCHANGE && !this.#body.isComplete) {
      this.#lifecycle.onBodyRefused('client_body_timeout');
    } else if (isReading && this.#state === IN_HEAD && !this.#input.isEmpty) {
      // The head did not come in time; the one before it has nothing to do with the answer.
      this.#begin(new RequestParser(this.#context.router().settings).head, 0, 'client_header_timeout');
    } else if (this.#isIdle()) {
      const count = this.#requestCount;
      // Unless a request has come by now.
      afterInput(() => this.#isIdle() && this.#requestCount === count && this.#guard(this.#linger));
    } else if (this.#isEnded && this.#isAnswered()) {
      this.#context.timers.arm(this.#timer, WAITS.halfClosedSilenceMs);
    } else {
      this.destroy();
    }
  }

  /** Whether something of the present answer was sent since this was asked last. */
  #isAnswered(): boolean {
    if (this.#isBlocked || this.#state !== IN_EXCHANGE) return false;
    return this.#lifecycle.exchange.response.isHeadSent && this.#writer.takeIsUsed();
  }

  #close(): void {
    if (this.#state === CLOSED) return;
    const isInExchange = this.#state === IN_EXCHANGE || this.#state === TUNNEL;
    this.#forget();
    this.#input.clear();
    this.#writer.clear();
    if (isInExchange) this.#lifecycle.onClientGone();
  }

  #forget(): void {
    this.#state = CLOSED;
    this.#gauge.set(undefined);
    this.#context.timers.cancel(this.#timer);
    this.#context.connections.delete(this);
  }

  #fail(fault: unknown): void {
    try {
      if (this.#serving?.lifecycle.exchange.isActive === true) return this.#lifecycle.onFault(fault);
      this.#context.report(fault);
      this.destroy();
    } catch (second) {
      this.#context.report(second);
      if (this.#serving !== undefined) finishExchange(this.#lifecycle.exchange);
      this.#connection.destroy();
    }
  }

  #guard(action: (this: DownstreamConnection) => void): void {
    try {
      action.call(this);
    } catch (fault) {
      this.#fail(fault);
    }
  }

  /** Whether another request may follow this response. */
  #decideKeepAlive(): boolean {
    if (this.#isClosing || this.#context.isDraining || (this.#isEnded && this.#input.isEmpty)) return false;
    const { keepAliveRequests, keepAliveTimeoutMs } = this.#lifecycle.exchange.routing.router.settings;
    if (keepAliveTimeoutMs === 0 || this.#requestCount >= keepAliveRequests) return false;
    return this.#serving!.head.isKeepAlive && this.#body.isEndKnown(this.#isContinueDue);
  }

  /** Closes our half and waits for the client to close its own: a reset could take the response away from it. */
  #linger(): void {
    this.#state = LINGERING;
    this.#gauge.set(undefined);
    this.#input.clear();
    this.#lingerUntilMs = this.#context.now() + WAITS.lingerTimeMs;
    this.#connection.end();
    const isOnlySending = this.#isEnded || this.#isBlocked;
    this.#context.timers.arm(this.#timer, isOnlySending ? WAITS.sendTimeoutMs : WAITS.lingerTimeoutMs);
    if (!this.#isEnded) this.#connection.resume();
  }

  /** The client does not take what is sent to it; it has so long to do so. */
  #block(): void {
    if (this.#isBlocked) return;
    this.#isBlocked = true;
    this.#context.timers.arm(this.#timer, WAITS.sendTimeoutMs);
  }
}
