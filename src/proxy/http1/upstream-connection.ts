import type { ConnectionHome } from './connection-home.ts';
import type { Socket } from 'node:net';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { CHUNK, ChunkedDecoder, UPSTREAM_CHUNK_LIMITS } from './chunked-decoder.ts';
import { UnsafeText } from '../message/head-text.ts';
import { INCOMPLETE, REFUSED } from '../message/head-parser.ts';
import type { Framing, HeaderBlock } from '../message/heads.ts';
import { ResponseParser } from './response-parser.ts';
import { InputBuffer } from './input-buffer.ts';
import { Timer, type TimerOwner } from '../../lib/timer-wheel.ts';
import type { UpstreamHandler } from '../upstream/upstream-handler.ts';
import { outliveWriteFailures } from '../upstream/write-failures.ts';

const CONNECTING = 0;
const IDLE = 1;
const IN_HEAD = 2;
const IN_BODY = 3;
const TUNNEL = 4;
const CLOSED = 5;

/** Interim responses before a final one, and bytes of them; more are not worth waiting for. */
const MAX_INTERIM_RESPONSES = 32;
const MAX_INTERIM_BYTES = 65_536;
/** Line limits do not apply to responses: the whole head is limited instead. */
const MAX_RESPONSE_HEADERS = 1000;

