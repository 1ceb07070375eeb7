import { Timer, type TimerOwner } from '../../lib/timer-wheel.ts';
import { reasonOf } from '../exchange/stock-page.ts';
import { UnsafeText } from '../message/head-text.ts';
import type { ResponseHead } from '../message/heads.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { ConnectionHome } from '../upstream/pooled-connection.ts';
import type { UpstreamHandler, UpstreamRequest, UpstreamStream } from '../upstream/stream.ts';
import type { FieldList } from './field-list.ts';
import type { Stream, StreamHandler } from './stream.ts';
import { resetErrorOf } from './reset-codes.ts';
import { H2_ERROR } from './wire-codes.ts';

/** Interim responses before a final one, and bytes of them; more are not worth waiting for. */
const MAX_INTERIM_RESPONSES = 32;
const MAX_INTERIM_BYTES = 65_536;

/** What a stream needs of the connection that it is on. */
export interface UpstreamStreamOwner {
  readonly home: ConnectionHome;
  /** When the present bytes came. */
  readonly readAtMs: number;
  /** What the connection is over for; undefined: it is not, as far as is known. */
  readonly lossCode: ProxyErrorCode | undefined;
  /** Opens the stream; undefined: it cannot be opened any more, and the stream will fail. */
  open(stream: Http2UpstreamStream, request: UpstreamRequest): Stream | undefined;
  /** The stream is over. */
  forget(stream: Http2UpstreamStream): void;
  /** A stream that was sent at that time has waited in vain. */
  suspect(sentAtMs: number): void;
}

/** One request to a server that speaks HTTP/2, and its response. */
export class Http2UpstreamStream implements UpstreamStream, StreamHandler, TimerOwner {
  isReady = false;
  readAtMs = 0;
  isStale = false;
  /** Since when it waits for its connection, and how long it may. */
  readonly waitsSinceMs: number;
  readonly connectTimeoutMs: number;
  /** Changes when the stream moves on before it was opened. */
  owner: UpstreamStreamOwner;
  /** Its owner's: where it has it. */
  place = 0;
  /** Connections that were of no use before it had begun. */
  vainConnections = 0;
  /** Whether its connection had rested, and may have been gone, when it began. */
  readonly #isOnRested: boolean;
  readonly #timer: Timer = new Timer(this);
  #handler: UpstreamHandler | undefined;
  #request: UpstreamRequest | undefined = undefined;
  #stream: Stream | undefined = undefined;
  #maxHeadBytes = 0;
  #readTimeoutMs = 0;
  #sendTimeoutMs = 0;
  #sentAtMs = 0;
  #isTouched = false;
  #isRequestComplete = false;
  #isHeadRead = false;
  #isPaused = false;
  #isBlocked = false;
  #interimCount = 0;
  #interimBytes = 0;

  constructor(
    owner: UpstreamStreamOwner,
    handler: UpstreamHandler,
    isOnRested: boolean,
    connectTimeoutMs: number,
  ) {
    this.owner = owner;
    this.waitsSinceMs = owner.home.now();
    this.connectTimeoutMs = connectTimeoutMs;
    this.#handler = handler;
    this.#isOnRested = isOnRested;
  }

  /** Whether a stream of the session stands for it. */
  get isOpened(): boolean {
    return this.#stream !== undefined;
  }

  get isOver(): boolean {
    return this.#handler === undefined;
  }

  // What the connection tells.

