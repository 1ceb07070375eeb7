import { Timer, type TimerOwner, type Timers } from '../../lib/timer-wheel.ts';
import type { HeadText } from '../message/head-text.ts';
import { HEADER } from '../message/known-headers.ts';
import type { FieldList } from './field-list.ts';
import { CLIENT_FLOODS } from './flood-guard.ts';
import { writeGoaway, writePing, writeReset } from './frame-writer.ts';
import { PART } from './hpack-encoder.ts';
import { parsePriority, URGENCIES } from './priority.ts';
import { contentLengthOf, isWholeRequest } from './request-rules.ts';
import type { SessionOptions } from './session-options.ts';
import { Session } from './session.ts';
import type { Stream, StreamHandler } from './stream.ts';
import { H2_ERROR, MAX_STREAM_ID, PREFACE, SETTING } from './wire-codes.ts';

export interface ServerSessionOptions extends SessionOptions {
  readonly timers: Timers;
  readonly maxConcurrentStreams: number;
  /** Who serves a stream that has no handler, or none any more. */
  handlerFor(stream: Stream): StreamHandler;
  /** Times of the connection, now. */
  times(): ServerTimes;
  /** Whether streams are open, each time that changes. */
  onBusy?(isBusy: boolean): void;
  /** No stream has been open for a while. */
  onRest?(): void;
}

export interface ServerTimes {
  /** For the preface, and for a head that has begun. */
  readonly headerTimeoutMs: number;
  /** Between two reads of a body. */
  readonly bodyTimeoutMs: number;
  /** Slowest that a body may come in once that time is over; 0: as slowly as it likes. */
  readonly minBodyBytesPerSecond: number;
  /** How long a client may not take what is sent to it. */
  readonly sendTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  /** Requests after which the connection is replaced. */
  readonly keepAliveRequests: number;
}

/** Room for uploads on one connection, and for one that is read. */
const WINDOWS = { connection: 1_048_576, readStream: 262_144, isHeldCounted: true };
/** How often streams are looked at while there are any. */
const WATCH_MS = 1_000;
/** How long a client that was asked to go may take to say that it heard so. */
const GOAWAY_GRACE_MS = 1_000;

/** The proxy's side of a client's connection (RFC 9113 §3.4, §5, §8). */
export class ServerSession extends Session implements TimerOwner {
  readonly #server: ServerSessionOptions;
  readonly #timer: Timer;
  #prefaceSeen = 0;
  /** Streams that were opened. */
  #opened = 0;
  #isLeaving = false;
  /** Whether the last GOAWAY is out: what is opened now was not seen. */
  #isLeft = false;
  /** How often the connection had been given something, and since when that is so while more waits for it. */
  #handed = 0;
  #stuckSinceMs = 0;
  /** Since when no stream is open. */
  #idleSinceMs = 0;
  /** Priorities of streams that are not open yet (RFC 9218 §7.1). */
  readonly #priorities = new Map<number, number>();

