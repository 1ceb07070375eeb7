import type { ConnectionMemo } from '../exchange/connection-memo.ts';
import type { ServeContext } from '../exchange/context.ts';
import type { Downstream, ResponseBodyKind } from '../exchange/downstream.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { finishExchange } from '../exchange/finish.ts';
import { Lifecycle } from '../exchange/lifecycle.ts';
import { Spares } from '../exchange/spares.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import { LinesEditor } from '../message/head-editor.ts';
import { type HeadText, joinLines, NO_LINES } from '../message/head-text.ts';
import type { HeaderBlock } from '../message/heads.ts';
import { dateLine } from '../message/http-date.ts';
import { NEVER_FORWARDED } from '../message/known-headers.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { FieldList } from './field-list.ts';
import type { ServerSession } from './server-session.ts';
import { resetCodeOf } from './reset-codes.ts';
import { StreamHead } from './stream-head.ts';
import type { Stream, StreamHandler } from './stream.ts';

/** What the streams of one connection share. */
export interface StreamOwner {
  readonly context: ServeContext;
  readonly info: ConnectionInfo;
  readonly memo: ConnectionMemo;
  readonly session: ServerSession;
  /** Whether bytes that a stream is handed stay as they are. */
  readonly areBytesGiven: boolean;
  /** Counts a request; answers its number on the connection. */
  countRequest(): number;
}

/** Those that no stream has at the moment, of one worker: an idle connection has none. */
export class DownstreamStreams {
  readonly #spares = new Spares<DownstreamStream>(1024);

  take(owner: StreamOwner, stream: Stream): DownstreamStream {
    const spare = this.#spares.take(owner.context.router());
    if (spare === undefined) return new DownstreamStream(this, owner, stream);
    spare.bind(owner);
    return spare;
  }

  /** Takes one back whose request is over. */
  give(one: DownstreamStream, exchange: Exchange): void {
    this.#spares.give(one, exchange, exchange.routing.router);
  }
}

/** One stream of a client's connection, as its exchange has it: used again for others, of whatever connection. */
export class DownstreamStream implements Downstream, StreamHandler {
  info: ConnectionInfo;
  memo: ConnectionMemo;
  readonly #pool: DownstreamStreams;
  /** Undefined while it has no stream: a connection that is closed is not kept for the sake of those that it had. */
  #owner: StreamOwner | undefined;
  readonly #context: ServeContext;
  readonly #head: StreamHead;
  readonly #lifecycle: Lifecycle;
  #stream: Stream;
  /** Whether the stream is still this one's. */
  #isHeld = false;
  #isBodyWanted = false;
  #isBodyPaused = false;
  #isContinueDue = false;
  #isTunnel = false;
  /** Whether no other request is to follow on the connection. */
  #isLast = false;

  /** Set while a head was given and not encoded, so that it can be taken back. */
  #isHeadDue = false;
  #status = 0;
  #lines = NO_LINES;
  #trailingLines = NO_LINES;
  #contentLength = -1;

  constructor(pool: DownstreamStreams, owner: StreamOwner, stream: Stream) {
    this.#pool = pool;
    this.info = owner.info;
    this.memo = owner.memo;
    this.#owner = owner;
    this.#context = owner.context;
    this.#stream = stream;
    this.#head = new StreamHead(stream.fields);
    this.#lifecycle = new Lifecycle(owner.context, this, this.#head);
  }

  /** Has it serve streams of another connection. */
  bind(owner: StreamOwner): void {
    this.#owner = owner;
    this.info = owner.info;
    this.memo = owner.memo;
    this.#lifecycle.exchange.bind(this);
  }

  // What the stream brings.

  onHead(stream: Stream): void {
    const head = this.#head;
    const sequence = this.#owner!.countRequest();
    this.#stream = stream;
    this.#isHeld = true;
    this.#isBodyWanted = false;
    this.#isBodyPaused = false;
    this.#isTunnel = false;
    this.#isLast = false;
    this.#isHeadDue = false;
    try {
      const refusal = head.read(stream);
      this.#isContinueDue = head.hasBody && head.isContinueExpected;
      const { nowMs } = this.#owner!.session;
      if (refusal === undefined) this.#lifecycle.begin(head, stream.headBytes, sequence, nowMs);
      else this.#lifecycle.refuse(head, refusal, sequence);
    } catch (fault) {
      this.#fail(fault);
    }
  }

  /** Clients send none. */
  onInterimHead(): void {}

  onData(_stream: Stream, buffer: Buffer, start: number, end: number): void {
    try {
      if (!this.#isTunnel) {
        this.#lifecycle.onBodyData(buffer, start, end);
      } else if (this.#owner!.areBytesGiven) {
        this.#lifecycle.onTunnelData(buffer.subarray(start, end));
      } else {
        this.#lifecycle.onTunnelData(Buffer.from(buffer.subarray(start, end)));
      }
    } catch (fault) {
      this.#fail(fault);
    }
  }

