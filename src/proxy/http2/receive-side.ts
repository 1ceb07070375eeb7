import type { FieldList } from './field-list.ts';
import type { Share } from './frame-reader.ts';
import { writeWindowUpdate } from './frame-writer.ts';
import { keepBytes } from './kept-bytes.ts';
import type { Output } from './output.ts';
import type { StreamTable } from './stream-table.ts';
import type { Stream } from './stream.ts';
import { DEFAULT_WINDOW, END_STREAM, H2_ERROR } from './wire-codes.ts';

/** What DATA of a tunnel costs of a turn: each frame of it is a write of its own. */
const TUNNEL_UNITS = 20;

/** How many octets the other side may have on the way to us. */
export interface ReceiveWindows {
  /** On all streams together; these bound what is held for streams that nobody reads. */
  readonly connection: number;
  /** On a stream that is being read. */
  readonly readStream: number;
  /** Whether octets of streams that nobody reads take the connection's room: else their own windows alone bound them. */
  readonly isHeldCounted: boolean;
}

/** Told what becomes of what streams receive. What answers a boolean answers false when the session is over. */
export interface ReceiveOwner {
  readonly streams: StreamTable;
  readonly isOver: boolean;
  readonly nowMs: number;
  now(): number;
  isIdle(id: number): boolean;
  fail(code: number, reason: string): boolean;
  streamError(id: number, code: number): boolean;
  /** A frame that brings nothing. */
  onEmptyFrame(): boolean;
  /** Both the end of the message, and that somebody knows of it. */
  onRemoteEnd(stream: Stream): void;
  /** Streams wait to be handed what was held. */
  wake(): void;
}

/**
 * Everything that streams of one session receive. Octets are given back when they were used (RFC 9113 §5.2), so that a stream that nobody
 * reads stops by itself while the others go on.
 */
export class ReceiveSide {
  readonly #owner: ReceiveOwner;
  readonly #windows: ReceiveWindows;
  readonly #out: Output;
  readonly #share: Share;
  #window = DEFAULT_WINDOW;
  /** Octets that were used and not given back yet. */
  #credit: number;
  /** Stream of the present DATA frame. */
  #stream: Stream | undefined = undefined;
  /** Octets of it that are no padding. */
  #frameOctets = 0;
  /** Streams that the present read has brought something. */
  readonly #touched: Stream[] = [];
  readonly #resumed: Stream[] = [];

  constructor(owner: ReceiveOwner, windows: ReceiveWindows, out: Output, share: Share) {
    this.#owner = owner;
    this.#windows = windows;
    this.#out = out;
    this.#share = share;
    this.#credit = windows.connection - DEFAULT_WINDOW;
    this.#give();
  }

  /** A DATA frame begins; its octets count before anything else does (RFC 9113 §6.9.1). */
  begin(id: number, length: number): boolean {
    const owner = this.#owner;
    this.#stream = undefined;
    if (length > this.#window) {
      return owner.fail(H2_ERROR.flowControlError, 'DATA beyond the window of the connection');
    }
    this.#window -= length;
    this.#frameOctets = 0;
    const stream = owner.streams.get(id);
    if (stream === undefined) {
      if (owner.streams.wasReset(id)) return true;
      return owner.isIdle(id)
        ? owner.fail(H2_ERROR.protocolError, 'DATA on an idle stream')
        : owner.fail(H2_ERROR.streamClosed, 'DATA on a stream that is over');
    }
    if (stream.isRemoteEnded) return owner.streamError(id, H2_ERROR.streamClosed);
    // A body without a head could be taken for a message of its own (RFC 9113 §8.1).
    if (!stream.isHeadRead) return owner.streamError(id, H2_ERROR.protocolError);
    if (length > stream.receiveWindow) return owner.streamError(id, H2_ERROR.flowControlError);
    stream.receiveWindow -= length;
    this.#stream = stream;
    return true;
  }

