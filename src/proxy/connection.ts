import type { Socket } from 'node:net';
import { answerError } from './answer.ts';
import type { ConnectionInfo } from './connection-info.ts';
import type { Downstream, ResponseBodyKind } from './downstream.ts';
import type { ProxyErrorCode } from './errors.ts';
import { Exchange } from './exchange.ts';
import { dateLine } from './http-date.ts';
import { CHUNK_END, chunkHead, LAST_CHUNK, lastChunk } from './http1/chunked-encoder.ts';
import { ChunkedDecoder } from './http1/chunked-decoder.ts';
import { CHUNK, INCOMPLETE, REFUSED, type HeaderBlock, type RequestHead } from './http1/codec.ts';
import { RequestParser } from './http1/request-parser.ts';
import { InputBuffer } from './input-buffer.ts';
import { failExchange, handleExchange } from './lifecycle.ts';
import type { ServeContext } from './serve.ts';
import { Timer, type TimerOwner } from './timers.ts';

const IN_HEAD = 0;
const IN_EXCHANGE = 1;
/** The exchange is over, the rest of its body is being thrown away. */
const DISCARDING = 2;
const TUNNEL = 3;
/** Our half is closed; what the client still sends is thrown away until it closes too. */
const LINGERING = 4;
const CLOSED = 5;

const NO_BODY = 0;
const LENGTH = 1;
const CHUNKED = 2;

/** Bytes behind the present request that are kept before reading stops. */
const MAX_WAITING_BYTES = 65_536;
/** Body bytes worth reading off to keep a connection whose request was answered without it. */
const MAX_DISCARDED_BYTES = 65_536;
/** Pieces up to this go into the same text as the head; longer ones are written as bytes. */
const MAX_TEXT_BYTES = 16_384;
/** How long a client that gets nothing more may stay silent before it is cut, and how long it may go on (nginx: lingering_*). */
const LINGER_TIMEOUT_MS = 5_000;
const LINGER_TIME_MS = 30_000;
/** How long a client may not take what is sent to it (nginx: send_timeout). */
const SEND_TIMEOUT_MS = 60_000;
/** A client that closed its half may be gone, or may wait for its answer: this long it gets the benefit of the doubt. */
const HALF_CLOSED_GRACE_MS = 1_000;

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/** One client connection: requests one at a time and in order, responses in as few writes as they need. */
export class Connection implements Downstream, TimerOwner {
  readonly info: ConnectionInfo;
  readonly #socket: Socket;
  readonly #context: ServeContext;
  readonly #parser: RequestParser;
  readonly #timer: Timer;
  #exchange: Exchange | undefined = undefined;
  #state = IN_HEAD;
  #input: InputBuffer | undefined = undefined;
  #isProcessing = false;
  #isPaused = false;
  #requestCount = 0;

  #bodyKind = NO_BODY;
  #bodyRemaining = 0;
  #decoder: ChunkedDecoder | undefined = undefined;
  #isBodyWanted = false;
  #isBodyPaused = false;
  #isContinueDue = false;

  #out = '';
  #isCorked = false;
  #isKeptAlive = true;
  #isClosing = false;
  #isChunked = false;
  #isUntilClose = false;
  #isBlocked = false;
  #isEnded = false;
  #lingerUntilMs = 0;
  /** Gauge the connection is counted in. */
  #gauge: 'reading' | 'writing' | 'waiting' | undefined = undefined;

  constructor(socket: Socket, info: ConnectionInfo, context: ServeContext) {
    this.info = info;
    this.#socket = socket;
    this.#context = context;
    this.#parser = new RequestParser(context.router().settings);
    this.#timer = new Timer(this);
  }

