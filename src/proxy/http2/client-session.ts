import type { HeadText } from '../message/head-text.ts';
import { FieldList } from './field-list.ts';
import { UPSTREAM_FLOODS } from './flood-guard.ts';
import { writeGoaway } from './frame-writer.ts';
import { contentLengthOf, statusOf } from './request-rules.ts';
import type { SessionOptions } from './session-options.ts';
import { Session } from './session.ts';
import type { Stream, StreamHandler } from './stream.ts';
import { H2_ERROR, MAX_STREAM_ID, PREFACE, SETTING } from './wire-codes.ts';

export interface ClientSessionOptions extends SessionOptions {
  /** It can take more streams, or none any more, than it could a moment ago. */
  onCapacity(): void;
}

/** Room for responses on one connection, and for one that is read: streams of clients that do not read do not stop the others. */
const WINDOWS = { connection: 16_777_216, readStream: 262_144, isHeldCounted: false };
/** What a server has not read: with more than that, requests of others are not put behind it. */
const MOST_PENDING_BYTES = 262_144;
/** Streams at once before the server has said how many. */
export const FIRST_MAX_STREAMS = 100;
/** Streams at once, however many the server would take. */
const MOST_STREAMS = 1000;

/** The proxy's side of a connection to an upstream (RFC 9113 §3.4, §5, §8). */
export class ClientSession extends Session {
  readonly #client: ClientSessionOptions;
  /** Where the next response head goes. */
  #head: FieldList;
  #nextId = 1;
  /** Streams that may be open at once. */
  maxStreams = FIRST_MAX_STREAMS;
  #isLeaving = false;
  /** Whether extended CONNECT is understood (RFC 8441 §3). */
  isConnectEnabled = false;

  constructor(options: ClientSessionOptions) {
    const { shared } = options;
    super(options, {
      preface: PREFACE,
      settings: [
        [SETTING.enablePush, 0],
        [SETTING.maxHeaderListSize, options.limits().maxHeadBytes],
      ],
      windows: WINDOWS,
      floods: UPSTREAM_FLOODS,
      turns: shared.upstreamTurns,
      rememberedResets: 4 * MOST_STREAMS,
      encodedLines: shared.requestLines,
      secrets: shared.responseLines,
      spareStreams: shared.upstreamStreams,
    });
    this.#client = options;
    this.#head = new FieldList(options.limits(), shared.responseLines);
  }

  /** Whether another stream may be opened now. */
  get isOpen(): boolean {
    return this.isUsable && this.streams.size < this.maxStreams;
  }

  /** Whether the server has not read so much that more requests are not to be put behind it. */
  get isBacklogged(): boolean {
    return this.out.pending > MOST_PENDING_BYTES;
  }

  /** Whether streams may be opened at some time. */
  get isUsable(): boolean {
    return !this.isOver && !this.#isLeaving && this.#nextId <= MAX_STREAM_ID;
  }

