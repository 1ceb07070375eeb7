import { copyOctets } from './octet-copy.ts';
import { FRAME, FRAME_HEADER_BYTES, MAX_FRAME_BYTES, MAX_STREAM_ID, PADDED } from './wire-codes.ts';

/** What frames are read for. Each answers false when nothing more is to be read. */
export interface FrameSink {
  /** A frame begins; `payload` comes as a whole afterwards where it is true that it is wanted. */
  onFrameHeader(type: number, flags: number, streamId: number, length: number): boolean;
  /** A frame of another type than DATA, as a whole; bytes are valid during the call. */
  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): boolean;
  /** Bytes of the present DATA frame, without padding. */
  onDataBytes(buffer: Buffer, start: number, end: number): boolean;
  /** The present DATA frame is complete; so many of its octets were padding. */
  onDataEnd(flags: number, padding: number): boolean;
  /** Padding is longer than its frame (RFC 9113 §6.1). */
  onBadPadding(): boolean;
  onFrameTooLarge(type: number, streamId: number): boolean;
}

/** Units of work. */
export interface Share {
  left: number;
}

const AT_HEADER = 0;
const IN_PAYLOAD = 1;
const IN_SKIPPED = 2;
const AT_PAD_LENGTH = 3;
const IN_DATA = 4;
const IN_PADDING = 5;
const STOPPED = 6;

/** So many octets of DATA cost as much as a frame does by itself, as a power of two. */
const DATA_UNIT_BITS = 8;

const NOTHING = Buffer.alloc(0);

/** Takes frames out of input that is split anywhere. DATA is passed on as it comes; other payloads are copied only when they are split. */
export class FrameReader {
  /** Frames that have begun. */
  frames = 0;
  readonly #sink: FrameSink;
  readonly #share: Share;
  #state = AT_HEADER;
  /** Octets that are still missing of what the state reads. */
  #missing = FRAME_HEADER_BYTES;
  /** What there is of a split header or payload. */
  #partial: Buffer = NOTHING;
  #partialLength = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  #padding = 0;

  /** `share`: what is left to be spent on frames; with nothing left none begins. */
  constructor(sink: FrameSink, share: Share) {
    this.#sink = sink;
    this.#share = share;
  }

  /** Whether a frame header, or a payload other than DATA, is not complete. */
  get isInFrame(): boolean {
    return this.#partialLength > 0;
  }

  /** Reads no more. */
  stop(): void {
    this.#state = STOPPED;
    this.#partial = NOTHING;
  }

