import { FieldBlock, HeadersPayload } from './field-block.ts';
import { FieldDecoder } from './field-decoder.ts';
import { FieldList, type FieldsKind, type SecretNames } from './field-list.ts';
import { FloodGuard, type FloodKind } from './flood-guard.ts';
import { type FrameSink, FrameReader, streamIdAt } from './frame-reader.ts';
import { frameErrorOf } from './frame-rules.ts';
import { FrameWatch } from './frame-watch.ts';
import {
  writeGoaway,
  writeOctets,
  writePing,
  writeReset,
  writeSettings,
  writeSettingsAck,
} from './frame-writer.ts';
import { HpackEncoder } from './hpack-encoder.ts';
import { InputGate } from './input-gate.ts';
import { Output } from './output.ts';
import { readSettings } from './peer-settings.ts';
import { type ReceiveOwner, ReceiveSide } from './receive-side.ts';
import type { SessionOptions, SessionSide } from './session-options.ts';
import { type SendOwner, SendSide } from './send-side.ts';
import { StreamTable } from './stream-table.ts';
import { Stream, type StreamHome } from './stream.ts';
import type { Turn } from './wakeups.ts';
import { ACK, DEFAULT_WINDOW, END_HEADERS, END_STREAM, FRAME, H2_ERROR } from './wire-codes.ts';

/** Octets that a block may have beyond what it may stand for: names that tables would have shortened. */
const BLOCK_SLACK = 16_384;
/** What a reset costs beyond its frame, in units of a turn. */
const RESET_UNITS = 15;
/** So many windows of streams change for a unit, as a power of two. */
const WINDOW_BITS = 4;

/** What HTTP/2 is on both sides (RFC 9113): frames, stream states, flow control, errors. Bytes in, bytes out, and calls of handlers. */
export abstract class Session implements FrameSink, StreamHome, SendOwner, ReceiveOwner, Turn {
  /** Set when nothing more is read or written. */
  isOver = false;
  /** Set when that is so because of what the other side has sent. */
  isFaulty = false;
  readonly streams: StreamTable;
  nowMs: number;
  protected readonly options: SessionOptions;
  protected readonly out: Output;
  protected readonly encoder: HpackEncoder;
  protected readonly send: SendSide;
  protected readonly receiveSide: ReceiveSide;
  protected readonly floods: FloodGuard;
  /** Highest number of a stream that the other side has opened. */
  protected lastPeerId = 0;
  areSettingsSeen = false;
  readonly #secrets: SecretNames;
  readonly #decoder: FieldDecoder;
  readonly #gate: InputGate;
  readonly #reader: FrameReader;
  #trailers: FieldList;
  /** Block that waits for CONTINUATION. */
  readonly #block = new FieldBlock();
  readonly #headers = new HeadersPayload();
  readonly #frameWatch = new FrameWatch();
  #isTurnDue = false;
  #isEndDue = false;