  onRead(): void {
    if (this.#isTunnel) return;
    try {
      this.#lifecycle.onBodyRead();
    } catch (fault) {
      this.#fail(fault);
    }
  }

  onEnd(_stream: Stream, _trailers: FieldList | undefined): void {
    try {
      if (this.#isTunnel) this.#lifecycle.onTunnelEnd();
      else this.#lifecycle.onBodyEnd();
    } catch (fault) {
      this.#fail(fault);
    }
  }

  onDrain(): void {
    try {
      this.#lifecycle.onDownstreamDrain();
    } catch (fault) {
      this.#fail(fault);
    }
  }

  onReset(): void {
    try {
      this.#lifecycle.onClientGone();
    } catch (fault) {
      this.#fail(fault);
    }
    this.#leave();
  }

  onLate(): void {
    try {
      this.#lifecycle.onBodyRefused('client_body_timeout');
    } catch (fault) {
      this.#fail(fault);
    }
  }

  // What the exchange asks for.

  readBody(): void {
    this.#isBodyWanted = true;
    if (this.#isContinueDue) {
      this.#isContinueDue = false;
      if (this.#stream.heldBytes === 0) this.writeInterim(100, '', NO_LINES);
    }
    if (!this.#isBodyPaused) this.#stream.resume();
  }

  pauseReading(): void {
    this.#isBodyPaused = true;
    this.#stream.pause();
  }

  resumeReading(): void {
    this.#isBodyPaused = false;
    if (this.#isBodyWanted || this.#isTunnel) this.#stream.resume();
  }

  writeInterim(status: number, _reason: string, lines: HeadText): void {
    this.#respond(status, NO_LINES, lines, -1, NO_LINES);
  }

  writeHead(
    status: number,
    _reason: string,
    lines: HeadText,
    trailingLines: HeadText,
    _kind: ResponseBodyKind,
    contentLength: number,
  ): void {
    this.#isHeadDue = true;
    this.#status = status;
    this.#lines = lines;
    this.#trailingLines = trailingLines;
    this.#contentLength = contentLength;
    if (this.#head.upgrade !== undefined && this.#stream.fields.protocol !== undefined) this.#denyTunnel();
    // The handshake does not stand for this host any more: another connection may.
    if (this.#isLast && status === 421) this.#owner!.session.shutdown();
  }

  writeBody(buffer: Buffer, start: number, end: number): void {
    this.#sendHead();
    this.#lifecycle.exchange.accounting.bytesSent += end - start;
    this.#stream.write(buffer, start, end);
  }

  writeText(text: string): void {
    const bytes = Buffer.from(text, 'latin1');
    this.writeBody(bytes, 0, bytes.length);
  }

  flush(): boolean {
    this.#sendHead();
    return this.#stream.askDrained();
  }

  endResponse(trailers: HeaderBlock | undefined): void {
    this.#sendHead();
    this.#stream.end(trailers === undefined ? '' : trailers.forwardable(NEVER_FORWARDED));
  }

  retract(): boolean {
    if (!this.#isHeadDue) return false;
    this.#isHeadDue = false;
    return true;
  }

  abort(code?: ProxyErrorCode): void {
    if (!this.#isHeld) return;
    this.#isHeadDue = false;
    this.#stream.reset(resetCodeOf(code));
    this.#leave();
  }

  closeAfterResponse(): void {
    this.#isLast = true;
  }

  endExchange(): void {
    this.#leave();
  }

  /** The answer of HTTP/1.1 is that of extended CONNECT, but for its status and its key (RFC 8441 §5). */
  beginTunnel(_reason: string, _upgrade: string, lines: HeadText): void {
    const exchange = this.#lifecycle.exchange;
    this.#isTunnel = true;
    this.#stream.isTunnel = true;
    const editor = new LinesEditor(lines);
    editor.remove('sec-websocket-accept');
    this.#respond(200, dateLine(exchange.startedAtMs), editor.toLines(), -1, NO_LINES);
    this.#stream.resume();
  }

  writeTunnel(buffer: Buffer, start: number, end: number): boolean {
    this.#lifecycle.exchange.accounting.bytesSent += end - start;
    this.#stream.write(buffer, start, end);
    return this.#stream.askDrained();
  }

  endTunnel(): void {
    this.#stream.end('');
  }

  /** A success would say that the tunnel stands (RFC 8441 §4). */
  #denyTunnel(): void {
    if (this.#status < 200 || this.#status > 299) return;
    this.#status = 502;
    this.#lifecycle.exchange.response.status = 502;
  }

  #sendHead(): void {
    if (!this.#isHeadDue) return;
    this.#isHeadDue = false;
    const { startedAtMs, routing } = this.#lifecycle.exchange;
    const lines = joinLines(routing.rules.serverLine, this.#lines);
    this.#respond(this.#status, dateLine(startedAtMs), lines, this.#contentLength, this.#trailingLines);
  }

  #respond(status: number, date: HeadText, lines: HeadText, contentLength: number, trailing: HeadText): void {
    this.#lifecycle.exchange.accounting.bytesSent += this.#owner!.session.respond(
      this.#stream,
      status,
      date,
      lines,
      contentLength,
      trailing,
    );
  }

  #leave(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    const stream = this.#stream;
    stream.handler = undefined;
    stream.release();
    this.#owner = undefined;
    this.#pool.give(this, this.#lifecycle.exchange);
  }

  #fail(fault: unknown): void {
    const context = this.#context;
    const { exchange } = this.#lifecycle;
    try {
      if (exchange.isActive) return this.#lifecycle.onFault(fault);
      context.report(fault);
      this.abort();
    } catch (second) {
      context.report(second);
      finishExchange(exchange);
      this.abort();
    }
  }
}