  /** Opens a stream with a request head; `lines` have no Host, no framing and nothing of a connection in them. */
  request(
    handler: StreamHandler,
    method: string,
    scheme: string,
    authority: string,
    path: string,
    lines: HeadText,
    contentLength: number,
    requestId = '',
  ): Stream {
    const stream = this.openStream(this.#nextId);
    this.#nextId += 2;
    stream.handler = handler;
    stream.isReading = true;
    stream.isBodiless = method === 'HEAD';
    // None of the clients is to wait until another one's upload is through.
    stream.isIncremental = true;
    const { encoder } = this;
    encoder.begin();
    encoder.line(`:method: ${method}`);
    encoder.line(`:scheme: ${scheme}`);
    encoder.line(`:authority: ${authority}`);
    encoder.passing(':path', path);
    if (requestId !== '') encoder.passing('x-request-id', requestId);
    if (lines !== '') encoder.lines(lines);
    if (contentLength >= 0) encoder.contentLength(contentLength);
    this.send.head(stream, true);
    this.wake();
    return stream;
  }

  /** Opens no more streams, and ends when those that are open have. */
  shutdown(): void {
    if (this.#isLeaving || this.isOver) return;
    this.#isLeaving = true;
    writeGoaway(this.out, 0, H2_ERROR.noError, '');
    if (this.streams.size === 0) this.endSoon();
    this.wake();
  }

  isIdle(id: number): boolean {
    // Servers open none: nothing may be pushed.
    return id % 2 === 0 || id >= this.#nextId;
  }

  protected onBlock(id: number, isEnd: boolean, buffer: Buffer, start: number, end: number): boolean {
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) return this.fail(H2_ERROR.protocolError, 'HEADERS on an idle stream');
      if (!this.charge('stream-error') || !this.skip(buffer, start, end)) return false;
      return (
        this.streams.wasReset(id) || this.fail(H2_ERROR.streamClosed, 'HEADERS on a stream that is over')
      );
    }
    if (stream.isHeadRead) return this.onTrailers(stream, isEnd, buffer, start, end);
    if (!this.decode(this.#head, 'response', buffer, start, end)) return false;
    const status = statusOf(this.#head);
    stream.isTooLarge = this.#head.error === 'header_too_large';
    if (!this.#head.isOpen || status < 0) return this.streamError(id, H2_ERROR.protocolError);
    if (status < 200) return this.#onInterim(stream, isEnd);
    return this.#onFinal(stream, status, isEnd);
  }

  protected onSetting(id: number, value: number): number {
    switch (id) {
      case SETTING.headerTableSize:
        this.encoder.allowTableSize(value);
        return 0;
      case SETTING.enablePush:
        // That is for clients to say (RFC 9113 §6.5.2).
        return value === 0 ? 0 : H2_ERROR.protocolError;
      case SETTING.maxConcurrentStreams:
        this.maxStreams = Math.min(value, MOST_STREAMS);
        this.#client.onCapacity();
        return 0;
      case SETTING.enableConnectProtocol:
        // Once said it holds (RFC 8441 §3).
        if (value === 0 && this.isConnectEnabled) return H2_ERROR.protocolError;
        this.isConnectEnabled = value === 1;
        return 0;
      case SETTING.initialWindowSize:
        return this.setInitialWindow(value);
      default:
        return 0;
    }
  }

  protected onPriorityUpdate(): boolean {
    return this.fail(H2_ERROR.protocolError, 'PRIORITY_UPDATE from a server');
  }

  protected onGoaway(lastId: number): void {
    this.#isLeaving = true;
    for (const stream of this.streams.values()) {
      if (stream.id > lastId) this.dropUntouched(stream);
    }
    this.#client.onCapacity();
    if (this.streams.size === 0) this.endSoon();
  }

  protected onPingAck(): void {
    // None was asked for.
  }

  protected onStreamGone(): void {
    if (this.isOver) return;
    // As many as we have opened cost the server as much as us.
    this.floods.forgive('reset', 1);
    this.floods.forgive('stream-error', 1);
    if (this.#isLeaving && this.streams.size === 0) this.endSoon();
    this.#client.onCapacity();
  }

  #onInterim(stream: Stream, isEnd: boolean): boolean {
    if (isEnd) return this.streamError(stream.id, H2_ERROR.protocolError);
    if (!stream.isReleased) stream.handler!.onInterimHead(stream, this.#head);
    return !this.isOver;
  }

  #onFinal(stream: Stream, status: number, isEnd: boolean): boolean {
    const length = contentLengthOf(this.#head);
    if (length === -2) return this.streamError(stream.id, H2_ERROR.protocolError);
    if (status === 204 || status === 304) stream.isBodiless = true;
    // A head that has no body may say how long it would be (RFC 9113 §8.1.1).
    stream.expected = stream.isBodiless ? 0 : length;
    stream.declared = length;
    stream.isHeadRead = true;
    const { fields } = stream;
    stream.fields = this.#head;
    this.#head = fields;
    stream.status = status;
    if (!stream.isReleased) stream.handler!.onHead(stream);
    if (this.isOver || !stream.isActive) return !this.isOver;
    if (!isEnd) {
      this.receiveSide.touch(stream);
      return true;
    }
    return this.receiveSide.endStream(stream, undefined);
  }
}
