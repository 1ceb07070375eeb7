import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { Framing, Http1ResponseHead } from './heads.ts';
import { type HeadLimits, type HeadParser, INCOMPLETE, REFUSED } from '../message/head-parser.ts';
import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  isChunkedOnly,
  parseContentLength,
  readConnection,
} from '../message/connection-field.ts';
import { HeaderLines } from '../message/header-lines.ts';
import { HEADER } from '../message/known-headers.ts';
import { CR, FIELD_VALUE, LF, SP } from '../message/octets.ts';

const AT_STATUS = 0;
const IN_REASON = 1;
const AT_LF = 2;
const IN_HEADERS = 3;

const VERSION_PREFIX = [72, 84, 84, 80, 47, 49, 46]; // HTTP/1.
/** `HTTP/1.1 200`, what follows is SP and a reason, or the end of the line. */
const STATUS_BYTES = 12;

const SEEN_CONTENT_LENGTH = 1 << HEADER['content-length'];
const SEEN_TRANSFER_ENCODING = 1 << HEADER['transfer-encoding'];
const SEEN_CONNECTION = 1 << HEADER.connection;
const TWICE = 12;

/** Longer heads seldom come twice. */
const MAX_REPEATED_BYTES = 1024;

class ParsedResponseHead implements Http1ResponseHead {
  readonly headers: HeaderLines;
  status = 0;
  reason = '';
  minorVersion = 1;
  framing: Framing = 'none';
  contentLength = -1;
  isKeepAlive = true;
  upgrade: string | undefined = undefined;
  hasBareLineFeeds = false;

  constructor(headers: HeaderLines) {
    this.headers = headers;
  }

  get hasBody(): boolean {
    return this.framing !== 'none';
  }

  get nominated(): readonly string[] | undefined {
    return this.headers.nominated;
  }
}