/** One connection to an endpoint: reads responses, one at a time, and says what came of them. */
export class UpstreamConnection implements TimerOwner {
  readonly createdAtMs: number;
  /** Requests sent on it, the present one included. */
  requestCount = 0;
  /** Set once all of the request was handed to the socket; a response that ends before costs the connection. */
  isRequestComplete = false;
  /** Set by the first byte of a response to the present request. */
  hasResponseBegun = false;
  /** When the socket last brought something. */
  readAtMs = 0;
  /** Set when the request asked the upstream to close. */
  isLastRequest = false;
  /** Neighbours in the list of idle connections; owned by the connector. */
  olderIdle: UpstreamConnection | undefined = undefined;
  newerIdle: UpstreamConnection | undefined = undefined;
  isIdleListed = false;
  readonly home: ConnectionHome;
  readonly #socket: Socket;
  readonly #timer: Timer;
  readonly #limits = {
    maxTargetBytes: 0,
    maxHeaderLineBytes: Number.MAX_SAFE_INTEGER,
    maxHeadBytes: 4096,
    maxHeaders: MAX_RESPONSE_HEADERS,
    areUnderscoresAllowed: true,
    areInvalidHeadersIgnored: true,
  };
  readonly #parser: ResponseParser;
  #decoder: ChunkedDecoder | undefined = undefined;
  #handler: UpstreamHandler | undefined;
  #state = CONNECTING;
  #pending: InputBuffer | undefined = undefined;
  #framing: Framing = 'none';
  #remaining = 0;
  #interimCount = 0;
  #interimBytes = 0;
  #readTimeoutMs = 0;
  #sendTimeoutMs = 0;
  #isPaused = false;
  #isBlocked = false;
  /** Set when a write failed: what the upstream said before is still read, nothing more is sent. */
  #isMute = false;
  /** Set when the upstream cut the connection off without ending its half first. */
  #isCut = false;
  #ownBuffer: Buffer | undefined = undefined;
  #failure: unknown = undefined;

  /** `connect` opens the socket with these read callbacks; `connectedEvent` says when it can be written to. */
  constructor(
    home: ConnectionHome,
    handler: UpstreamHandler,
    connect: (onread: {
      buffer: () => Buffer;
      callback: (length: number, buffer: Uint8Array) => boolean;
    }) => Socket,
    connectedEvent: 'connect' | 'secureConnect',
    connectTimeoutMs: number,
  ) {
    this.home = home;
    this.#handler = handler;
    this.createdAtMs = home.now();
    this.#timer = new Timer(this);
    this.#parser = new ResponseParser(this.#limits);
    this.#socket = connect({
      buffer: () => this.#ownBuffer ?? home.buffers.shared,
      callback: (length, buffer) => {
        this.#onRead(buffer as Buffer, length);
        return true;
      },
    });
    const socket = this.#socket;
    outliveWriteFailures(socket, (error) => this.#onWriteFailed(error));
    socket.once(connectedEvent, () => this.#guard(this.#onConnected));
    socket.on('drain', () => this.#guard(this.#onDrain));
    socket.on('end', () => this.#guard(this.#onEnd));
    socket.on('error', (error) => {
      this.#failure = error;
    });
    socket.on('close', () => this.#guard(this.#onClose));
    home.timers.arm(this.#timer, connectTimeoutMs);
  }

  /** Whether it served a request before the present one: then it may have been closed meanwhile. */
  get isReused(): boolean {
    return this.requestCount > 1;
  }

  get isUsable(): boolean {
    return this.#state === IDLE && !this.#socket.destroyed;
  }

  /** Begins a request on it; the head is still to be sent. */
  begin(
    handler: UpstreamHandler,
    method: string,
    maxHeadBytes: number,
    readTimeoutMs: number,
    sendTimeoutMs: number,
  ): void {
    this.#handler = handler;
    this.#state = IN_HEAD;
    this.#limits.maxHeadBytes = maxHeadBytes;
    this.#readTimeoutMs = readTimeoutMs;
    this.#sendTimeoutMs = sendTimeoutMs;
    this.#interimCount = 0;
    this.#interimBytes = 0;
    this.#parser.expect(method);
    this.requestCount++;
    this.isRequestComplete = false;
    this.hasResponseBegun = false;
    this.isLastRequest = false;
  }

  /** Says that nothing of the request follows any more: from now on the upstream's silence counts. */
  completeRequest(): void {
    this.isRequestComplete = true;
    if (!this.#isBlocked) this.#armForRead();
  }

  /** Sends text, one byte per character; false: wait for `onUpstreamDrain` before sending more of the body. */
  sendText(text: string): boolean {
    if (this.#isMute) return false;
    return this.#sent(this.#socket.write(text, 'latin1'));
  }

  sendBytes(bytes: Uint8Array): boolean {
    if (this.#isMute) return false;
    return this.#sent(this.#socket.write(bytes));
  }

  /** Sends text, bytes and text again in one write. */
  sendParts(before: string, parts: readonly Uint8Array[], behind: string): boolean {
    const socket = this.#socket;
    if (this.#isMute) return false;
    socket.cork();
    if (before !== '') socket.write(before, 'latin1');
    for (const part of parts) socket.write(part);
    if (behind !== '') socket.write(behind, 'latin1');
    socket.uncork();
    return this.#sent(!socket.writableNeedDrain);
  }

  /** Stops reading until `resume`; meanwhile nothing times out here. */
  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.home.timers.disarm(this.#timer);
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#armForRead();
    this.#socket.resume();
  }

  /** Ends our half of a tunnel. */
  endTunnel(): void {
    this.#socket.end();
  }

  /** Whether the socket has taken everything that was written. */
  get isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  /** Closes it at once; its handler hears nothing more. */
  destroy(): void {
    if (this.#state === CLOSED) return;
    this.#state = CLOSED;
    this.#handler = undefined;
    this.#pending = undefined;
    this.#dropOwnBuffer();
    this.home.timers.cancel(this.#timer);
    this.home.remove(this);
    this.#socket.destroy();
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
    else if (this.#isMute) this.#fail('upstream_reset');
    else this.#fail(this.#isBlocked ? 'send_timeout' : 'read_timeout');
  }

  /** Puts it to rest in the pool. */
  becomeIdle(timeoutMs: number): void {
    this.#state = IDLE;
    this.#handler = undefined;
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#socket.resume();
    }
    this.home.timers.arm(this.#timer, timeoutMs);
  }

  #sent(isTaken: boolean): boolean {
    if (this.#isMute) return false;
    this.#isBlocked = !isTaken;
    if (isTaken) this.#armForRead();
    else this.home.timers.arm(this.#timer, this.#sendTimeoutMs);
    return isTaken;
  }

  /** While the client still sends its request, the upstream may wait with the answer as long as that takes. */
  #armForRead(): void {
    if (this.#isPaused) return;
    if (this.isRequestComplete || this.#isMute || this.#state !== IN_HEAD)
      this.home.timers.arm(this.#timer, this.#readTimeoutMs);
    else this.home.timers.disarm(this.#timer);
  }

  #onRead(buffer: Buffer, length: number): void {
    try {
      this.readAtMs = this.home.now();
      this.#consume(buffer, 0, length);
      const handler = this.#handler;
      if (handler !== undefined) {
        handler.onReadDone();
        if (this.#ownBuffer !== undefined && !handler.isReadBufferFree()) {
          this.#ownBuffer = this.home.buffers.take();
        }
      }
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
    this.#state = IDLE;
    this.home.timers.disarm(this.#timer);
    this.#handler!.onConnected();
  }

  /** What was received before is there to be read, and the end of it: whether there is an answer will show. */
  #onWriteFailed(error: NodeJS.ErrnoException): void {
    if (this.#state === CLOSED) return;
    this.#isMute = true;
    this.#isBlocked = true;
    // EPIPE tells that the upstream had ended its half before it cut the connection off.
    this.#isCut = error.code !== 'EPIPE';
    this.#armForRead();
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
        this.readAtMs = this.home.now();
        if (this.#framing === 'close' && !this.#isCut) this.#complete(undefined, false);
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

  #onClose(): void {
    switch (this.#state) {
      case CLOSED:
        return;
      case CONNECTING: {
        const code = (this.#failure as NodeJS.ErrnoException | undefined)?.syscall;
        this.#fail(code === 'connect' ? 'connect_failed' : 'upstream_tls_failed');
        return;
      }
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
    if (!isUnsafe) this.home.report(fault);
    try {
      this.#fail(isUnsafe ? 'unsafe_response' : 'internal');
    } catch (second) {
      this.home.report(second);
    }
  }

  #fail(code: ProxyErrorCode): void {
    const handler = this.#handler;
    this.destroy();
    handler?.onUpstreamFailed(code);
  }

  #consume(buffer: Buffer, start: number, end: number): void {
    switch (this.#state) {
      case IN_HEAD:
        this.hasResponseBegun = true;
        this.#armForRead();
        this.#consumeHead(buffer, start, end);
        return;
      case IN_BODY:
        this.#armForRead();
        this.#consumeBody(buffer, start, end);
        return;
      case TUNNEL:
        this.#armForRead();
        this.#handler!.onTunnelData(buffer, start, end);
        return;
      case CLOSED:
        return;
      default:
        // Bytes that nobody asked for belong to nobody.
        this.#fail('upstream_malformed');
    }
  }

  #consumeHead(chunk: Buffer, chunkStart: number, chunkEnd: number): void {
    let buffer = chunk;
    let position = chunkStart;
    let end = chunkEnd;
    const pending = this.#pending;
    if (pending !== undefined) {
      pending.append(chunk, chunkStart, chunkEnd);
      ({ buffer, position, end } = pending);
    }
    for (;;) {
      const next = this.#parser.parse(buffer, position, end);
      if (next === INCOMPLETE) {
        if (pending === undefined) {
          this.#pending = new InputBuffer();
          this.#pending.append(buffer, position, end);
        } else {
          pending.position = position;
        }
        return;
      }
      if (next === REFUSED) {
        this.#fail(this.#parser.error);
        return;
      }
      const bytes = next - position;
      position = next;
      const { status } = this.#parser.head;
      if (status >= 200 || status === 101) break;
      this.#interimBytes += bytes;
      if (++this.#interimCount > MAX_INTERIM_RESPONSES || this.#interimBytes > MAX_INTERIM_BYTES) {
        this.#fail('upstream_malformed');
        return;
      }
      const handler = this.#handler;
      handler!.onInterimHead(this.#parser.head);
      if (this.#handler !== handler) return;
    }
    this.#pending = undefined;
    const { head } = this.#parser;
    this.#framing = head.framing;
    this.#remaining = head.contentLength;
    this.#state = head.status === 101 ? TUNNEL : IN_BODY;
    if (head.framing === 'chunked') {
      this.#decoder ??= new ChunkedDecoder(UPSTREAM_CHUNK_LIMITS);
      this.#decoder.reset();
    }
    const handler = this.#handler;
    handler!.onResponseHead(head);
    if (this.#handler !== handler) return;
    if (head.status === 101) {
      if (position < end) handler!.onTunnelData(buffer, position, end);
      return;
    }
    this.#consumeBody(buffer, position, end);
  }

  #consumeBody(buffer: Buffer, start: number, end: number): void {
    const handler = this.#handler!;
    const isOwned = this.#ownBuffer !== undefined && buffer.buffer === this.#ownBuffer.buffer;
    switch (this.#framing) {
      case 'none':
        this.#complete(undefined, start < end);
        return;
      case 'length': {
        const available = end - start;
        const taken = available < this.#remaining ? available : this.#remaining;
        this.#remaining -= taken;
        if (taken > 0) handler.onResponseBody(buffer, start, start + taken, isOwned);
        if (this.#handler !== handler) return;
        if (this.#remaining === 0) this.#complete(undefined, taken < available);
        break;
      }
      case 'chunked': {
        const decoder = this.#decoder!;
        let position = start;
        for (;;) {
          const event = decoder.next(buffer, position, end);
          position = decoder.position;
          if (event === CHUNK.data) {
            handler.onResponseBody(buffer, decoder.dataStart, decoder.dataEnd, isOwned);
            if (this.#handler !== handler) return;
          } else if (event === CHUNK.done) {
            this.#complete(decoder.trailers, position < end);
            return;
          } else if (event === CHUNK.bad) {
            this.#fail('upstream_malformed');
            return;
          } else {
            break;
          }
        }
        break;
      }
      default:
        if (start < end) handler.onResponseBody(buffer, start, end, isOwned);
    }
    // More than one read: from here on the bytes go through without being copied.
    if (this.#handler === handler && this.#ownBuffer === undefined && this.#state === IN_BODY) {
      this.#ownBuffer = this.home.buffers.take();
    }
  }

  #complete(trailers: HeaderBlock | undefined, hasMoreBytes: boolean): void {
    const handler = this.#handler!;
    this.#dropOwnBuffer();
    const { head } = this.#parser;
    // Bytes behind a response answer nothing that was asked: they and their connection are of no use to anyone.
    const isReusable =
      head.isKeepAlive && !hasMoreBytes && this.isRequestComplete && !this.isLastRequest && !this.#isBlocked;
    if (isReusable) this.home.release(this);
    else this.destroy();
    handler.onResponseEnd(trailers, this.readAtMs);
  }

  #dropOwnBuffer(): void {
    if (this.#ownBuffer === undefined) return;
    if (this.#handler?.isReadBufferFree() ?? false) this.home.buffers.give(this.#ownBuffer);
    this.#ownBuffer = undefined;
  }
}