  constructor(options: ServerSessionOptions) {
    const { shared, maxConcurrentStreams } = options;
    super(options, {
      settings: [
        [SETTING.maxConcurrentStreams, maxConcurrentStreams],
        [SETTING.maxHeaderListSize, options.limits().maxHeadBytes],
        [SETTING.enableConnectProtocol, 1],
        [SETTING.noRfc7540Priorities, 1],
      ],
      windows: WINDOWS,
      floods: CLIENT_FLOODS,
      turns: shared.clientTurns,
      rememberedResets: 256,
      encodedLines: shared.responseLines,
      secrets: shared.requestLines,
      spareStreams: shared.clientStreams,
    });
    this.#server = options;
    this.#timer = new Timer(this);
    this.#idleSinceMs = this.nowMs;
    options.timers.arm(this.#timer, options.times().headerTimeoutMs);
  }

  override receive(buffer: Buffer, start: number, end: number): number {
    let position = start;
    // Octet by octet: what is no preface is answered as soon as that is known (RFC 9113 §3.4).
    while (this.#prefaceSeen < PREFACE.length && position < end) {
      if (buffer[position++] !== PREFACE[this.#prefaceSeen++]) {
        this.fail(H2_ERROR.protocolError, 'no preface');
        return end;
      }
    }
    return super.receive(buffer, position, end);
  }

  /** Sends a head. `trailing` lines come last, behind Content-Length. Answers the octets of its block. */
  respond(
    stream: Stream,
    status: number,
    date: HeadText,
    lines: HeadText,
    contentLength: number,
    trailing: HeadText,
  ): number {
    if (this.isOver || !stream.isActive) return 0;
    const { encoder } = this;
    encoder.begin();
    encoder.status(status);
    if (date !== '') encoder.lines(date, PART.date);
    if (lines !== '') encoder.lines(lines, PART.lines);
    if (contentLength >= 0) encoder.contentLength(contentLength);
    if (trailing !== '') encoder.lines(trailing, PART.trailing);
    this.send.head(stream, status >= 200);
    this.wake();
    return this.#server.shared.block.length;
  }

  /** Asks the client to open no more streams here; ends when those that are open have. */
  shutdown(): void {
    if (this.#isLeaving || this.isOver) return;
    this.#isLeaving = true;
    // What the client has sent meanwhile is still served (RFC 9113 §6.8).
    writeGoaway(this.out, MAX_STREAM_ID, H2_ERROR.noError, '');
    writePing(this.out, 0, 0, 0);
    this.wake();
    this.#server.timers.arm(this.#timer, GOAWAY_GRACE_MS);
  }

  /** The client sends nothing more: what it has asked for completely is still answered. */
  onPeerEnd(): void {
    if (this.isOver) return;
    this.#isLeaving = true;
    this.#isLeft = true;
    for (const stream of this.streams.values()) if (!stream.isRemoteEnded) this.#cut(stream);
    if (this.streams.size === 0) this.endSoon();
  }

  /** Whether some answer has begun. */
  get isAnswering(): boolean {
    for (const stream of this.streams.values()) if (stream.isHeadSent) return true;
    return false;
  }

  override onClosed(): void {
    this.#server.timers.cancel(this.#timer);
    super.onClosed();
  }

  isIdle(id: number): boolean {
    return id % 2 === 0 || id > this.lastPeerId;
  }

  onTimer(): void {
    if (this.isOver) return;
    const times = this.#server.times();
    this.nowMs = this.options.now();
    const { nowMs, waitingSinceMs } = this;
    let nextMs = WATCH_MS;
    if (!this.areSettingsSeen) {
      this.leave(H2_ERROR.settingsTimeout, 'no preface in time');
    } else if (waitingSinceMs > 0 && nowMs - waitingSinceMs > times.headerTimeoutMs) {
      this.fail(H2_ERROR.enhanceYourCalm, 'a frame that does not end', 'header-block');
    } else if (this.#isStuck(times.sendTimeoutMs)) {
      this.options.onLate?.('slow-reader');
      this.leave(H2_ERROR.noError, '');
    } else if (this.#isLeaving && !this.#isLeft) {
      this.onPingAck();
    } else if (this.streams.size > 0) {
      this.#watch(times);
    } else {
      this.shrink();
      this.#server.onRest?.();
      const restMs = times.keepAliveTimeoutMs - (nowMs - this.#idleSinceMs);
      if (restMs <= 0) this.leave(H2_ERROR.noError, '');
      else nextMs = waitingSinceMs > 0 || this.out.pending > 0 ? WATCH_MS : restMs;
    }
    if (!this.isOver) this.#server.timers.arm(this.#timer, nextMs);
  }

  override onLocalEnd(stream: Stream): void {
    if (stream.isRemoteEnded || stream.isTunnel) super.onLocalEnd(stream);
    // The answer is complete, and nobody needs the rest of the request (RFC 9113 §8.1).
    else this.resetStream(stream, H2_ERROR.noError);
  }

  protected onBlock(id: number, isEnd: boolean, buffer: Buffer, start: number, end: number): boolean {
    const known = id > this.lastPeerId ? undefined : this.streams.get(id);
    if (known !== undefined) return this.onTrailers(known, isEnd, buffer, start, end);
    if (id % 2 === 0) return this.fail(H2_ERROR.protocolError, 'clients open streams of odd numbers');
    if (id <= this.lastPeerId) {
      if (!this.charge('stream-error') || !this.skip(buffer, start, end)) return false;
      return (
        this.streams.wasReset(id) || this.fail(H2_ERROR.streamClosed, 'HEADERS on a stream that is over')
      );
    }
    if (this.#isLeft) return this.charge('reset') && this.skip(buffer, start, end);
    this.lastPeerId = id;
    if (this.streams.size >= this.#server.maxConcurrentStreams) {
      writeReset(this.out, id, H2_ERROR.refusedStream);
      this.streams.rememberReset(id);
      return this.charge('reset') && this.skip(buffer, start, end);
    }
    const stream = this.openStream(id);
    stream.isHeadRead = true;
    if (this.streams.size === 1) this.#server.onBusy?.(true);
    stream.headBytes = end - start;
    if (!this.decode(stream.fields, 'request', buffer, start, end)) return false;
    return this.#begin(stream, isEnd);
  }

  protected onSetting(id: number, value: number): number {
    if (id === SETTING.headerTableSize) this.encoder.allowTableSize(value);
    else if (id === SETTING.initialWindowSize) return this.setInitialWindow(value);
    return 0;
  }

  protected onPriorityUpdate(id: number, value: string): boolean {
    if (id === 0 || id % 2 === 0) return this.fail(H2_ERROR.protocolError, 'priority of no request');
    const priority = parsePriority(value);
    const stream = this.streams.get(id);
    if (stream !== undefined) {
      this.send.order.reprioritise(stream, priority % URGENCIES, priority >= URGENCIES);
    } else if (this.isIdle(id) && this.#priorities.size < this.#server.maxConcurrentStreams) {
      this.#priorities.set(id, priority);
    }
    return true;
  }

  protected onGoaway(): void {
    // It opens no more streams; what it has asked for is still answered.
  }

  protected onPingAck(): void {
    if (!this.#isLeaving || this.#isLeft) return;
    this.#isLeft = true;
    writeGoaway(this.out, this.lastPeerId, H2_ERROR.noError, '');
    this.wake();
    if (this.streams.size === 0) this.endSoon();
  }

  protected onStreamGone(stream: Stream): void {
    if (stream.isLocalEnded && stream.isRemoteEnded) this.floods.forgive('reset', 1);
    if (this.streams.size > 0) return;
    this.#server.onBusy?.(false);
    this.#idleSinceMs = this.options.now();
    if (this.#isLeft) this.endSoon();
  }

  #begin(stream: Stream, isEnd: boolean): boolean {
    const { fields } = stream;
    const { timers } = this.#server;
    const isRefused = fields.error !== undefined;
    // What came before a field that is too much may be all there is to see of the head.
    if (fields.isMalformed || (!isRefused && !isWholeRequest(fields))) return this.#refuse(stream);
    const length = contentLengthOf(fields);
    if (length === -2) fields.error ??= 'bad_content_length';
    else if (isEnd && length > 0) return this.#refuse(stream);
    else stream.expected = length;
    if (isEnd) {
      stream.isRemoteEnded = true;
      stream.isEndTold = true;
    }
    this.#prioritise(stream, fields);
    stream.lastReadMs = this.nowMs;
    if (this.streams.size === 1 && !this.#isLeaving) timers.arm(this.#timer, WATCH_MS);
    if (++this.#opened >= this.#server.times().keepAliveRequests) this.shutdown();
    stream.handler = this.#server.handlerFor(stream);
    stream.handler.onHead(stream);
    return !this.isOver;
  }

  /** Whether the client has taken nothing of what waits for it for so long. */
  #isStuck(sendTimeoutMs: number): boolean {
    const { out, nowMs } = this;
    if (out.pending === 0 || out.handed !== this.#handed) {
      this.#handed = out.handed;
      this.#stuckSinceMs = nowMs;
    }
    return nowMs - this.#stuckSinceMs > sendTimeoutMs;
  }

  /** Nobody has heard of the stream yet. */
  #refuse(stream: Stream): boolean {
    stream.isReleased = true;
    return this.streamError(stream.id, H2_ERROR.protocolError);
  }

  #prioritise(stream: Stream, fields: FieldList): void {
    let priority: number;
    const waiting = this.#priorities.size === 0 ? undefined : this.#priorities.get(stream.id);
    if (waiting === undefined) {
      if (!fields.has(HEADER.priority)) return;
      priority = parsePriority(fields.get('priority')!);
    } else {
      priority = waiting;
      for (const id of this.#priorities.keys()) if (id <= stream.id) this.#priorities.delete(id);
    }
    stream.urgency = priority % URGENCIES;
    stream.isIncremental = priority >= URGENCIES;
  }

  /** Looks for streams that take too long. */
  #watch(times: ServerTimes): void {
    for (const stream of this.streams.values()) {
      if (stream.queuedBytes > 0 && this.nowMs - stream.lastSentMs > times.sendTimeoutMs) {
        this.options.onLate?.('slow-reader');
        this.#cut(stream);
      } else if (stream.isTunnel) {
        // A half that is left alone is of no use.
        const isHalf = stream.isLocalEnded && !stream.isRemoteEnded;
        if (isHalf && this.nowMs - stream.lastReadMs > times.sendTimeoutMs) this.#cut(stream);
      } else if (isLate(stream, times, this.nowMs)) {
        this.options.onLate?.('slow-body');
        if (!stream.isReleased) stream.handler!.onLate(stream);
      }
      if (this.isOver) return;
    }
  }

  #cut(stream: Stream): void {
    const { handler, isReleased } = stream;
    this.resetStream(stream, H2_ERROR.cancel);
    if (!isReleased) handler!.onReset(stream, H2_ERROR.cancel, false);
  }
}

/** Whether its body comes in too slowly. */
function isLate(stream: Stream, times: ServerTimes, nowMs: number): boolean {
  if (!stream.isReading || stream.isRemoteEnded || stream.readSinceMs === 0) return false;
  if (nowMs - stream.lastReadMs > times.bodyTimeoutMs) return true;
  const { minBodyBytesPerSecond, bodyTimeoutMs } = times;
  const readingMs = nowMs - stream.readSinceMs;
  if (minBodyBytesPerSecond === 0 || readingMs <= bodyTimeoutMs) return false;
  return stream.received * 1000 < minBodyBytesPerSecond * readingMs;
}
