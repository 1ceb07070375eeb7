import { Timer, type TimerOwner } from '../../lib/timer-wheel.ts';
import { isUpgradeAsked } from '../message/connection-field.ts';
import { UnsafeText } from '../message/head-text.ts';
import type { HeaderBlock } from '../message/heads.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { Connector } from '../upstream/connector.ts';
import type { ConnectionHome, PooledConnection } from '../upstream/pooled-connection.ts';
import type { UpstreamHandler, UpstreamRequest, UpstreamStream } from '../upstream/stream.ts';
import type { CloseReason, Connection, ConnectionHandler } from '../transport/transport.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK } from './chunked-encoder.ts';
import type { Http1ResponseHead } from './heads.ts';
import { isCloseAsked, requestHeadText } from './request-head.ts';
import type { ResponseReader, ResponseReaders, ResponseUser } from './response-reader.ts';

const CONNECTING = 0;
const IDLE = 1;
/** Taken for a request that is still to be sent. */
const READY = 2;
const IN_HEAD = 3;
const IN_BODY = 4;
const TUNNEL = 5;
const CLOSED = 6;

const LAST_DATA = CHUNK_END + LAST_CHUNK;

/** What the connections of one wire have in common. */
export interface Http1Client {
  /** Version spoken. */
  readonly minorVersion: 0 | 1;
  /** Told of a response head with lines that a bare LF ended. */
  readonly onBareLineFeeds: () => void;
}

/** The same, and what the wire itself adds. */
export interface Http1Shared extends Http1Client {
  readonly readers: ResponseReaders;
}