  /** Answers the offset of the first octet that has to wait. */
  read(buffer: Buffer, start: number, end: number): number {
    let position = start;
    // An empty payload needs no octets to be complete.
    while (position < end || (this.#missing === 0 && this.#state !== AT_HEADER && this.#state !== STOPPED)) {
      switch (this.#state) {
        case AT_HEADER:
          if (this.#share.left <= 0) return position;
          position = this.#readHeader(buffer, position, end);
          break;
        case IN_PAYLOAD:
          position = this.#readPayload(buffer, position, end);
          break;
        case AT_PAD_LENGTH:
          position = this.#readPadLength(buffer, position);
          break;
        case IN_DATA:
          position = this.#readData(buffer, position, end);
          break;
        case IN_PADDING:
        case IN_SKIPPED: {
          const taken = Math.min(this.#missing, end - position);
          position += taken;
          this.#missing -= taken;
          if (this.#missing > 0) break;
          if (this.#state === IN_PADDING) this.#endData();
          else this.#awaitHeader();
          break;
        }
        default:
          return end;
      }
    }
    return position;
  }

  #readHeader(buffer: Buffer, position: number, end: number): number {
    if (this.#partialLength === 0 && end - position >= FRAME_HEADER_BYTES) {
      this.#begin(buffer, position);
      return position + FRAME_HEADER_BYTES;
    }
    if (this.#partialLength === 0) this.#partial = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
    const taken = Math.min(FRAME_HEADER_BYTES - this.#partialLength, end - position);
    copyOctets(buffer, position, position + taken, this.#partial, this.#partialLength);
    this.#partialLength += taken;
    if (this.#partialLength === FRAME_HEADER_BYTES) {
      this.#partialLength = 0;
      this.#begin(this.#partial, 0);
    }
    return position + taken;
  }

  #begin(buffer: Buffer, at: number): void {
    const length = (buffer[at]! << 16) | (buffer[at + 1]! << 8) | buffer[at + 2]!;
    const type = buffer[at + 3]!;
    const flags = buffer[at + 4]!;
    // The reserved bit has no meaning (RFC 9113 §4.1).
    const streamId =
      ((buffer[at + 5]! & 0x7f) << 24) | (buffer[at + 6]! << 16) | (buffer[at + 7]! << 8) | buffer[at + 8]!;
    this.frames++;
    this.#share.left--;
    this.#type = type;
    this.#flags = flags;
    this.#streamId = streamId;
    this.#missing = length;
    if (length > MAX_FRAME_BYTES) {
      this.#follow(this.#sink.onFrameTooLarge(type, streamId), IN_SKIPPED);
      return;
    }
    const isGoingOn = this.#sink.onFrameHeader(type, flags, streamId, length);
    if (type === FRAME.data) {
      this.#padding = 0;
      this.#follow(isGoingOn, (flags & PADDED) === 0 ? IN_DATA : AT_PAD_LENGTH);
      if ((flags & PADDED) !== 0 && length === 0 && isGoingOn) {
        this.#follow(this.#sink.onBadPadding(), IN_SKIPPED);
      }
    } else {
      this.#follow(isGoingOn, isKnown(type) ? IN_PAYLOAD : IN_SKIPPED);
    }
  }

  #readPayload(buffer: Buffer, position: number, end: number): number {
    const available = end - position;
    if (this.#partialLength === 0 && available >= this.#missing) {
      const payloadEnd = position + this.#missing;
      this.#complete(buffer, position, payloadEnd);
      return payloadEnd;
    }
    if (this.#partialLength === 0) this.#partial = Buffer.allocUnsafe(this.#missing);
    const taken = Math.min(this.#missing, available);
    buffer.copy(this.#partial, this.#partialLength, position, position + taken);
    this.#partialLength += taken;
    this.#missing -= taken;
    if (this.#missing === 0) {
      const partial = this.#partial;
      this.#partial = NOTHING;
      this.#complete(partial, 0, this.#partialLength);
    }
    return position + taken;
  }

  #complete(buffer: Buffer, start: number, end: number): void {
    this.#awaitHeader();
    this.#follow(
      this.#sink.onFrame(this.#type, this.#flags, this.#streamId, buffer, start, end),
      this.#state,
    );
  }

  #readPadLength(buffer: Buffer, position: number): number {
    const padding = buffer[position]!;
    this.#missing -= 1;
    if (padding > this.#missing) {
      this.#follow(this.#sink.onBadPadding(), IN_SKIPPED);
    } else {
      this.#padding = padding;
      this.#missing -= padding;
      this.#follow(true, IN_DATA);
    }
    return position + 1;
  }

  #readData(buffer: Buffer, position: number, end: number): number {
    const taken = Math.min(this.#missing, end - position);
    this.#missing -= taken;
    this.#share.left -= taken >> DATA_UNIT_BITS;
    if (taken > 0 && !this.#sink.onDataBytes(buffer, position, position + taken)) {
      this.stop();
      return end;
    }
    if (this.#missing === 0 && this.#state === IN_DATA) {
      this.#missing = this.#padding;
      if (this.#padding > 0) this.#state = IN_PADDING;
      else this.#endData();
    }
    return position + taken;
  }

  #endData(): void {
    const padding = (this.#flags & PADDED) === 0 ? 0 : this.#padding + 1;
    this.#awaitHeader();
    this.#follow(this.#sink.onDataEnd(this.#flags, padding), this.#state);
  }

  #awaitHeader(): void {
    this.#state = AT_HEADER;
    this.#partialLength = 0;
    this.#missing = 0;
  }

  #follow(isGoingOn: boolean, state: number): void {
    if (!isGoingOn) this.stop();
    else if (this.#state !== STOPPED) this.#state = state;
  }
}

/** Others are passed over (RFC 9113 §5.5). */
function isKnown(type: number): boolean {
  return type <= FRAME.continuation || type === FRAME.priorityUpdate;
}

/** The number of a stream, without the reserved bit (RFC 9113 §4.1). */
export function streamIdAt(buffer: Buffer, at: number): number {
  return buffer.readUInt32BE(at) & MAX_STREAM_ID;
}
