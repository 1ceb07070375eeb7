import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { type HeadLimits, type HeadParser, INCOMPLETE, REFUSED } from '../message/head-parser.ts';
import type { Http1RequestHead } from './heads.ts';
import {
  CONNECTION_CLOSE,
  CONNECTION_KEEP_ALIVE,
  CONNECTION_UPGRADE,
  isChunkedOnly,
  parseContentLength,
  readConnection,
  readUpgrade,
} from '../message/connection-field.ts';
import { HeaderLines } from '../message/header-lines.ts';
import { HEADER } from '../message/known-headers.ts';
import { CR, LF, METHOD, SP, TARGET } from '../message/octets.ts';

const AT_START = 0;
const AT_BLANK_LF = 1;
const IN_METHOD = 2;
const IN_TARGET = 3;
const IN_VERSION = 4;
const IN_HEADERS = 5;

const VERSION_PREFIX = [72, 84, 84, 80, 47]; // HTTP/
/** `HTTP/1.1` and the CRLF behind it. */
const VERSION_BYTES = 10;

const SEEN_HOST = 1 << HEADER.host;
const SEEN_CONTENT_LENGTH = 1 << HEADER['content-length'];
const SEEN_TRANSFER_ENCODING = 1 << HEADER['transfer-encoding'];
const SEEN_CONNECTION = 1 << HEADER.connection;
const SEEN_UPGRADE = 1 << HEADER.upgrade;
const SEEN_EXPECT = 1 << HEADER.expect;
/** Shift from "is there" to "is there twice". */
const TWICE = 12;

class ParsedRequestHead implements Http1RequestHead {
  readonly headers: HeaderLines;
  method = '';
  target = '';
  minorVersion = 1;
  requestLine = '';
  framing: 'none' | 'length' | 'chunked' = 'none';
  contentLength = -1;
  isKeepAlive = true;
  upgrade: string | undefined = undefined;
  isContinueExpected = false;
  host: string | undefined = undefined;

  constructor(headers: HeaderLines) {
    this.headers = headers;
  }

  get hasBody(): boolean {
    return this.framing !== 'none';
  }

  get receivedLine(): string {
    return this.requestLine;
  }

  get nominated(): readonly string[] | undefined {
    return this.headers.nominated;
  }
}