  bytes(buffer: Buffer, start: number, end: number): boolean {
    const stream = this.#stream;
    const owner = this.#owner;
    const octets = end - start;
    this.#frameOctets += octets;
    if (stream === undefined || !stream.isActive || stream.isReleased) {
      this.#credit += octets;
      return true;
    }
    stream.received += octets;
    stream.lastReadMs = owner.nowMs;
    if (stream.expected >= 0 && stream.received > stream.expected) {
      this.#credit += octets;
      return owner.streamError(stream.id, H2_ERROR.protocolError);
    }
    if (!stream.isReading || stream.heldBytes > 0) {
      keepBytes(stream.held, buffer.subarray(start, end));
      stream.heldBytes += octets;
      if (!this.#windows.isHeldCounted) this.#credit += octets;
      return true;
    }
    if (stream.isTunnel) this.#share.left -= TUNNEL_UNITS;
    this.#used(stream, octets);
    this.touch(stream);
    stream.handler!.onData(stream, buffer, start, end);
    return !owner.isOver;
  }

  end(flags: number, padding: number): boolean {
    if (this.#frameOctets === 0 && (flags & END_STREAM) === 0 && !this.#owner.onEmptyFrame()) return false;
    const stream = this.#stream;
    this.#stream = undefined;
    if (stream === undefined || !stream.isActive) {
      this.#credit += padding;
      return true;
    }
    this.#used(stream, padding);
    return (flags & END_STREAM) === 0 || this.endStream(stream, undefined);
  }

  /** The other side has sent all of the message. */
  endStream(stream: Stream, trailers: FieldList | undefined): boolean {
    const owner = this.#owner;
    if (stream.expected >= 0 && stream.received !== stream.expected && !stream.isBodiless) {
      return owner.streamError(stream.id, H2_ERROR.protocolError);
    }
    stream.isRemoteEnded = true;
    if (stream.isReading && stream.heldBytes === 0) this.#tellEnd(stream, trailers);
    else stream.heldTrailers = trailers;
    owner.onRemoteEnd(stream);
    return !owner.isOver;
  }

  /** The present read has brought the stream something, and its handler is to hear when it is over. */
  touch(stream: Stream): void {
    if (stream.isTouched) return;
    stream.isTouched = true;
    this.#touched.push(stream);
  }

  /** All of one read was handed over. */
  endRead(): void {
    for (;;) {
      const stream = this.#touched.pop();
      if (stream === undefined) break;
      if (!stream.isTouched) continue;
      stream.isTouched = false;
      if (stream.isReleased || stream.isEndTold) continue;
      stream.handler!.onRead(stream);
      this.#widen(stream);
    }
    this.#give();
  }

  /** Somebody reads the stream again; what was held comes later. */
  resume(stream: Stream): void {
    if (stream.isReading) return;
    stream.isReading = true;
    const nowMs = this.#owner.now();
    stream.lastReadMs = nowMs;
    if (stream.readSinceMs === 0) stream.readSinceMs = nowMs;
    else stream.readSinceMs += nowMs - stream.pausedAtMs;
    // With nothing held there may still be room to give back that was used up before it was paused.
    const isNothingDue = stream.isRemoteEnded ? stream.isEndTold : stream.credit === 0;
    if (stream.isResumeDue || (stream.heldBytes === 0 && isNothingDue)) return;
    stream.isResumeDue = true;
    this.#resumed.push(stream);
    this.#owner.wake();
  }

  /** Hands over what was held for streams that are read again. */
  handHeld(): void {
    if (this.#resumed.length === 0) return;
    for (let i = this.#resumed.length; i > 0; i--) this.#hand(this.#resumed.shift()!);
    if (!this.#owner.isOver) this.#give();
  }

  /** Nobody wants what is held for the stream any more. */
  drop(stream: Stream): void {
    stream.isReading = false;
    stream.isTouched = false;
    stream.isResumeDue = false;
    const octets = stream.clearHeld();
    if (this.#windows.isHeldCounted) this.#credit += octets;
  }

  #hand(stream: Stream): void {
    if (!stream.isResumeDue) return;
    stream.isResumeDue = false;
    const hadNothing = stream.heldBytes === 0;
    while (stream.heldBytes > 0 && stream.isReading && !stream.isReleased) {
      const piece = stream.held.shift()!;
      stream.heldBytes -= piece.length;
      stream.credit += piece.length;
      if (this.#windows.isHeldCounted) this.#credit += piece.length;
      stream.handler!.onData(stream, piece, 0, piece.length);
    }
    if (stream.isReleased || !stream.isReading) return;
    if (stream.isRemoteEnded) {
      if (stream.isEndTold) return;
      const trailers = stream.heldTrailers;
      stream.heldTrailers = undefined;
      this.#tellEnd(stream, trailers);
      return;
    }
    if (!hadNothing) stream.handler!.onRead(stream);
    this.#widen(stream);
  }

  #tellEnd(stream: Stream, trailers: FieldList | undefined): void {
    stream.isEndTold = true;
    if (!stream.isReleased) stream.handler!.onEnd(stream, trailers);
  }

  #used(stream: Stream, octets: number): void {
    this.#credit += octets;
    stream.credit += octets;
  }

  /** Gives a stream's window back once half of it is used up; one that is read gets a larger one than it began with. */
  #widen(stream: Stream): void {
    if (!stream.isActive || stream.isRemoteEnded || !stream.isReading) return;
    // What is still to come has room already.
    if (stream.expected >= 0 && stream.expected - stream.received <= stream.receiveWindow) return;
    const { readStream } = this.#windows;
    if (stream.windowTarget < readStream && stream.credit * 4 >= stream.windowTarget) {
      stream.credit += readStream - stream.windowTarget;
      stream.windowTarget = readStream;
    }
    if (stream.credit * 2 < stream.windowTarget) return;
    writeWindowUpdate(this.#out, stream.id, stream.credit);
    stream.receiveWindow += stream.credit;
    stream.credit = 0;
  }

  /** The same for the connection. */
  #give(): void {
    if (this.#credit * 2 < this.#windows.connection) return;
    writeWindowUpdate(this.#out, 0, this.#credit);
    this.#window += this.#credit;
    this.#credit = 0;
  }
}
