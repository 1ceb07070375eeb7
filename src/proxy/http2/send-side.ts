import { parsedLines } from '../message/head-text.ts';
import { writeBlock, writeData } from './frame-writer.ts';
import { type BlockBuffer, type HpackEncoder, PART } from './hpack-encoder.ts';
import { keepBytes } from './kept-bytes.ts';
import { copyOctets } from './octet-copy.ts';
import type { ChunkPool, Output } from './output.ts';
import { SendOrder } from './send-order.ts';
import type { Stream } from './stream.ts';
import type { WireShared } from './wire-shared.ts';
import { DEFAULT_WINDOW, END_STREAM, FRAME_HEADER_BYTES, MAX_FRAME_BYTES, MAX_WINDOW } from './wire-codes.ts';

/** Windows that let no more than that through make work of nothing. */
const FAIR_OCTETS = 1024;
/** What is as long as that is kept in a chunk of its own. */
const MUCH_OCTETS = 16_384;

/** Told what becomes of what streams send. */
export interface SendOwner {
  /** A frame of DATA was written that is not small because of a window. */
  onFrameSent(): void;
  /** The end of the stream was written. */
  onLocalEnd(stream: Stream): void;
  /** A stream that somebody waits for holds nothing any more. */
  onStreamDrained(stream: Stream): void;
}

/** Everything that streams of one session send, within the windows that the other side gives (RFC 9113 §5.2). */
export class SendSide {
  /** Octets of DATA that all streams together may send. */
  window = DEFAULT_WINDOW;
  /** What windows of new streams begin with. */
  initialWindow = DEFAULT_WINDOW;
  readonly order: SendOrder = new SendOrder();
  readonly #owner: SendOwner;
  readonly #out: Output;
  readonly #encoder: HpackEncoder;
  readonly #block: BlockBuffer;
  readonly #chunks: ChunkPool;
  readonly #now: () => number;

  constructor(
    owner: SendOwner,
    out: Output,
    encoder: HpackEncoder,
    { block, chunks }: WireShared,
    now: () => number,
  ) {
    this.#owner = owner;
    this.#out = out;
    this.#encoder = encoder;
    this.#block = block;
    this.#chunks = chunks;
    this.#now = now;
  }

  /** Writes the block that was encoded last as a head of the stream. */
  head(stream: Stream, isFinal: boolean): void {
    const out = this.#out;
    const flagsAt = writeBlock(out, stream.id, this.#block, false, MAX_FRAME_BYTES);
    // A head before the final one ends nothing.
    stream.flagsAt = isFinal ? flagsAt : -1;
    stream.flagsEpoch = out.epoch;
    if (isFinal) stream.isHeadSent = true;
  }

  bytes(stream: Stream, buffer: Buffer, start: number, end: number): void {
    let position = start;
    if (stream.queuedBytes === 0 && this.order.count === 0) {
      while (position < end && !this.#out.isFull) {
        const octets = this.#frame(stream, buffer, position, end, 0);
        if (octets === 0) break;
        position += octets;
      }
    }
    if (position === end) return;
    if (stream.queuedBytes === 0) stream.lastSentMs = this.#now();
    this.#keep(stream, buffer, position, end);
    if (stream.sendWindow > 0) this.order.add(stream);
  }

  end(stream: Stream): void {
    stream.isEndQueued = true;
    if (stream.queuedBytes === 0) this.#end(stream);
  }

  /** Sends what waits, as far as sink and windows let it. */
  pump(): void {
    const { order } = this;
    while (!this.#out.isFull && this.window > 0) {
      const stream = order.first;
      if (stream === undefined) return;
      this.#turn(stream);
    }
  }

  /** All streams together may send more; false: the window is larger than any may be. */
  widenAll(increment: number): boolean {
    this.window += increment;
    return this.window <= MAX_WINDOW;
  }

  /** A stream may send more, or less; false: the window is larger than any may be (RFC 9113 §6.9.1). */
  widen(stream: Stream, increment: number): boolean {
    const window = stream.sendWindow + increment;
    if (window > MAX_WINDOW) return false;
    stream.sendWindow = window;
    if (stream.queuedBytes > 0 && window > 0) this.order.add(stream);
    else if (window <= 0) this.order.remove(stream);
    return true;
  }

  /** Forgets what the stream did not send. */
  drop(stream: Stream): void {
    this.order.remove(stream);
    while (stream.queue.length > 0) this.#chunks.give(stream.queue.pop()!);
    stream.clearQueue();
  }

  /** Copies what cannot be sent yet: much of it into a chunk, so that V8 does not go through its heap for the sake of such buffers. */
  #keep(stream: Stream, buffer: Buffer, start: number, end: number): void {
    const octets = end - start;
    const { queue, queueEnds } = stream;
    if (octets >= MUCH_OCTETS && octets <= this.#chunks.chunkBytes) {
      const piece = this.#chunks.take();
      copyOctets(buffer, start, end, piece, 0);
      queue.push(piece);
      queueEnds.push(octets);
    } else {
      keepBytes(queue, buffer.subarray(start, end));
      queueEnds[queue.length - 1] = queue.at(-1)!.length;
    }
    stream.queuedBytes += octets;
  }

