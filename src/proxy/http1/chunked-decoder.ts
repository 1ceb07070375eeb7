import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { INCOMPLETE, REFUSED } from '../message/head-parser.ts';
import { HeaderLines } from '../message/header-lines.ts';
import { HEADER, KNOWN_HEADER_COUNT } from '../message/known-headers.ts';
import { CR, FIELD_VALUE, HEX_VALUE, HTAB, LF, SP, TOKEN } from '../message/octets.ts';

/** What `ChunkedDecoder.next` came upon. Its fields then say more: `position`, `dataStart`, `dataEnd`, `trailers`, `error`. */
export const CHUNK = {
  /** All bytes up to `end` are used: more are needed. */
  more: 0,
  /** Body bytes from `dataStart` to `dataEnd` of the buffer given. */
  data: 1,
  /** The body is complete; `position` is behind it; `trailers` holds what may be sent on. */
  done: 2,
  /** Malformed: `error` says why. */
  bad: 3,
} as const;

export type ChunkEvent = (typeof CHUNK)[keyof typeof CHUNK];

export interface ChunkLimits {
  /** Trailer section, closing CRLF included. */
  readonly maxTrailerBytes: number;
  readonly maxTrailers: number;
  /** Whether blanks may follow a chunk size: some servers fill up a field of fixed width. */
  readonly areBlanksTaken: boolean;
}

export const DEFAULT_CHUNK_LIMITS: ChunkLimits = {
  maxTrailerBytes: 8192,
  maxTrailers: 64,
  areBlanksTaken: false,
};

/** For responses. */
export const UPSTREAM_CHUNK_LIMITS: ChunkLimits = { ...DEFAULT_CHUNK_LIMITS, areBlanksTaken: true };

const SIZE_FIRST = 0;
const SIZE = 1;
const EXTENSION_NAME_FIRST = 2;
const EXTENSION_NAME = 3;
const EXTENSION_VALUE_FIRST = 4;
const EXTENSION_VALUE = 5;
const EXTENSION_QUOTED = 6;
const EXTENSION_ESCAPE = 7;
const EXTENSION_QUOTED_END = 8;
const SIZE_LF = 9;
const DATA = 10;
const DATA_CR = 11;
const DATA_LF = 12;
const TRAILER_FIRST = 13;
const LAST_LF = 14;
const TRAILERS = 15;
const DONE = 16;
const BAD = 17;
const SIZE_BLANKS = 18;

const MAX_SIZE_DIGITS = 16;
const MAX_EXTENSION_BYTES = 256;
/** Extensions of a whole body; without a bound they would be a body that no limit sees. */
const MAX_BODY_EXTENSION_BYTES = 16_384;

const SEMICOLON = 59;
const EQUALS = 61;
const QUOTE = 34;
const BACKSLASH = 92;

const FRAMING_SEEN = (1 << HEADER['transfer-encoding']) | (1 << HEADER['content-length']);

/** A trailer must not frame, route, authorise or describe a message that went on without it (RFC 9110 §6.5.1). */
const LEFT_OUT = new Uint8Array(KNOWN_HEADER_COUNT).fill(1);
LEFT_OUT[0] = 0;
for (const name of ['etag', 'last-modified'] as const) LEFT_OUT[HEADER[name]] = 0;

/** Decodes one chunked body after another (RFC 9112 §7.1, strictly); body bytes are spans of the caller's buffer. */
export class ChunkedDecoder {
  position = 0;
  dataStart = 0;
  dataEnd = 0;
  error: ProxyErrorCode = 'bad_chunk';
  readonly #limits: ChunkLimits;
  #lines: HeaderLines | undefined = undefined;
  #state = SIZE_FIRST;
  #remaining = 0;
  #digits = 0;
  #extensionBytes = 0;
  #bodyExtensionBytes = 0;
  #trailerBytes = Buffer.alloc(0);
  #trailerLength = 0;

  constructor(limits: ChunkLimits = DEFAULT_CHUNK_LIMITS) {
    this.#limits = limits;
  }