  /** It has to wait: for so long at most. */
  await(): void {
    this.owner.home.timers.arm(this.#timer, this.connectTimeoutMs);
  }

  /** It may begin. */
  begin(): void {
    this.isReady = true;
    this.owner.home.timers.disarm(this.#timer);
    this.#guard(this.#tellReady);
  }

  /** It will not be complete. */
  fail(code: ProxyErrorCode, isUntouched = !this.#isTouched): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    const isGone = code === 'upstream_reset' || code === 'upstream_closed_early';
    this.isStale = this.#isOnRested && isGone && this.readAtMs === 0;
    this.#close();
    try {
      handler.onUpstreamFailed(code, isUntouched);
    } catch (fault) {
      this.owner.home.report(fault);
    }
  }

  /** Whoever it is for hears nothing more. */
  drop(): void {
    if (this.#handler !== undefined) this.#close();
  }

  // What the exchange asks for.

  sendHead(request: UpstreamRequest): void {
    this.#request = request;
    this.#maxHeadBytes = request.maxResponseHeadBytes;
    this.#readTimeoutMs = request.readTimeoutMs;
    this.#sendTimeoutMs = request.sendTimeoutMs;
  }

  send(parts: readonly Buffer[], _bytes: number, isLast: boolean): boolean {
    if (this.#handler === undefined) return false;
    if (this.#request !== undefined) {
      this.#stream = this.owner.open(this, this.#request);
      this.#request = undefined;
      if (this.#stream !== undefined) this.#isTouched = true;
      this.#sentAtMs = this.owner.home.now();
    }
    const stream = this.#stream;
    if (stream === undefined) return false;
    for (const part of parts) stream.write(part, 0, part.length);
    if (isLast) {
      this.#isRequestComplete = true;
      stream.end('');
    }
    this.#isBlocked = !stream.askDrained();
    this.#arm();
    return !this.#isBlocked;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.owner.home.timers.disarm(this.#timer);
    this.#stream?.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#arm();
    this.#stream?.resume();
  }

  /** No other protocol is taken up on this wire. */
  sendTunnel(): boolean {
    return false;
  }

  endTunnel(): void {}

  reset(): void {
    if (this.#handler === undefined) return;
    this.#stream?.reset(H2_ERROR.cancel);
    this.#close();
  }

  onTimer(): void {
    const { owner } = this;
    const stream = this.#stream;
    if (stream === undefined) {
      this.fail(this.isReady ? 'upstream_reset' : 'connect_timeout');
      return;
    }
    const isSending = stream.isActive && stream.queuedBytes > 0;
    if (isSending) {
      const restMs = stream.lastSentMs + this.#sendTimeoutMs - owner.home.now();
      if (restMs > 0) {
        owner.home.timers.arm(this.#timer, restMs);
        return;
      }
    } else if (this.#isBlocked) {
      // The last of it has left, of which nothing is told: from here on it is the server's turn.
      this.#isBlocked = false;
      this.#arm();
      return;
    }
    stream.reset(H2_ERROR.cancel);
    owner.suspect(this.#sentAtMs);
    this.fail(isSending ? 'send_timeout' : 'read_timeout');
  }

  // What the stream brings.

  onInterimHead(_stream: Stream, fields: FieldList): void {
    this.#read();
    this.#interimBytes += headBytes(fields);
    if (++this.#interimCount > MAX_INTERIM_RESPONSES || this.#interimBytes > MAX_INTERIM_BYTES) {
      this.#refuse('upstream_malformed');
      return;
    }
    const handler = this.#handler;
    if (handler === undefined) return;
    try {
      handler.onInterimHead(new FieldsHead(Number(fields.status), fields, false, -1));
    } catch (fault) {
      this.#crash(fault);
    }
  }

  onHead(stream: Stream): void {
    const { fields, status, declared, isBodiless } = stream;
    this.#isHeadRead = true;
    this.#read();
    if (headBytes(fields) > this.#maxHeadBytes) {
      this.#refuse('upstream_head_too_large');
      return;
    }
    const handler = this.#handler;
    if (handler === undefined) return;
    try {
      handler.onResponseHead(new FieldsHead(status, fields, !isBodiless && declared !== 0, declared));
    } catch (fault) {
      this.#crash(fault);
    }
  }

  onData(_stream: Stream, buffer: Buffer, start: number, end: number): void {
    this.#read();
    const handler = this.#handler;
    if (handler === undefined) return;
    try {
      handler.onResponseBody(buffer, start, end);
    } catch (fault) {
      this.#crash(fault);
    }
  }

  onRead(): void {
    this.#guard(this.#tellRead);
  }

  onEnd(stream: Stream, trailers: FieldList | undefined): void {
    const handler = this.#handler;
    if (handler === undefined) return;
    this.#read();
    // What was still to come of the request nobody waits for (RFC 9113 §8.1).
    if (!stream.isLocalEnded) stream.reset(H2_ERROR.cancel);
    this.#close();
    try {
      handler.onResponseEnd(trailers, this.readAtMs);
    } catch (fault) {
      this.owner.home.report(fault);
    }
  }

  onDrain(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#arm();
    this.#guard(this.#tellDrain);
  }

  onReset(stream: Stream, code: number, isUntouched: boolean): void {
    // A server that has answered may want no more of the request (RFC 9113 §8.1).
    if (stream.isRemoteEnded && !stream.isFaulty) {
      this.#isRequestComplete = true;
      return;
    }
    if (stream.isTooLarge) this.fail('upstream_head_too_large', false);
    else if (stream.isFaulty) this.fail('upstream_malformed', false);
    else this.fail(this.owner.lossCode ?? resetErrorOf(code), isUntouched);
  }

  /** Servers have all the time that the timeouts give them. */
  onLate(): void {}

  #tellReady(): void {
    this.#handler?.onUpstreamReady();
  }

  #tellRead(): void {
    this.#handler?.onReadDone();
  }

  #tellDrain(): void {
    this.#handler?.onUpstreamDrain();
  }

  #read(): void {
    this.readAtMs = this.owner.readAtMs;
    this.#arm();
  }

  /** While the client still sends its request, the upstream may wait with the answer as long as that takes. */
  #arm(): void {
    const { timers } = this.owner.home;
    if (this.#isPaused || this.#handler === undefined) return;
    if (this.#isBlocked && this.#stream!.queuedBytes > 0) timers.arm(this.#timer, this.#sendTimeoutMs);
    else if (this.#isRequestComplete || this.#isHeadRead) timers.arm(this.#timer, this.#readTimeoutMs);
    else timers.disarm(this.#timer);
  }

  /** Its response cannot be taken. */
  #refuse(code: ProxyErrorCode): void {
    this.#stream!.reset(H2_ERROR.cancel);
    this.fail(code, false);
  }

  #guard(action: (this: Http2UpstreamStream) => void): void {
    try {
      action.call(this);
    } catch (fault) {
      this.#crash(fault);
    }
  }

  /** What handles the response threw: its exchange ends, the others go on. */
  #crash(fault: unknown): void {
    const isUnsafe = fault instanceof UnsafeText;
    if (!isUnsafe) this.owner.home.report(fault);
    this.#stream?.reset(H2_ERROR.cancel);
    this.fail(isUnsafe ? 'unsafe_response' : 'internal', false);
  }

  #close(): void {
    const stream = this.#stream;
    this.#handler = undefined;
    this.#request = undefined;
    this.owner.home.timers.cancel(this.#timer);
    stream?.release();
    this.owner.forget(this);
  }
}

/** A response head of fields. */
class FieldsHead implements ResponseHead {
  readonly status: number;
  readonly headers: FieldList;
  readonly hasBody: boolean;
  readonly contentLength: number;
  readonly upgrade = undefined;

  constructor(status: number, headers: FieldList, hasBody: boolean, contentLength: number) {
    this.status = status;
    this.headers = headers;
    this.hasBody = hasBody;
    this.contentLength = contentLength;
  }

  /** This wire has none. */
  get reason(): string {
    return reasonOf(this.status);
  }
}

/** What it would have on HTTP/1.1, about. */
function headBytes(fields: FieldList): number {
  let bytes = 0;
  for (let i = 0; i < fields.count; i++) bytes += fields.nameAt(i).length + fields.valueAt(i).length + 4;
  return bytes;
}