/** Parses request heads as RFC 9112 §2-6 has them; what is ambiguous is refused, never repaired. */
export class RequestParser implements HeadParser<Http1RequestHead> {
  readonly head: ParsedRequestHead;
  error: ProxyErrorCode = 'bad_request_line';
  readonly #limits: HeadLimits;
  readonly #lines: HeaderLines;
  #state = AT_START;
  #position = 0;
  /** Of the request line: 2 behind one empty line, which RFC 9112 §2.2 tolerates. */
  #lineStart = 0;
  #methodEnd = 0;
  #targetEnd = 0;
  #minorVersion = 1;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#lines = new HeaderLines({
      maxHeaderLineBytes: limits.maxHeaderLineBytes,
      maxHeaders: limits.maxHeaders,
      names: 'plain',
      areUnderscoresAllowed: limits.areUnderscoresAllowed,
      areInvalidHeadersIgnored: limits.areInvalidHeadersIgnored,
    });
    this.head = new ParsedRequestHead(this.#lines);
  }

  get hasBegun(): boolean {
    return this.#state !== AT_START || this.#position > 0;
  }

  reset(): void {
    this.#state = AT_START;
    this.#position = 0;
    this.#lineStart = 0;
  }

  release(): void {
    if (this.#state === IN_HEADERS) return;
    const { head } = this;
    this.#lines.release();
    head.target = '';
    head.requestLine = '';
    head.host = undefined;
    head.upgrade = undefined;
  }

  parse(buffer: Buffer, start: number, end: number): number {
    if (this.#state !== IN_HEADERS) {
      const next = this.#parseLine(buffer, start, end);
      if (next < 0) return next;
      this.#lines.begin(next - start);
      this.#state = IN_HEADERS;
    }
    const headEnd = this.#lines.scan(buffer, start, end, start + this.#limits.maxHeadBytes);
    if (headEnd >= 0) return this.#finish(buffer, start, headEnd);
    if (headEnd === REFUSED) {
      this.error = this.#lines.error;
      this.#describe(buffer, start, end);
    }
    return headEnd;
  }

  #parseLine(buffer: Buffer, start: number, end: number): number {
    let position = start + this.#position;
    let lineStart = start + this.#lineStart;
    for (;;) {
      const limit = lineStart + this.#limits.maxTargetBytes;
      const stop = end < limit ? end : limit;
      if (position >= stop) {
        if (position >= limit) return this.#refuse('target_too_long', buffer, start, end);
        this.#position = position - start;
        this.#lineStart = lineStart - start;
        return INCOMPLETE;
      }
      switch (this.#state) {
        case AT_START:
          if (buffer[position] === CR && lineStart === start) {
            position++;
            this.#state = AT_BLANK_LF;
          } else {
            this.#state = IN_METHOD;
          }
          break;
        case AT_BLANK_LF:
          if (buffer[position] !== LF) return this.#refuse('bad_line_end', buffer, start, end);
          position++;
          lineStart = position;
          this.#lineStart = lineStart - start;
          this.#state = IN_METHOD;
          break;
        case IN_METHOD:
          while (position < stop && METHOD[buffer[position]!] !== 0) position++;
          if (position >= stop) break;
          if (buffer[position] !== SP || position === lineStart) {
            return this.#refuse('bad_method', buffer, start, end);
          }
          this.#methodEnd = position - start;
          position++;
          this.#state = IN_TARGET;
          break;
        case IN_TARGET:
          while (position < stop && TARGET[buffer[position]!] !== 0) position++;
          if (position >= stop) break;
          if (position === start + this.#methodEnd + 1) return this.#refuse('bad_target', buffer, start, end);
          if (buffer[position] !== SP) {
            return this.#refuse(
              buffer[position] === CR
                ? 'bad_request_line'
                : buffer[position] === LF
                  ? 'bad_line_end'
                  : 'bad_target',
              buffer,
              start,
              end,
            );
          }
          this.#targetEnd = position - start;
          position++;
          this.#state = IN_VERSION;
          break;
        default: {
          const versionStart = start + this.#targetEnd + 1;
          const error = this.#readVersion(buffer, versionStart, stop);
          if (error !== undefined) return this.#refuse(error, buffer, start, end);
          if (stop - versionStart >= VERSION_BYTES) return versionStart + VERSION_BYTES;
          position = stop;
        }
      }
    }
  }

  /** Checks as much of `HTTP/1.x` CRLF as is there. */
  #readVersion(buffer: Buffer, versionStart: number, stop: number): ProxyErrorCode | undefined {
    const available = Math.min(stop - versionStart, VERSION_BYTES);
    for (let i = 0; i < available; i++) {
      const octet = buffer[versionStart + i]!;
      if (i < VERSION_PREFIX.length) {
        if (octet !== VERSION_PREFIX[i]) return 'bad_version';
      } else if (i === 6) {
        if (octet !== 46) return 'bad_version';
      } else if (i < 8) {
        if (octet < 48 || octet > 57) return 'bad_version';
      } else if (i === 8) {
        if (octet !== CR) return octet === LF ? 'bad_line_end' : 'bad_version';
      } else if (octet !== LF) {
        return 'bad_line_end';
      }
    }
    if (available < VERSION_BYTES) return undefined;
    const major = buffer[versionStart + 5]! - 48;
    const minor = buffer[versionStart + 7]! - 48;
    if (major !== 1 || minor > 1) {
      const methodStart = versionStart - 6;
      const isPreface =
        major === 2 &&
        minor === 0 &&
        methodStart >= 0 &&
        buffer.toString('latin1', methodStart, versionStart) === 'PRI * ';
      return isPreface ? 'http2_preface' : 'unsupported_version';
    }
    this.#minorVersion = minor;
    return undefined;
  }

  #finish(buffer: Buffer, start: number, headEnd: number): number {
    const head = this.head;
    const lines = this.#lines;
    const text = buffer.toString('latin1', start, headEnd);
    const { seen } = lines;
    lines.text = text;
    const lineStart = this.#lineStart;
    head.method = methodOf(text, lineStart, this.#methodEnd);
    head.target = text.slice(this.#methodEnd + 1, this.#targetEnd);
    head.requestLine = text.slice(lineStart, this.#targetEnd + 1 + VERSION_BYTES - 2);
    head.minorVersion = this.#minorVersion;
    head.framing = 'none';
    head.contentLength = -1;
    head.isKeepAlive = this.#minorVersion === 1;
    head.upgrade = undefined;
    head.isContinueExpected = false;
    head.host = undefined;
    this.reset();

    if ((seen & SEEN_HOST) !== 0) {
      if ((seen & (SEEN_HOST << TWICE)) !== 0) return this.#fail('repeated_host');
      head.host = lines.byId(HEADER.host);
    } else if (head.minorVersion === 1) {
      return this.#fail('missing_host');
    }
    if ((seen & ~SEEN_HOST) === 0) return headEnd;
    const error = this.#readFraming(seen) ?? this.#readRest(seen);
    return error === undefined ? headEnd : this.#fail(error);
  }

  #readFraming(seen: number): ProxyErrorCode | undefined {
    const { head } = this;
    const lines = this.#lines;
    if ((seen & SEEN_TRANSFER_ENCODING) !== 0) {
      // Both framing headers at once is how requests are smuggled: refuse, never repair (RFC 9112 §6.3).
      if ((seen & SEEN_CONTENT_LENGTH) !== 0) return 'ambiguous_framing';
      if (head.minorVersion === 0) return 'transfer_encoding_on_http10';
      if ((seen & (SEEN_TRANSFER_ENCODING << TWICE)) !== 0) return 'ambiguous_framing';
      if (!isChunkedOnly(lines)) return 'unknown_transfer_encoding';
      head.framing = 'chunked';
    } else if ((seen & SEEN_CONTENT_LENGTH) !== 0) {
      if ((seen & (SEEN_CONTENT_LENGTH << TWICE)) !== 0) return 'bad_content_length';
      const length = parseContentLength(lines.byId(HEADER['content-length'])!);
      if (length < 0) return 'bad_content_length';
      head.contentLength = length;
      head.framing = length === 0 ? 'none' : 'length';
    }
    return undefined;
  }

  #readRest(seen: number): ProxyErrorCode | undefined {
    const { head } = this;
    const lines = this.#lines;
    if ((seen & SEEN_CONNECTION) !== 0) {
      const options = readConnection(lines);
      if ((options & CONNECTION_CLOSE) !== 0) head.isKeepAlive = false;
      else if (head.minorVersion === 0) head.isKeepAlive = (options & CONNECTION_KEEP_ALIVE) !== 0;
      // An upgrade with a body would leave open where the new protocol begins: it is served without.
      if (
        (options & CONNECTION_UPGRADE) !== 0 &&
        (seen & SEEN_UPGRADE) !== 0 &&
        head.minorVersion === 1 &&
        head.framing === 'none'
      ) {
        head.upgrade = readUpgrade(lines.get('upgrade'));
      }
    }
    if ((seen & SEEN_EXPECT) !== 0 && head.minorVersion === 1) {
      head.isContinueExpected = lines.get('expect')!.toLowerCase() === '100-continue';
    }
    return undefined;
  }

  #fail(error: ProxyErrorCode): number {
    this.error = error;
    return REFUSED;
  }

  #refuse(error: ProxyErrorCode, buffer: Buffer, start: number, end: number): number {
    this.error = error;
    this.#describe(buffer, start, end);
    return REFUSED;
  }

  /** Leaves the request line, as far as it goes, for the log. */
  #describe(buffer: Buffer, start: number, end: number): void {
    const lineStart = start + this.#lineStart;
    const lineLimit = Math.min(end, lineStart + this.#limits.maxTargetBytes);
    let lineEnd = lineStart;
    while (lineEnd < lineLimit && buffer[lineEnd] !== CR && buffer[lineEnd] !== LF) lineEnd++;
    const { head } = this;
    head.headers.count = 0;
    head.requestLine = buffer.toString('latin1', lineStart, lineEnd);
    head.method = '';
    head.target = '';
    head.host = undefined;
    head.framing = 'none';
    head.contentLength = -1;
    head.isKeepAlive = false;
    head.upgrade = undefined;
    head.isContinueExpected = false;
  }
}

const METHODS = new Map(
  ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'CONNECT', 'TRACE'].map((name) => [
    name,
    name,
  ]),
);

/** The method as one of the constants above where it is one, so that comparing it is comparing pointers. */
function methodOf(text: string, start: number, end: number): string {
  if (end - start === 3 && text.startsWith('GET', start)) return 'GET';
  const method = text.slice(start, end);
  return METHODS.get(method) ?? method;
}