  constructor(options: SessionOptions, side: SessionSide) {
    const { sink, shared, now } = options;
    this.options = options;
    this.nowMs = now();
    this.#secrets = side.secrets;
    this.streams = new StreamTable(side.rememberedResets, side.spareStreams);
    this.floods = new FloodGuard(side.floods);
    this.out = new Output(shared.chunks, sink);
    this.#gate = new InputGate(side.turns, this.out, sink);
    this.#reader = new FrameReader(this, this.#gate.share);
    this.#decoder = new FieldDecoder(() => options.limits(), side.secrets, shared.fields, this.#gate.share);
    this.encoder = new HpackEncoder(shared.block, side.encodedLines);
    this.send = new SendSide(this, this.out, this.encoder, shared, now);
    this.#trailers = new FieldList(options.limits(), side.secrets);
    if (side.preface !== undefined) writeOctets(this.out, side.preface);
    writeSettings(this.out, side.settings);
    this.receiveSide = new ReceiveSide(this, side.windows, this.out, this.#gate.share);
    this.wake();
  }

  /** Whether a stream of that number was never opened. */
  abstract isIdle(id: number): boolean;
  /** A head, or trailers, came for a stream. */
  protected abstract onBlock(id: number, isEnd: boolean, buffer: Buffer, start: number, end: number): boolean;
  /** A setting of the other side's; an error code, or none. */
  protected abstract onSetting(id: number, value: number): number;
  protected abstract onPriorityUpdate(id: number, value: string): boolean;
  /** The other side goes away; streams above `lastId` were not touched. */
  protected abstract onGoaway(lastId: number, code: number): void;
  protected abstract onPingAck(): void;
  /** A stream is over. */
  protected abstract onStreamGone(stream: Stream): void;

  /** Takes what came; bytes are valid during the call. Answers the offset of the first one that is to be brought once more when reading goes on. */
  receive(buffer: Buffer, start: number, end: number): number {
    if (this.isOver) return end;
    if (!this.#gate.begin()) return start;
    this.streams.ripen();
    this.nowMs = this.options.now();
    const position = this.#reader.read(buffer, start, end);
    this.#frameWatch.look(this.#reader, this.nowMs);
    this.receiveSide.endRead();
    if (this.out.pending > 0) this.wake();
    this.#gate.end(position === end);
    return position;
  }

  /** Since when a frame other than DATA, or a block, is not complete; 0: none is. */
  get waitingSinceMs(): number {
    return this.#block.streamId === 0 ? this.#frameWatch.sinceMs : this.#block.sinceMs;
  }

  /** The sink takes bytes again, or needs none of those that it had. */
  onDrain(): void {
    this.out.resume();
    if (this.isOver) return;
    if (this.send.order.count > 0) this.takeTurn();
    this.#gate.regulate();
  }

  /** Sends what is ready; called once for all that one wake-up has brought. */
  takeTurn(): void {
    this.#isTurnDue = false;
    this.streams.ripen();
    this.receiveSide.handHeld();
    if (this.isOver) return;
    this.send.pump();
    this.out.flush();
    if (this.#isEndDue) this.#finish();
  }

  wake(): void {
    // What was received before the end is still handed over.
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    const { wakeups } = this.options.shared;
    if (this.streams.size > 1) wakeups.add(this);
    else wakeups.addSoon(this);
  }

  /** The connection is gone. */
  onClosed(): void {
    this.isOver = true;
    this.#gate.close();
    this.#reader.stop();
    this.#endStreams(H2_ERROR.cancel);
    this.out.clear();
  }

  /** Ends the connection because of the other side (RFC 9113 §5.4.1). Answers false, so that callers may pass it on. */
  fail(code: number, reason: string, flood?: FloodKind): boolean {
    if (this.isOver) return false;
    this.isFaulty = true;
    this.options.onError?.(code, flood);
    this.leave(code, reason);
    return false;
  }

  /** Ends one stream because of the other side (RFC 9113 §5.4.2). */
  streamError(id: number, code: number): boolean {
    if (!this.charge('stream-error')) return false;
    const stream = this.streams.get(id);
    if (stream === undefined && this.isIdle(id)) return this.fail(code, 'an error on an idle stream');
    writeReset(this.out, id, code);
    this.streams.rememberReset(id);
    if (stream === undefined) return true;
    stream.isFaulty = true;
    this.#drop(stream);
    if (!stream.isReleased) stream.handler?.onReset(stream, code, false);
    return !this.isOver;
  }

  /** Ends a stream that the other side has done nothing with. */
  protected dropUntouched(stream: Stream): void {
    this.#drop(stream);
    if (!stream.isReleased) stream.handler?.onReset(stream, H2_ERROR.refusedStream, true);
  }

  /** Sends the last GOAWAY, and ends. */
  protected leave(code: number, reason: string): void {
    writeGoaway(this.out, this.lastPeerId, code, reason);
    this.#reader.stop();
    this.#finish();
    this.#endStreams(code);
  }

  /** Ends the connection behind what is written. */
  protected endSoon(): void {
    this.#isEndDue = true;
    this.wake();
  }

  /** Counts what costs the other side nothing; false: that was too much. */
  protected charge(kind: FloodKind, count = 1): boolean {
    return !this.floods.isTooMany(kind, this.nowMs, count) || this.fail(H2_ERROR.enhanceYourCalm, kind, kind);
  }

  // What handlers do with their streams.

  now(): number {
    return this.options.now();
  }

  sendBytes(stream: Stream, buffer: Buffer, start: number, end: number): void {
    if (this.isOver) return;
    this.send.bytes(stream, buffer, start, end);
    this.wake();
  }

  endStream(stream: Stream): void {
    if (this.isOver) return;
    this.send.end(stream);
    this.wake();
  }

  resetStream(stream: Stream, code: number): void {
    if (this.isOver) return;
    writeReset(this.out, stream.id, code);
    this.streams.rememberReset(stream.id);
    this.#drop(stream);
    this.wake();
  }

  resumeStream(stream: Stream): void {
    this.receiveSide.resume(stream);
  }

  releaseStream(stream: Stream): void {
    if (stream.isActive) this.receiveSide.drop(stream);
    else this.#recycle(stream);
  }

  onStreamDrained(stream: Stream): void {
    if (!stream.isReleased) stream.handler?.onDrain(stream);
  }

  onFrameSent(): void {
    this.floods.forgive('window-update', 10);
  }

  onLocalEnd(stream: Stream): void {
    if (stream.isRemoteEnded) this.#drop(stream);
  }

  onRemoteEnd(stream: Stream): void {
    if (stream.isLocalEnded) this.#drop(stream);
  }

  onEmptyFrame(): boolean {
    return this.charge('empty-frame');
  }

  // Frames.

  onFrameHeader(type: number, flags: number, id: number, length: number): boolean {
    const { streamId } = this.#block;
    if (streamId !== 0 && (type !== FRAME.continuation || id !== streamId)) {
      return this.fail(H2_ERROR.protocolError, 'a field block is not complete');
    }
    if (!this.areSettingsSeen && (type !== FRAME.settings || (flags & ACK) !== 0)) {
      return this.fail(H2_ERROR.protocolError, 'SETTINGS come first');
    }
    const error = frameErrorOf(type, flags, id, length);
    if (error !== 0) return this.fail(error, `bad frame of type ${type}`);
    switch (type) {
      case FRAME.data:
        this.floods.forgive('ping', 2);
        return this.receiveSide.begin(id, length);
      case FRAME.headers:
      case FRAME.settings:
      case FRAME.ping:
        return true;
      case FRAME.goaway:
        return this.charge('goaway');
      case FRAME.priority:
        return this.charge('priority') && (length === 5 || this.streamError(id, H2_ERROR.frameSizeError));
      case FRAME.rstStream:
      case FRAME.windowUpdate:
        // On one that is over it may have been on its way.
        return id === 0 || !this.isIdle(id) || this.fail(H2_ERROR.protocolError, 'a frame on an idle stream');
      case FRAME.continuation:
        return streamId !== 0 || this.fail(H2_ERROR.protocolError, 'CONTINUATION of nothing');
      case FRAME.priorityUpdate:
        return this.charge('priority');
      default:
        return this.charge('unknown-frame');
    }
  }

  onFrameTooLarge(type: number, id: number): boolean {
    return this.fail(H2_ERROR.frameSizeError, `frame of type ${type} on stream ${id} is too large`);
  }

  onBadPadding(): boolean {
    return this.fail(H2_ERROR.protocolError, 'padding is longer than its frame');
  }

  onFrame(type: number, flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    switch (type) {
      case FRAME.headers:
        return this.#onHeaders(flags, id, buffer, start, end);
      case FRAME.continuation:
        return this.#onContinuation(flags, id, buffer, start, end);
      case FRAME.rstStream:
        return this.#onReset(id, buffer.readUInt32BE(start));
      case FRAME.settings:
        return this.#onSettings(flags, buffer, start, end);
      case FRAME.ping:
        return this.#onPing(flags, buffer, start);
      case FRAME.goaway:
        this.onGoaway(streamIdAt(buffer, start), buffer.readUInt32BE(start + 4));
        return !this.isOver;
      case FRAME.windowUpdate:
        return this.#onWindowUpdate(id, streamIdAt(buffer, start));
      case FRAME.priorityUpdate:
        return this.onPriorityUpdate(streamIdAt(buffer, start), buffer.toString('latin1', start + 4, end));
      default:
        return true;
    }
  }

  onDataBytes(buffer: Buffer, start: number, end: number): boolean {
    return this.receiveSide.bytes(buffer, start, end);
  }

  onDataEnd(flags: number, padding: number): boolean {
    return this.receiveSide.end(flags, padding);
  }

  // What both sides do with heads.

  protected openStream(id: number): Stream {
    const stream =
      this.streams.takeSpare() ?? new Stream(this, new FieldList(this.options.limits(), this.#secrets));
    stream.begin(this, id, DEFAULT_WINDOW, this.send.initialWindow);
    this.streams.add(stream);
    return stream;
  }

  /** Decodes a block; false: the connection is at its end. */
  protected decode(into: FieldList, kind: FieldsKind, buffer: Buffer, start: number, end: number): boolean {
    return this.#isBlock(this.#decoder.decode(into, kind, buffer, start, end));
  }

  /** Decodes a block that nobody wants: the table needs it. */
  protected skip(buffer: Buffer, start: number, end: number): boolean {
    return this.#isBlock(this.#decoder.skip(buffer, start, end));
  }

  /** A block that ends the stream's message. */
  protected onTrailers(stream: Stream, isEnd: boolean, buffer: Buffer, start: number, end: number): boolean {
    const trailers = this.#trailers;
    if (!this.decode(trailers, 'trailers', buffer, start, end)) return false;
    if (stream.isRemoteEnded) return this.streamError(stream.id, H2_ERROR.streamClosed);
    stream.isTooLarge = trailers.error === 'header_too_large';
    if (!isEnd || !trailers.isOpen) return this.streamError(stream.id, H2_ERROR.protocolError);
    const isGoingOn = this.receiveSide.endStream(stream, trailers);
    if (stream.heldTrailers === trailers) {
      this.#trailers = new FieldList(this.options.limits(), this.#secrets);
    }
    return isGoingOn;
  }

  /** New streams begin with this window, and those that are open change by the difference (RFC 9113 §6.9.2). */
  protected setInitialWindow(size: number): number {
    const change = size - this.send.initialWindow;
    this.send.initialWindow = size;
    this.#gate.share.left -= this.streams.size >> WINDOW_BITS;
    for (const stream of this.streams.values()) {
      if (!this.send.widen(stream, change)) return H2_ERROR.flowControlError;
    }
    return 0;
  }

  /** Lets go of what only a busy connection needs. */
  protected shrink(): void {
    this.streams.ripen();
    this.streams.shrink();
    this.encoder.forget();
    this.#decoder.release();
    this.#trailers.release();
  }

  #isBlock(isBlock: boolean): boolean {
    if (!isBlock) return this.fail(H2_ERROR.compressionError, 'bad field block');
    // Fields of one octet each cost more than they weigh.
    const { ignored } = this.#decoder;
    return ignored < 256 || this.charge('stream-error', ignored >> 8);
  }

  #onHeaders(flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    const headers = this.#headers;
    const fault = headers.read(flags, buffer, start, end);
    if (fault === 'bad-padding') return this.onBadPadding();
    if (fault !== undefined) return this.fail(H2_ERROR.frameSizeError, 'HEADERS are too short');
    if ((flags & END_HEADERS) !== 0) {
      return this.onBlock(id, (flags & END_STREAM) !== 0, buffer, headers.start, headers.end);
    }
    this.#block.begin(id, flags, this.nowMs);
    return this.#addFragment(buffer, headers.start, headers.end);
  }

  #onContinuation(flags: number, id: number, buffer: Buffer, start: number, end: number): boolean {
    if (!this.#addFragment(buffer, start, end)) return false;
    if ((flags & END_HEADERS) === 0) return true;
    const block = this.#block.take();
    return this.onBlock(id, this.#block.isEnd, block, 0, block.length);
  }

  #addFragment(buffer: Buffer, start: number, end: number): boolean {
    if (!this.#block.add(buffer, start, end, this.options.limits().maxHeadBytes + BLOCK_SLACK)) {
      return this.fail(H2_ERROR.enhanceYourCalm, 'a field block without end', 'header-block');
    }
    return start < end || this.charge('empty-frame');
  }

  #onReset(id: number, code: number): boolean {
    const stream = this.streams.get(id);
    if (!this.charge('reset')) return false;
    if (stream === undefined) return true;
    this.#gate.share.left -= RESET_UNITS;
    this.#drop(stream);
    if (!stream.isReleased) stream.handler?.onReset(stream, code, code === H2_ERROR.refusedStream);
    return !this.isOver;
  }

  #onSettings(flags: number, buffer: Buffer, start: number, end: number): boolean {
    if ((flags & ACK) !== 0) return true;
    this.areSettingsSeen = true;
    if (!this.charge('settings', 1 + ((end - start) >> 6))) return false;
    const error = readSettings(buffer, start, end, (id, value) => this.onSetting(id, value));
    if (error !== 0) return this.fail(error, 'a setting has a value that it may not have');
    writeSettingsAck(this.out);
    this.send.pump();
    return !this.isOver;
  }

  #onPing(flags: number, buffer: Buffer, start: number): boolean {
    if ((flags & ACK) !== 0) {
      this.onPingAck();
      return !this.isOver;
    }
    if (!this.charge('ping')) return false;
    writePing(this.out, ACK, buffer.readUInt32BE(start), buffer.readUInt32BE(start + 4));
    return true;
  }