/** One connection to an endpoint, and the one stream at a time that it carries. */
export class UpstreamConnection
  implements PooledConnection, UpstreamStream, ConnectionHandler, ResponseUser, TimerOwner
{
  readonly createdAtMs: number;
  requestCount = 1;
  readAtMs = 0;
  isStale = false;
  isOffered = false;
  olderIdle: PooledConnection | undefined = undefined;
  newerIdle: PooledConnection | undefined = undefined;
  isIdleListed = false;
  readonly #shared: Http1Shared;
  readonly #home: ConnectionHome;
  readonly #connection: Connection;
  readonly #timer: Timer;
  /** While a response comes in. */
  #reader: ResponseReader | undefined = undefined;
  #handler: UpstreamHandler | undefined;
  #state = CONNECTING;
  /** What is still to be sent before the body; valid until the exchange has its response. */
  #headDue: UpstreamRequest | undefined = undefined;
  #isNothingPooled = false;
  #method = '';
  #maxResponseHeadBytes = 0;
  #isChunked = false;
  #upgrade: string | undefined = undefined;
  /** Set once any byte of the request was handed to the socket. */
  #isTouched = false;
  /** Set once all of it was; a response that ends before costs the connection. */
  #isRequestComplete = false;
  /** Set by the first byte of its response. */
  #hasResponseBegun = false;
  /** Set when the request asked the upstream to close. */
  #isLastRequest = false;
  #readTimeoutMs = 0;
  #sendTimeoutMs = 0;
  #isPaused = false;
  #isBlocked = false;
  /** Set when a write failed: what the upstream said before is still read, nothing more is sent. */
  #isMute = false;
  /** Set when the upstream cut the connection off without ending its half first. */
  #isCut = false;

  constructor(
    shared: Http1Shared,
    home: ConnectionHome,
    connector: Connector,
    handler: UpstreamHandler,
    connectTimeoutMs: number,
  ) {
    this.#shared = shared;
    this.#home = home;
    this.#handler = handler;
    this.createdAtMs = home.now();
    this.#timer = new Timer(this);
    this.#connection = connector.connect(this);
    home.timers.arm(this.#timer, connectTimeoutMs);
  }

  // What the pool asks for.

  get isUsable(): boolean {
    return this.#state === IDLE && !this.#connection.isClosed;
  }

  get hasRoom(): boolean {
    return this.#state === IDLE;
  }

  get isIdle(): boolean {
    return this.#state === IDLE;
  }

  take(handler: UpstreamHandler): UpstreamStream {
    this.#state = READY;
    this.#handler = handler;
    this.requestCount++;
    this.#isTouched = false;
    this.#hasResponseBegun = false;
    return this;
  }

  rest(timeoutMs: number): void {
    this.#home.timers.arm(this.#timer, timeoutMs);
  }

  retire(): void {
    if (this.#state === IDLE) this.destroy();
  }

  /** Closes it at once; its handler hears nothing more. */
  destroy(): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#handler = undefined;
    this.#reader = undefined;
    this.#home.timers.cancel(this.#timer);
    this.#home.remove(this);
    this.#connection.destroy();
  }

  // What the exchange asks for.

  get isReady(): boolean {
    return this.#state === READY;
  }

  get isFlushed(): boolean {
    return !this.#isMute && this.#connection.held === 0;
  }

  sendHead(request: UpstreamRequest): void {
    this.#state = IN_HEAD;
    this.#headDue = request;
    this.#isNothingPooled = this.#home.settings.upstreamKeepAliveConnections === 0;
    this.#method = request.method;
    this.#maxResponseHeadBytes = request.maxResponseHeadBytes;
    this.#isChunked = request.hasBody && request.contentLength < 0;
    this.#upgrade = request.upgrade;
    this.#isLastRequest = isCloseAsked(request, this.#shared.minorVersion, this.#isNothingPooled);
    this.#readTimeoutMs = request.readTimeoutMs;
    this.#sendTimeoutMs = request.sendTimeoutMs;
    this.#isRequestComplete = false;
  }

  send(parts: readonly Buffer[], bytes: number, isLast: boolean): boolean {
    let before: string = this.#takeHead();
    this.#isTouched = true;
    if (isLast) this.#isRequestComplete = true;
    if (this.#isMute) return false;
    if (bytes === 0) {
      if (isLast && this.#isChunked) before += LAST_CHUNK;
      if (before !== '') return this.#sent(this.#connection.write(before));
      if (!this.#isBlocked) this.#armForRead();
      return !this.#isBlocked;
    }
    let behind = '';
    if (this.#isChunked) {
      before += chunkHead(bytes);
      behind = isLast ? LAST_DATA : CHUNK_END;
    }
    return this.#sent(this.#write(before, parts, behind));
  }

  sendTunnel(bytes: Buffer): boolean {
    if (this.#isMute) return false;
    return this.#sent(this.#connection.write('', bytes, 0, bytes.length, true));
  }

  /** Stops reading until `resume`; meanwhile nothing times out here. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#home.timers.disarm(this.#timer);
    this.#connection.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#armForRead();
    this.#connection.resume();
  }

  /** Ends our half of a tunnel. */
  endTunnel(): void {
    this.#connection.end();
  }

  reset(): void {
    this.destroy();
  }

  onTimer(): void {
    this.#guard(this.#onTimeout);
  }

  #onTimeout(): void {
    if (this.#state === IDLE) {
      this.destroy();
      return;
    }
    if (this.#state === CONNECTING) this.#fail('connect_timeout');
    else if (this.#isMute || this.#state === READY) this.#fail('upstream_reset');
    else this.#fail(this.#isBlocked ? 'send_timeout' : 'read_timeout');
  }

  #takeHead(): string {
    const head = this.#headDue;
    if (head === undefined) return '';
    this.#headDue = undefined;
    return requestHeadText(head, this.#shared.minorVersion, this.#isNothingPooled);
  }

  /** Sends text, bytes and text again in one write. */
  #write(before: string, parts: readonly Buffer[], behind: string): boolean {
    const connection = this.#connection;
    const [first] = parts;
    if (parts.length === 1 && behind === '') return connection.write(before, first!, 0, first!.length, true);
    connection.cork();
    connection.write(before);
    for (const part of parts) connection.write('', part, 0, part.length, true);
    connection.write(behind);
    return connection.uncork();
  }

  #sent(isTaken: boolean): boolean {
    if (this.#isMute) return false;
    this.#isBlocked = !isTaken;
    if (isTaken) this.#armForRead();
    else this.#home.timers.arm(this.#timer, this.#sendTimeoutMs);
    return isTaken;
  }

  /** While the client still sends its request, the upstream may wait with the answer as long as that takes. */
  #armForRead(): void {
    if (this.#isPaused) return;
    if (this.#isRequestComplete || this.#isMute || this.#state !== IN_HEAD)
      this.#home.timers.arm(this.#timer, this.#readTimeoutMs);
    else this.#home.timers.disarm(this.#timer);
  }

  // What the connection brings.

  onConnect(): void {
    this.#guard(this.#onConnected);
  }

  onData(connection: Connection, bytes: Buffer, start: number, end: number): void {
    try {
      this.readAtMs = this.#home.now();
      this.#consume(bytes, start, end);
      connection.isMuchExpected = this.#state === IN_BODY;
      this.#handler?.onReadDone();
    } catch (fault) {
      this.#crash(fault);
    }
  }

  onDrain(): void {
    this.#guard(this.#onDrain);
  }

  onEnd(): void {
    this.#guard(this.#onEnd);
  }

  /** What was received before is there to be read, and the end of it: whether there is an answer will show. */
  onWriteFailed(_connection: Connection, why: CloseReason): void {
    if (this.#state === CLOSED) return;
    this.#isMute = true;
    this.#isBlocked = true;
    // EPIPE tells that the upstream had ended its half before it cut the connection off.
    this.#isCut = why !== 'EPIPE';
    this.#armForRead();
  }

  onClose(_connection: Connection, why: CloseReason): void {
    try {
      this.#onClose(why);
    } catch (fault) {
      this.#crash(fault);
    }
  }

  #guard(action: (this: UpstreamConnection) => void): void {
    try {
      action.call(this);
    } catch (fault) {
      this.#crash(fault);
    }
  }

  #onConnected(): void {
    if (this.#state !== CONNECTING) return;
    this.#state = READY;
    this.#home.timers.disarm(this.#timer);
    this.#home.opened();
    this.#handler!.onUpstreamReady();
  }

  #onDrain(): void {
    if (!this.#isBlocked || this.#isMute) return;
    this.#isBlocked = false;
    if (this.#state === CLOSED) return;
    this.#armForRead();
    this.#handler?.onUpstreamDrain();
  }

  #onEnd(): void {
    switch (this.#state) {
      case CLOSED:
        return;
      case IN_BODY:
        this.readAtMs = this.#home.now();
        if (this.#reader!.isUntilClose && !this.#isCut) this.onComplete(undefined, false);
        else this.#fail('upstream_closed_early');
        return;
      case TUNNEL:
        this.#handler!.onTunnelEnd();
        return;
      case IDLE:
        this.destroy();
        return;
      default:
        this.#fail('upstream_closed_early');
    }
  }

  #onClose(why: CloseReason): void {
    switch (this.#state) {
      case CLOSED:
        return;
      case CONNECTING:
        this.#fail(why.startsWith('tls:') ? 'upstream_tls_failed' : 'connect_failed');
        return;
      case IDLE:
        this.destroy();
        return;
      default:
        this.#fail('upstream_reset');
    }
  }

  /** What handles the response threw: its exchange ends, the worker goes on. */
  #crash(fault: unknown): void {
    const isUnsafe = fault instanceof UnsafeText;
    if (!isUnsafe) this.#home.report(fault);
    try {
      this.#fail(isUnsafe ? 'unsafe_response' : 'internal');
    } catch (second) {
      this.#home.report(second);
    }
  }

  #fail(code: ProxyErrorCode): void {
    const handler = this.#handler;
    this.isStale = this.requestCount > 1 && !this.#hasResponseBegun && isLost(code);
    this.destroy();
    handler?.onUpstreamFailed(code, !this.#isTouched);
  }

  #consume(bytes: Buffer, start: number, end: number): void {
    switch (this.#state) {
      case IN_HEAD:
        if (!this.#hasResponseBegun) this.#beginResponse();
        this.#armForRead();
        this.#reader!.read(bytes, start, end);
        return;
      case IN_BODY:
        this.#armForRead();
        this.#reader!.read(bytes, start, end);
        return;
      case TUNNEL:
        this.#armForRead();
        this.#handler!.onTunnelData(bytes, start, end);
        return;
      case CLOSED:
        return;
      default:
        // Bytes that nobody asked for belong to nobody.
        this.#fail('upstream_malformed');
    }
  }

  #beginResponse(): void {
    this.#hasResponseBegun = true;
    this.#reader = this.#shared.readers.take();
    this.#reader.expect(this, this.#method, this.#maxResponseHeadBytes);
  }

  // What the reader finds.

  onInterim(head: Http1ResponseHead): boolean {
    const handler = this.#handler;
    if (head.hasBareLineFeeds) this.#shared.onBareLineFeeds();
    handler!.onInterimHead(head);
    return this.#handler === handler;
  }

  onHead(head: Http1ResponseHead): boolean {
    const handler = this.#handler!;
    if (head.hasBareLineFeeds) this.#shared.onBareLineFeeds();
    if (head.status !== 101) {
      this.#state = IN_BODY;
      handler.onResponseHead(head);
    } else if (this.#upgrade !== undefined && isUpgradeAsked(head.upgrade ?? '', this.#upgrade)) {
      this.#state = TUNNEL;
      handler.onTunnel(head);
    } else {
      // Nobody asked for that: what follows would be read as answers to requests it knows nothing of.
      this.#fail('upstream_malformed');
    }
    return this.#handler === handler;
  }

  onBody(buffer: Buffer, start: number, end: number): boolean {
    const handler = this.#handler!;
    handler.onResponseBody(buffer, start, end);
    return this.#handler === handler;
  }

  onUpgraded(buffer: Buffer, start: number, end: number): void {
    this.#handler!.onTunnelData(buffer, start, end);
  }

  onComplete(trailers: HeaderBlock | undefined, hasMoreBytes: boolean): void {
    const handler = this.#handler!;
    // Bytes behind a response answer nothing that was asked: they and their connection are of no use to anyone.
    const reader = this.#reader!;
    this.#reader = undefined;
    const isReusable =
      reader.isKeepAlive &&
      !hasMoreBytes &&
      this.#isRequestComplete &&
      !this.#isLastRequest &&
      !this.#isBlocked;
    if (isReusable) this.#becomeIdle();
    else this.destroy();
    handler.onResponseEnd(trailers, this.readAtMs);
    reader.release();
    this.#shared.readers.give(reader);
  }

  onRefused(code: ProxyErrorCode): void {
    this.#fail(code);
  }

  #becomeIdle(): void {
    this.#state = IDLE;
    this.#handler = undefined;
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#connection.resume();
    }
    this.#home.offer(this);
  }
}

/** Whether a connection ends so that had been closed at its other end while it rested. */
function isLost(code: ProxyErrorCode): boolean {
  return code === 'upstream_reset' || code === 'upstream_closed_early';
}