  start(): void {
    const socket = this.#socket;
    const context = this.#context;
    context.connections.add(this);
    context.stats.accepted++;
    if (socket.destroyed) {
      this.#close();
      return;
    }
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('drain', () => this.#guard(this.#onDrain));
    socket.on('end', () => this.#guard(this.#onEnd));
    socket.on('error', ignoreError);
    socket.on('close', () => this.#guard(this.#close));
    this.#count('reading');
    context.timers.arm(this.#timer, context.router().settings.headerTimeoutMs);
  }

  /** Closes it if no request is under way. */
  closeIfIdle(): void {
    if (this.#state === IN_HEAD && this.#input === undefined) this.destroy();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#guard(this.#close);
  }

  onTimer(): void {
    this.#guard(this.#onTimeout);
  }

  // What the exchange asks for.

  get isBodyComplete(): boolean {
    return this.#bodyKind === NO_BODY;
  }

  get isFlushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  readBody(): void {
    this.#isBodyWanted = true;
    this.#context.timers.arm(this.#timer, this.#context.router().settings.bodyTimeoutMs);
    if (this.#isContinueDue) {
      this.#isContinueDue = false;
      if (this.#input === undefined || this.#input.length === 0) {
        this.#exchange!.bytesSent += CONTINUE.length;
        this.#socket.write(CONTINUE, 'latin1');
      }
    }
    this.#process();
  }

  pauseBody(): void {
    this.#isBodyPaused = true;
    this.#context.timers.disarm(this.#timer);
    this.#pause();
  }

  resumeBody(): void {
    this.#isBodyPaused = false;
    if (this.#state === IN_EXCHANGE && this.#bodyKind !== NO_BODY) {
      this.#context.timers.arm(this.#timer, this.#context.router().settings.bodyTimeoutMs);
    }
    this.#resume();
    this.#process();
  }

  closeAfterResponse(): void {
    this.#isClosing = true;
  }

  writeHead(
    status: number,
    reason: string,
    lines: string,
    trailingLines: string,
    kind: ResponseBodyKind,
    contentLength: number,
  ): void {
    const exchange = this.#exchange!;
    const { head } = exchange;
    let framing = '';
    this.#isChunked = false;
    this.#isUntilClose = false;
    if (kind === 'stream') {
      if (head.minorVersion === 1) {
        this.#isChunked = true;
        framing = 'Transfer-Encoding: chunked\r\n';
      } else {
        this.#isUntilClose = true;
      }
    } else if (contentLength >= 0) {
      framing = `Content-Length: ${contentLength}\r\n`;
    }
    const isKeptAlive = !this.#isUntilClose && this.#decideKeepAlive(exchange);
    this.#isKeptAlive = isKeptAlive;
    const statusLine =
      status === 200 && reason === 'OK' ? 'HTTP/1.1 200 OK\r\n' : `HTTP/1.1 ${status} ${reason}\r\n`;
    const text =
      statusLine +
      dateLine(exchange.startedAtMs) +
      lines +
      framing +
      (isKeptAlive ? 'Connection: keep-alive\r\n' : 'Connection: close\r\n') +
      trailingLines +
      '\r\n';
    exchange.bytesSent += text.length;
    this.#out += text;
  }

  writeBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    const length = end - start;
    const exchange = this.#exchange!;
    exchange.bytesSent += length;
    if (this.#isChunked) {
      const size = chunkHead(length);
      exchange.bytesSent += size.length + CHUNK_END.length;
      this.#out += size;
    }
    if (length <= MAX_TEXT_BYTES && this.#out.length <= MAX_TEXT_BYTES) {
      this.#out += buffer.toString('latin1', start, end);
    } else {
      const part = buffer.subarray(start, end);
      this.#cork();
      if (this.#out !== '') this.#socket.write(this.#out, 'latin1');
      this.#socket.write(isOwned ? part : Buffer.from(part));
      this.#out = '';
    }
    if (this.#isChunked) this.#out += CHUNK_END;
  }

  writeText(text: string): void {
    const exchange = this.#exchange!;
    exchange.bytesSent += text.length;
    exchange.bodyBytesSent += text.length;
    this.#out += text;
  }

  flush(): boolean {
    const socket = this.#socket;
    let isTaken = true;
    if (this.#out !== '') {
      isTaken = socket.write(this.#out, 'latin1');
      this.#out = '';
    }
    if (this.#isCorked) {
      this.#isCorked = false;
      socket.uncork();
      isTaken = !socket.writableNeedDrain;
    }
    if (!isTaken && !this.#isBlocked) {
      this.#isBlocked = true;
      this.#context.timers.arm(this.#timer, SEND_TIMEOUT_MS);
    }
    return !this.#isBlocked;
  }

  endResponse(trailers: HeaderBlock | undefined): void {
    if (this.#isChunked) {
      const end = trailers === undefined ? LAST_CHUNK : lastChunk(trailers);
      this.#exchange!.bytesSent += end.length;
      this.#out += end;
    }
    this.flush();
  }

  endExchange(): void {
    if (this.#state === CLOSED) return;
    this.#isBodyWanted = false;
    if (!this.#isKeptAlive) {
      this.#linger();
      return;
    }
    if (this.#bodyKind !== NO_BODY) {
      this.#state = DISCARDING;
      this.#context.timers.arm(this.#timer, this.#context.router().settings.bodyTimeoutMs);
      this.#resume();
    } else {
      this.#awaitHead();
    }
    this.#process();
  }

  abort(): void {
    this.#out = '';
    // A clean end would make a body that lasts until the close look complete.
    if (this.#isUntilClose && this.info.scheme === 'http') this.#socket.resetAndDestroy();
    this.destroy();
  }

  beginTunnel(statusLine: string, lines: string): void {
    const exchange = this.#exchange!;
    const text = `${statusLine}${dateLine(exchange.startedAtMs)}${lines}\r\n`;
    exchange.bytesSent += text.length;
    this.#state = TUNNEL;
    this.#context.timers.disarm(this.#timer);
    this.#socket.write(text, 'latin1');
    this.#resume();
    this.#process();
  }

  writeTunnel(buffer: Buffer, start: number, end: number): boolean {
    this.#exchange!.bytesSent += end - start;
    // The read buffer is shared: what the socket may keep has to be its own.
    const isTaken = this.#socket.write(Buffer.from(buffer.subarray(start, end)));
    if (!isTaken && !this.#isBlocked) {
      this.#isBlocked = true;
      this.#context.timers.arm(this.#timer, SEND_TIMEOUT_MS);
    }
    return isTaken;
  }

  endTunnel(): void {
    this.#socket.end();
  }

  pauseTunnel(): void {
    this.#pause();
  }

  resumeTunnel(): void {
    this.#resume();
  }

  // What the socket brings.

  #onData(chunk: Buffer): void {
    try {
      const input = this.#input;
      if (input !== undefined) {
        input.append(chunk, 0, chunk.length);
        this.#process();
      } else {
        this.#take(chunk);
      }
    } catch (fault) {
      this.#fail(fault);
    }
  }

  /** Uses a chunk that nothing waits in front of; keeps what cannot be used yet. */
  #take(chunk: Buffer): void {
    if (this.#isProcessing) {
      this.#keep(chunk, 0, chunk.length);
      return;
    }
    this.#isProcessing = true;
    let position = 0;
    try {
      position = this.#use(chunk, 0, chunk.length);
    } finally {
      this.#isProcessing = false;
    }
    if (position < chunk.length) this.#keep(chunk, position, chunk.length);
  }

  /** Uses what waits. */
  #process(): void {
    const input = this.#input;
    if (input === undefined || this.#isProcessing) return;
    this.#isProcessing = true;
    try {
      input.position = this.#use(input.buffer, input.position, input.end);
    } catch (fault) {
      this.#fail(fault);
    } finally {
      this.#isProcessing = false;
    }
    if (input.length === 0 || this.#state >= LINGERING) this.#input = undefined;
    if (this.#isEnded && this.#state === IN_HEAD && !this.#isBlocked) this.#linger();
    else this.#regulate();
  }

  #keep(chunk: Buffer, start: number, end: number): void {
    if (this.#state >= LINGERING) return;
    this.#input ??= new InputBuffer();
    this.#input.append(chunk, start, end);
    this.#regulate();
  }

  /** Stops reading while more waits than is worth keeping, unless it is a head that is still coming in. */
  #regulate(): void {
    const isWaiting = this.#state === IN_EXCHANGE || this.#isBlocked;
    if (
      this.#isBodyPaused ||
      (isWaiting && this.#input !== undefined && this.#input.length >= MAX_WAITING_BYTES)
    ) {
      this.#pause();
    } else {
      this.#resume();
    }
  }

  /** Uses bytes for as long as the state has use for them; answers the offset of the first one that has to wait. */
  #use(buffer: Buffer, start: number, end: number): number {
    let position = start;
    while (position < end) {
      switch (this.#state) {
        case IN_HEAD: {
          const next = this.#isBlocked ? INCOMPLETE : this.#parser.parse(buffer, position, end);
          if (next === INCOMPLETE) {
            this.#onPartialHead();
            return position;
          }
          if (next === REFUSED) {
            this.#refuse(this.#parser.head, this.#parser.error);
            return end;
          }
          const headBytes = next - position;
          position = next;
          this.#begin(headBytes);
          break;
        }
        case IN_EXCHANGE: {
          if (this.#bodyKind === NO_BODY || !this.#isBodyWanted || this.#isBodyPaused) return position;
          position = this.#useBody(buffer, position, end);
          break;
        }
        case DISCARDING:
          position = this.#discard(buffer, position, end);
          break;
        case TUNNEL: {
          const bytes = buffer.subarray(position, end);
          this.#exchange!.forwarding.tunnel?.onDownstreamData(bytes);
          return end;
        }
        case LINGERING:
          this.#context.timers.arm(this.#timer, LINGER_TIMEOUT_MS);
          if (this.#context.now() >= this.#lingerUntilMs) this.destroy();
          return end;
        default:
          return end;
      }
    }
    return position;
  }

  #begin(headBytes: number): void {
    const parser = this.#parser;
    const { head } = parser;
    const context = this.#context;
    let exchange = this.#exchange;
    if (exchange === undefined) {
      exchange = new Exchange(context, this, head);
      this.#exchange = exchange;
    }
    this.#state = IN_EXCHANGE;
    this.#requestCount++;
    context.stats.requests++;
    this.#count('writing');
    context.timers.disarm(this.#timer);
    this.#isBodyWanted = false;
    this.#isBodyPaused = false;
    this.#isContinueDue = head.isContinueExpected && head.framing !== 'none';
    if (head.framing === 'none') {
      this.#bodyKind = NO_BODY;
    } else if (head.framing === 'length') {
      this.#bodyKind = LENGTH;
      this.#bodyRemaining = head.contentLength;
    } else {
      this.#bodyKind = CHUNKED;
      this.#decoder ??= new ChunkedDecoder();
      this.#decoder.reset();
    }
    exchange.begin(headBytes);
    handleExchange(exchange);
  }

  /** A head that cannot be understood: what is behind it will never be parsed. */
  #refuse(head: RequestHead, code: ProxyErrorCode): void {
    const exchange = (this.#exchange ??= new Exchange(this.#context, this, head));
    this.#state = IN_EXCHANGE;
    this.#requestCount++;
    this.#context.stats.requests++;
    this.#count('writing');
    this.#context.timers.disarm(this.#timer);
    this.#bodyKind = NO_BODY;
    exchange.begin(0);
    answerError(exchange, code);
  }

  #useBody(buffer: Buffer, start: number, end: number): number {
    const exchange = this.#exchange!;
    this.#context.timers.arm(this.#timer, this.#context.router().settings.bodyTimeoutMs);
    if (this.#bodyKind === LENGTH) {
      const taken = Math.min(this.#bodyRemaining, end - start);
      this.#bodyRemaining -= taken;
      const isLast = this.#bodyRemaining === 0;
      if (isLast) this.#endBody();
      const { sequence } = exchange;
      exchange.onBodyData(buffer, start, start + taken);
      if (isLast && exchange.isActive && exchange.sequence === sequence) exchange.onBodyEnd(undefined);
      return start + taken;
    }
    const decoder = this.#decoder!;
    const event = decoder.next(buffer, start, end);
    const { position } = decoder;
    if (event === CHUNK.data) {
      exchange.onBodyData(buffer, decoder.dataStart, decoder.dataEnd);
    } else if (event === CHUNK.done) {
      this.#endBody();
      exchange.onBodyEnd(decoder.trailers);
    } else if (event === CHUNK.bad) {
      exchange.forwarding.cancel();
      answerError(exchange, decoder.error);
      return end;
    }
    return position;
  }

  #endBody(): void {
    this.#bodyKind = NO_BODY;
    this.#context.timers.disarm(this.#timer);
  }

  #discard(_buffer: Buffer, start: number, end: number): number {
    const taken = Math.min(this.#bodyRemaining, end - start);
    this.#bodyRemaining -= taken;
    if (this.#bodyRemaining === 0) {
      this.#bodyKind = NO_BODY;
      this.#awaitHead();
    }
    return start + taken;
  }

  #onPartialHead(): void {
    if (this.#gauge !== 'waiting' || this.#isBlocked) return;
    // The time for a head begins with its first byte.
    this.#count('reading');
    this.#context.timers.arm(this.#timer, this.#context.router().settings.headerTimeoutMs);
  }

  #awaitHead(): void {
    this.#state = IN_HEAD;
    this.#count('waiting');
    const { timers } = this.#context;
    if (this.#isEnded) {
      // Requests that came before the client closed its half are still answered.
      if (this.#input === undefined) this.#linger();
      return;
    }
    if (!this.#isBlocked) timers.arm(this.#timer, this.#exchange!.router.settings.keepAliveTimeoutMs);
    this.#resume();
  }

  #onDrain(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    const { timers } = this.#context;
    if (this.#state === IN_EXCHANGE || this.#state === TUNNEL) {
      timers.disarm(this.#timer);
      this.#exchange!.onDownstreamDrain();
    } else if (this.#state === IN_HEAD) {
      timers.arm(this.#timer, this.#exchange!.router.settings.keepAliveTimeoutMs);
      this.#process();
    }
  }

  #onEnd(): void {
    this.#isEnded = true;
    switch (this.#state) {
      case IN_EXCHANGE:
        if (this.#bodyKind !== NO_BODY) this.destroy();
        else if (!this.#isBlocked) this.#context.timers.arm(this.#timer, HALF_CLOSED_GRACE_MS);
        return;
      case TUNNEL:
        this.#exchange!.forwarding.tunnel?.onDownstreamEnd();
        return;
      case IN_HEAD:
        // With a response still in the socket, only our half is closed.
        if (this.isFlushed) this.destroy();
        else this.#linger();
        return;
      case CLOSED:
        return;
      default:
        this.destroy();
    }
  }

  #onTimeout(): void {
    const exchange = this.#exchange;
    const isReading = !this.#isBlocked && !this.#isEnded;
    if (isReading && this.#state === IN_EXCHANGE && this.#bodyKind !== NO_BODY) {
      exchange!.forwarding.cancel();
      answerError(exchange!, 'client_body_timeout');
    } else if (isReading && this.#state === IN_HEAD && this.#input !== undefined) {
      // The head did not come in time; the one before it has nothing to do with the answer.
      this.#exchange = undefined;
      this.#refuse(new RequestParser(this.#context.router().settings).head, 'client_header_timeout');
    } else {
      this.destroy();
    }
  }

  #close(): void {
    if (this.#state === CLOSED) return;
    const isInExchange = this.#state === IN_EXCHANGE || this.#state === TUNNEL;
    this.#state = CLOSED;
    this.#count(undefined);
    this.#context.timers.cancel(this.#timer);
    this.#context.connections.delete(this);
    this.#input = undefined;
    this.#out = '';
    if (isInExchange) this.#exchange!.onDownstreamClosed();
  }

  #fail(fault: unknown): void {
    this.#context.report(fault);
    try {
      if (this.#exchange?.isActive === true) failExchange(this.#exchange);
      else this.destroy();
    } catch (second) {
      this.#context.report(second);
      this.#socket.destroy();
    }
  }

  #guard(action: (this: Connection) => void): void {
    try {
      action.call(this);
    } catch (fault) {
      this.#fail(fault);
    }
  }

  /** Whether another request may follow this response. */
  #decideKeepAlive(exchange: Exchange): boolean {
    if (this.#isClosing || !exchange.head.isKeepAlive || this.#context.isDraining) {
      return false;
    }
    if (this.#isEnded && this.#input === undefined) return false;
    if (this.#requestCount >= exchange.router.settings.keepAliveRequests) return false;
    if (this.#bodyKind === NO_BODY) return true;
    // A client that waits for 100 may or may not send its body now: the bytes that follow cannot be told apart.
    return this.#bodyKind === LENGTH && this.#bodyRemaining <= MAX_DISCARDED_BYTES && !this.#isContinueDue;
  }

  /** Closes our half and waits for the client to close its own: a reset could take the response away from it. */
  #linger(): void {
    const { timers } = this.#context;
    this.#state = LINGERING;
    this.#count(undefined);
    this.#input = undefined;
    this.#lingerUntilMs = this.#context.now() + LINGER_TIME_MS;
    if (this.#isEnded) {
      this.#socket.destroySoon();
      timers.arm(this.#timer, SEND_TIMEOUT_MS);
      return;
    }
    this.#socket.end();
    timers.arm(this.#timer, this.#isBlocked ? SEND_TIMEOUT_MS : LINGER_TIMEOUT_MS);
    this.#resume();
  }

  #cork(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#socket.cork();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  #resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#socket.resume();
  }

  #count(gauge: 'reading' | 'writing' | 'waiting' | undefined): void {
    const previous = this.#gauge;
    if (previous === gauge) return;
    this.#gauge = gauge;
    const { stats, metrics } = this.#context;
    if (previous !== undefined) {
      stats[previous]--;
      metrics.connections[previous](-1);
    }
    if (gauge !== undefined) {
      stats[gauge]++;
      metrics.connections[gauge](1);
    }
  }
}

function ignoreError(): void {}
