import { END_STREAM, PADDED, PRIORITY } from './wire-codes.ts';

/** CONTINUATION frames of one block; an honest one has as many as its octets need. */
const MAX_FRAGMENTS = 64;

/** Offsets of the field block in the payload of HEADERS, behind padding and priority (RFC 9113 §6.2). */
export class HeadersPayload {
  start = 0;
  end = 0;

  /** Answers what is wrong with it, if something is. */
  read(flags: number, buffer: Buffer, start: number, end: number): 'too-short' | 'bad-padding' | undefined {
    this.start = start;
    this.end = end;
    if ((flags & PADDED) !== 0) {
      if (start === end) return 'too-short';
      this.end -= buffer[this.start++]!;
    }
    if ((flags & PRIORITY) !== 0) {
      if (end - this.start < 5) return 'too-short';
      this.start += 5;
    }
    return this.end < this.start ? 'bad-padding' : undefined;
  }
}

/** A field block that is in more than one frame (RFC 9113 §4.3). */
export class FieldBlock {
  /** Whose it is; 0: there is none. */
  streamId = 0;
  isEnd = false;
  /** When it began. */
  sinceMs = 0;
  readonly #fragments: Buffer[] = [];
  #octets = 0;

  begin(streamId: number, flags: number, nowMs: number): void {
    this.sinceMs = nowMs;
    this.streamId = streamId;
    this.isEnd = (flags & END_STREAM) !== 0;
  }

  /** False: that is more than any block may be. */
  add(buffer: Buffer, start: number, end: number, maxOctets: number): boolean {
    this.#octets += end - start;
    if (this.#octets > maxOctets || this.#fragments.length > MAX_FRAGMENTS) return false;
    this.#fragments.push(Buffer.from(buffer.subarray(start, end)));
    return true;
  }

  /** The whole, which it does not keep. */
  take(): Buffer {
    const block = Buffer.concat(this.#fragments);
    this.streamId = 0;
    this.#octets = 0;
    while (this.#fragments.length > 0) this.#fragments.pop();
    return block;
  }
}