  #onWindowUpdate(id: number, increment: number): boolean {
    if (!this.charge('window-update')) return false;
    if (id === 0) {
      if (increment === 0) return this.fail(H2_ERROR.protocolError, 'a window is widened by nothing');
      if (!this.send.widenAll(increment))
        return this.fail(H2_ERROR.flowControlError, 'a window is too large');
    } else {
      if (increment === 0) return this.streamError(id, H2_ERROR.protocolError);
      const stream = this.streams.get(id);
      if (stream === undefined) return true;
      if (!this.send.widen(stream, increment)) return this.streamError(id, H2_ERROR.flowControlError);
    }
    this.send.pump();
    return !this.isOver;
  }

  /** The stream is over, for the connection. */
  #drop(stream: Stream): void {
    if (!stream.isActive) return;
    stream.isActive = false;
    this.streams.delete(stream.id);
    this.send.drop(stream);
    if (stream.isReleased) this.#recycle(stream);
    this.onStreamGone(stream);
  }

  #recycle(stream: Stream): void {
    this.receiveSide.drop(stream);
    this.streams.keepSpare(stream);
  }

  #endStreams(code: number): void {
    for (const stream of this.streams.values()) {
      this.#drop(stream);
      if (!stream.isReleased) stream.handler?.onReset(stream, code, false);
    }
  }

  #finish(): void {
    this.out.flushAll();
    this.isOver = true;
    this.#gate.close();
    this.options.sink.end();
  }
}