  get trailers(): HeaderLines {
    this.#lines ??= new HeaderLines({
      maxHeaderLineBytes: this.#limits.maxTrailerBytes,
      maxHeaders: this.#limits.maxTrailers,
      names: 'tokens',
      areUnderscoresAllowed: true,
      areInvalidHeadersIgnored: true,
      leftOut: LEFT_OUT,
    });
    return this.#lines;
  }

  reset(): void {
    this.#state = SIZE_FIRST;
    this.#bodyExtensionBytes = 0;
    this.#trailerLength = 0;
    this.#lines?.begin(0);
  }

  next(buffer: Buffer, position: number, end: number): ChunkEvent {
    let at = position;
    while (at < end) {
      const octet = buffer[at]!;
      switch (this.#state) {
        case SIZE_FIRST:
          if (HEX_VALUE[octet] === 255) return this.#refuse('bad_chunk');
          this.#remaining = HEX_VALUE[octet]!;
          this.#digits = 1;
          this.#extensionBytes = 0;
          this.#state = SIZE;
          at++;
          break;
        case SIZE:
          if (HEX_VALUE[octet] !== 255) {
            this.#remaining = this.#remaining * 16 + HEX_VALUE[octet]!;
            if (++this.#digits > MAX_SIZE_DIGITS || this.#remaining > Number.MAX_SAFE_INTEGER) {
              return this.#refuse('bad_chunk');
            }
          } else if (octet === CR) this.#state = SIZE_LF;
          else if (octet === SEMICOLON) this.#state = EXTENSION_NAME_FIRST;
          else if (this.#limits.areBlanksTaken && isBlank(octet)) this.#state = SIZE_BLANKS;
          else return this.#refuse('bad_chunk');
          at++;
          break;
        case SIZE_LF:
          if (octet !== LF) return this.#refuse('bad_chunk');
          at++;
          this.#state = this.#remaining === 0 ? TRAILER_FIRST : DATA;
          break;
        case DATA: {
          const taken = Math.min(this.#remaining, end - at);
          this.#remaining -= taken;
          if (this.#remaining === 0) this.#state = DATA_CR;
          this.dataStart = at;
          this.dataEnd = at + taken;
          this.position = at + taken;
          return CHUNK.data;
        }
        case DATA_CR:
          if (octet !== CR) return this.#refuse('bad_chunk');
          at++;
          this.#state = DATA_LF;
          break;
        case DATA_LF:
          if (octet !== LF) return this.#refuse('bad_chunk');
          at++;
          this.#state = SIZE_FIRST;
          break;
        case TRAILER_FIRST:
          if (octet === CR) {
            at++;
            this.#state = LAST_LF;
          } else {
            this.trailers.begin(0);
            this.#state = TRAILERS;
          }
          break;
        case LAST_LF:
          if (octet !== LF) return this.#refuse('bad_trailer');
          this.position = at + 1;
          this.#state = DONE;
          return CHUNK.done;
        case TRAILERS:
          return this.#readTrailers(buffer, at, end);
        case DONE:
          this.position = at;
          return CHUNK.done;
        case BAD:
          return CHUNK.bad;
        default:
          if (!this.#readExtension(octet)) return this.#refuse('bad_chunk');
          at++;
      }
    }
    this.position = at;
    return this.#state === DONE ? CHUNK.done : CHUNK.more;
  }

  /** Extensions are checked and dropped (RFC 9112 §7.1.1). */
  #readExtension(octet: number): boolean {
    if (++this.#extensionBytes > MAX_EXTENSION_BYTES) return false;
    if (++this.#bodyExtensionBytes > MAX_BODY_EXTENSION_BYTES) return false;
    switch (this.#state) {
      case SIZE_BLANKS:
        return isBlank(octet) || this.#endExtension(octet);
      case EXTENSION_NAME_FIRST:
        this.#state = EXTENSION_NAME;
        return TOKEN[octet] === 1;
      case EXTENSION_NAME:
        if (octet === EQUALS) this.#state = EXTENSION_VALUE_FIRST;
        else if (TOKEN[octet] !== 1) return this.#endExtension(octet);
        return true;
      case EXTENSION_VALUE_FIRST:
        this.#state = octet === QUOTE ? EXTENSION_QUOTED : EXTENSION_VALUE;
        return octet === QUOTE || TOKEN[octet] === 1;
      case EXTENSION_VALUE:
        return TOKEN[octet] === 1 || this.#endExtension(octet);
      case EXTENSION_QUOTED:
        if (octet === QUOTE) this.#state = EXTENSION_QUOTED_END;
        else if (octet === BACKSLASH) this.#state = EXTENSION_ESCAPE;
        return FIELD_VALUE[octet] === 1;
      case EXTENSION_ESCAPE:
        this.#state = EXTENSION_QUOTED;
        return FIELD_VALUE[octet] === 1;
      default:
        return this.#endExtension(octet);
    }
  }

  #endExtension(octet: number): boolean {
    if (octet === CR) this.#state = SIZE_LF;
    else if (octet === SEMICOLON) this.#state = EXTENSION_NAME_FIRST;
    else return false;
    return true;
  }

  #readTrailers(buffer: Buffer, at: number, end: number): ChunkEvent {
    const before = this.#trailerLength;
    // One byte above the limit is enough for the scan to find that there are too many.
    const taken = Math.min(end - at, this.#limits.maxTrailerBytes + 1 - before);
    this.#keepTrailerBytes(buffer, at, taken);
    const lines = this.trailers;
    const sectionEnd = lines.scan(this.#trailerBytes, 0, this.#trailerLength, this.#limits.maxTrailerBytes);
    if (sectionEnd === INCOMPLETE) {
      this.position = end;
      return CHUNK.more;
    }
    // A trailer that would frame the message is no oversight (RFC 9110 §6.5.1).
    if (sectionEnd === REFUSED || (lines.seen & FRAMING_SEEN) !== 0) return this.#refuse('bad_trailer');
    lines.text = this.#trailerBytes.toString('latin1', 0, sectionEnd);
    this.#trailerBytes = Buffer.alloc(0);
    this.#state = DONE;
    this.position = at + sectionEnd - before;
    return CHUNK.done;
  }

  #keepTrailerBytes(buffer: Buffer, at: number, length: number): void {
    const needed = this.#trailerLength + length;
    if (needed > this.#trailerBytes.length) {
      const larger = Buffer.alloc(Math.max(needed, this.#trailerBytes.length * 2, 256));
      this.#trailerBytes.copy(larger, 0, 0, this.#trailerLength);
      this.#trailerBytes = larger;
    }
    buffer.copy(this.#trailerBytes, this.#trailerLength, at, at + length);
    this.#trailerLength = needed;
  }

  #refuse(error: ProxyErrorCode): ChunkEvent {
    this.error = error;
    this.#state = BAD;
    return CHUNK.bad;
  }
}

function isBlank(octet: number): boolean {
  return octet === SP || octet === HTAB;
}