/** Parses response heads under the same rules as requests, but that a bare LF ends a line; every refusal is a malformed upstream. */
export class ResponseParser implements HeadParser<Http1ResponseHead> {
  readonly head: ParsedResponseHead;
  error: ProxyErrorCode = 'upstream_malformed';
  /** What was wrong, for the log. */
  reason: ProxyErrorCode = 'bad_header';
  readonly #limits: HeadLimits;
  readonly #lines: HeaderLines;
  #isHead = false;
  #state = AT_STATUS;
  #position = 0;
  #reasonEnd = 0;
  /** The last head octet by octet, once it came twice: set for as long as `head` holds what was read of it. */
  #repeated: Uint8Array | undefined = undefined;
  /** Whether it answered a HEAD. */
  #isRepeatedOfHead = false;
  #isStatusLineBare = false;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#lines = new HeaderLines({
      maxHeaderLineBytes: limits.maxHeaderLineBytes,
      maxHeaders: limits.maxHeaders,
      names: 'tokens',
      areUnderscoresAllowed: true,
      areInvalidHeadersIgnored: true,
      // Small devices and CGI programs end lines so (RFC 9112 §2.2); nobody behind this proxy gets to see it.
      areBareLineFeedsTaken: true,
    });
    this.head = new ParsedResponseHead(this.#lines);
  }

  get hasBegun(): boolean {
    return this.#state !== AT_STATUS || this.#position > 0;
  }

  /** Says which request the next heads answer: HEAD has no body. */
  expect(method: string): void {
    this.#isHead = method === 'HEAD';
    this.reset();
  }

  reset(): void {
    this.#state = AT_STATUS;
    this.#position = 0;
    this.#isStatusLineBare = false;
  }

  /** A short head stays: the next one is often the same. */
  release(): void {
    if (this.#state === IN_HEADERS || this.#lines.text.length <= MAX_REPEATED_BYTES) return;
    this.#lines.release();
    this.head.reason = '';
    this.head.upgrade = undefined;
  }

  parse(buffer: Buffer, start: number, end: number): number {
    if (this.#repeated !== undefined) {
      if (this.#isRepeated(this.#repeated, buffer, start, end)) return start + this.#repeated.length;
      // What was read of it is written over from here on.
      this.#repeated = undefined;
    }
    if (this.#state !== IN_HEADERS) {
      const next = this.#parseLine(buffer, start, end);
      if (next < 0) return next;
      this.#lines.begin(next - start);
      this.#state = IN_HEADERS;
    }
    const headEnd = this.#lines.scan(buffer, start, end, start + this.#limits.maxHeadBytes);
    if (headEnd >= 0) return this.#finish(buffer, start, headEnd);
    return headEnd === REFUSED ? this.#refuse(this.#lines.error) : headEnd;
  }

  /** Whether the last head comes once more: what was read of it still holds. */
  #isRepeated(last: Uint8Array, buffer: Buffer, start: number, end: number): boolean {
    const { length } = last;
    if (length > end - start || length > this.#limits.maxHeadBytes) return false;
    if (this.#isHead !== this.#isRepeatedOfHead) return false;
    for (let i = 0; i < length; i++) if (last[i] !== buffer[start + i]) return false;
    return true;
  }

  #parseLine(buffer: Buffer, start: number, end: number): number {
    let position = start + this.#position;
    const limit = start + Math.min(this.#limits.maxHeaderLineBytes, this.#limits.maxHeadBytes);
    const stop = end < limit ? end : limit;
    for (;;) {
      if (position >= stop) {
        if (position >= limit) return this.#refuse('header_too_large');
        this.#position = position - start;
        return INCOMPLETE;
      }
      const octet = buffer[position]!;
      switch (this.#state) {
        case AT_STATUS:
          if (!isStatusOctet(octet, position - start)) return this.#refuse('bad_version');
          position++;
          if (position - start === STATUS_BYTES) this.#state = IN_REASON;
          break;
        case IN_REASON:
          // The blank behind the status may be missing together with the reason: common, and harmless.
          if (position - start === STATUS_BYTES && octet !== SP && octet !== CR && octet !== LF) {
            return this.#refuse('bad_version');
          }
          while (position < stop && FIELD_VALUE[buffer[position]!] !== 0) position++;
          if (position >= stop) break;
          this.#reasonEnd = position - start;
          if (buffer[position] === LF) {
            this.#isStatusLineBare = true;
            return position + 1;
          }
          if (buffer[position] !== CR) return this.#refuse('bad_line_end');
          position++;
          this.#state = AT_LF;
          break;
        default:
          if (octet !== LF) return this.#refuse('bad_line_end');
          return position + 1;
      }
    }
  }

  #finish(buffer: Buffer, start: number, headEnd: number): number {
    const { head } = this;
    const lines = this.#lines;
    const { seen } = lines;
    const status =
      (buffer[start + 9]! - 48) * 100 + (buffer[start + 10]! - 48) * 10 + (buffer[start + 11]! - 48);
    const text = buffer.toString('latin1', start, headEnd);
    const isRepeated = text === lines.text;
    lines.text = text;
    head.status = status;
    head.hasBareLineFeeds = this.#isStatusLineBare || lines.bareLineFeeds > 0;
    head.reason = text.slice(STATUS_BYTES + 1, this.#reasonEnd);
    head.minorVersion = buffer[start + 7]! - 48;
    head.contentLength = -1;
    head.upgrade = undefined;
    head.isKeepAlive = head.minorVersion === 1;
    this.reset();

    if ((seen & SEEN_CONNECTION) !== 0) {
      const options = readConnection(lines);
      if ((options & CONNECTION_CLOSE) !== 0) head.isKeepAlive = false;
      else if (head.minorVersion === 0) head.isKeepAlive = (options & CONNECTION_KEEP_ALIVE) !== 0;
    }
    if (!this.#readFraming(seen, status)) return REFUSED;
    if (isRepeated && text.length <= MAX_REPEATED_BYTES) this.#remember(buffer, start, headEnd);
    return headEnd;
  }

  #remember(buffer: Buffer, start: number, headEnd: number): void {
    this.#repeated = new Uint8Array(buffer.subarray(start, headEnd));
    this.#isRepeatedOfHead = this.#isHead;
    this.#lines.keepPassed();
  }

  #readFraming(seen: number, status: number): boolean {
    const { head } = this;
    const lines = this.#lines;
    const isChunked = (seen & SEEN_TRANSFER_ENCODING) !== 0;
    if (isChunked) {
      if ((seen & SEEN_CONTENT_LENGTH) !== 0 || (seen & (SEEN_TRANSFER_ENCODING << TWICE)) !== 0) {
        return this.#fail('ambiguous_framing');
      }
      if (head.minorVersion === 0) return this.#fail('transfer_encoding_on_http10');
      if (!isChunkedOnly(lines)) return this.#fail('unknown_transfer_encoding');
    } else if ((seen & SEEN_CONTENT_LENGTH) !== 0) {
      if ((seen & (SEEN_CONTENT_LENGTH << TWICE)) !== 0) return this.#fail('bad_content_length');
      head.contentLength = parseContentLength(lines.byId(HEADER['content-length'])!);
      if (head.contentLength < 0) return this.#fail('bad_content_length');
    }
    if (status < 200 || status === 204) {
      head.framing = 'none';
      // It must not announce a body (RFC 9110 §6.4.1, §8.6); one that does will send it, so the connection is of no more use.
      if (isChunked || head.contentLength > 0) head.isKeepAlive = false;
      if (status === 101) head.upgrade = lines.get('upgrade');
    } else if (status === 304 || this.#isHead) {
      head.framing = 'none';
    } else if (isChunked) {
      head.framing = 'chunked';
    } else if (head.contentLength >= 0) {
      head.framing = head.contentLength === 0 ? 'none' : 'length';
    } else {
      head.framing = 'close';
      head.isKeepAlive = false;
    }
    return true;
  }

  #fail(reason: ProxyErrorCode): false {
    this.#refuse(reason);
    return false;
  }

  #refuse(reason: ProxyErrorCode): number {
    this.reason = reason;
    this.error = reason === 'header_too_large' ? 'upstream_head_too_large' : 'upstream_malformed';
    return REFUSED;
  }
}

/** Whether an octet may stand there in `HTTP/1.0 100` to `HTTP/1.1 999`. */
function isStatusOctet(octet: number, index: number): boolean {
  if (index < VERSION_PREFIX.length) return octet === VERSION_PREFIX[index];
  switch (index) {
    case 7:
      return octet === 48 || octet === 49;
    case 8:
      return octet === SP;
    case 9:
      return octet >= 49 && octet <= 57;
    default:
      return octet >= 48 && octet <= 57;
  }
}