  #turn(stream: Stream): void {
    const { queue } = stream;
    const piece = queue[0]!;
    const end = stream.queueEnds[0]!;
    const isLast = queue.length === 1 && stream.isEndQueued && stream.trailerLines === '';
    const octets = this.#frame(stream, piece, stream.queueStart, end, isLast ? END_STREAM : 0);
    stream.queueStart += octets;
    stream.queuedBytes -= octets;
    stream.lastSentMs = this.#now();
    if (stream.queueStart === end) {
      queue.shift();
      stream.queueEnds.shift();
      this.#chunks.give(piece);
      stream.queueStart = 0;
    }
    if (stream.queuedBytes > 0) {
      if (stream.sendWindow <= 0) this.order.remove(stream);
      else this.order.took(stream);
      return;
    }
    this.order.remove(stream);
    if (isLast) {
      stream.isLocalEnded = true;
      this.#owner.onLocalEnd(stream);
    } else if (stream.isEndQueued) {
      this.#end(stream);
    } else if (stream.isDrainDue) {
      stream.isDrainDue = false;
      this.#owner.onStreamDrained(stream);
    }
  }

  /** One frame of as many octets as may go; the flags are for one that ends with `end`. Answers the octets. */
  #frame(stream: Stream, buffer: Buffer, start: number, end: number, lastFlags: number): number {
    const out = this.#out;
    let octets = Math.min(end - start, MAX_FRAME_BYTES, stream.sendWindow, this.window);
    if (octets <= 0) return 0;
    // A frame that is cut costs less than room that is left over.
    const room = out.room - FRAME_HEADER_BYTES;
    if (room >= FAIR_OCTETS && room < octets) octets = room;
    const flags = start + octets === end ? lastFlags : 0;
    stream.flagsAt = writeData(out, stream.id, buffer, start, start + octets, flags);
    stream.flagsEpoch = out.epoch;
    stream.sendWindow -= octets;
    this.window -= octets;
    if (start + octets === end || octets >= FAIR_OCTETS) this.#owner.onFrameSent();
    return octets;
  }

  #end(stream: Stream): void {
    const out = this.#out;
    if (stream.trailerLines !== '') {
      this.#encoder.begin();
      this.#encoder.lines(parsedLines(stream.trailerLines), PART.trailers);
      writeBlock(out, stream.id, this.#block, true, MAX_FRAME_BYTES);
    } else if (stream.flagsAt >= 0 && stream.flagsEpoch === out.epoch) {
      out.buffer[stream.flagsAt]! |= END_STREAM;
    } else {
      writeData(out, stream.id, EMPTY, 0, 0, END_STREAM);
    }
    stream.isLocalEnded = true;
    this.#owner.onLocalEnd(stream);
  }
}

const EMPTY = Buffer.alloc(0);
