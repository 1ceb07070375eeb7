import type { ProxyErrorCode } from '../message/proxy-errors.ts';

/*
 * The shape of the HTTP/1.1 codec. Implementations:
 *   request-parser.ts   class RequestParser implements HeadParser<RequestHead>: `new RequestParser(limits)`
 *   response-parser.ts  class ResponseParser implements ...: `new ResponseParser(limits)`, `expect(method)` before each response
 *   chunked-decoder.ts  class ChunkedDecoder: `new ChunkedDecoder(limits)`, `reset()`, `next(buffer, position, end)`
 *   chunked-encoder.ts  `chunkHead(bytes): string`, CHUNK_END, LAST_CHUNK, `lastChunk(trailers?)`: string
 *   target.ts           `resolveTarget(method, target, hostHeader, into)`, `createResolvedTarget()`
 *   path.ts, host.ts    `normalisePath(path)`, `normaliseHost(host)`: string, or undefined when it is to be refused
 */

/** Limits and leniencies of heads; all in bytes unless named otherwise. A slice of DataPlaneSettings. */
export interface HeadLimits {
  /** Request line or status line with its CRLF; a longer request line is a 414. */
  readonly maxTargetBytes: number;
  readonly maxHeaderLineBytes: number;
  /** Whole head, first line included. */
  readonly maxHeadBytes: number;
  /** Header lines, not bytes. */
  readonly maxHeaders: number;
  /** Requests only; responses keep their underscores. */
  readonly areUnderscoresAllowed: boolean;
  /** Requests only: names of other characters than letters, digits and `-` are dropped (true) or a 400 (false). */
  readonly areInvalidHeadersIgnored: boolean;
}

/** `parse` saw no end of the head yet: call again with more bytes behind the same `start`. */
export const INCOMPLETE = -1;
/** `parse` refused the head: `error` says why. */
export const REFUSED = -2;

/**
 * Header lines of one head: offsets into one latin1 string, nothing is made per header.
 * Names that are not to be forwarded for their characters are not in it.
 */
export interface HeaderBlock {
  /** The whole head as received, latin1, first line and closing CRLF included. */
  readonly text: string;
  readonly count: number;
  /** Known-name number of line i (known-headers.ts: HEADER.host ...), 0 when it is none. */
  idAt(index: number): number;
  /** Name as received. */
  nameAt(index: number): string;
  lowerNameAt(index: number): string;
  /** Value without surrounding blanks. */
  valueAt(index: number): string;
  /** Field value by lower-case name, occurrences joined with `, ` (`; ` for cookie); undefined when absent. */
  get(lowerName: string): string | undefined;
  /** First value by known-name number; undefined when absent. */
  byId(id: number): string | undefined;
  /** Whether a line with that known-name number exists. */
  has(id: number): boolean;
  /**
   * Header lines to send on, each ended by CRLF, unchanged but for blanks around values. Left out: framing, hop-by-hop and
   * Connection-nominated ones, Host, Expect, and ids with a 1 in `dropped` (KNOWN_HEADER_COUNT long), and `droppedNames` (lower-case).
   */
  forwardable(dropped: Uint8Array, droppedNames?: ReadonlySet<string>): string;
}

/** How a body is delimited. `close`: until the connection ends, responses only. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Valid until the parser that owns it begins the next head. */
export interface RequestHead {
  readonly headers: HeaderBlock;
  readonly method: string;
  /** As received. */
  readonly target: string;
  /** 0 or 1, of HTTP/1.x. */
  readonly minorVersion: number;
  /** Request line as received, without CRLF. */
  readonly requestLine: string;
  /** `none` also for Content-Length: 0 (contentLength is then 0). */
  readonly framing: 'none' | 'length' | 'chunked';
  /** Declared length; -1 when not declared. */
  readonly contentLength: number;
  /** Whether the client wants the connection kept. */
  readonly isKeepAlive: boolean;
  /** Value of Upgrade when asked for properly (HTTP/1.1, `Connection: upgrade`, no body, not h2c); else undefined. */
  readonly upgrade: string | undefined;
  readonly isContinueExpected: boolean;
  /** Host value as received; undefined only on HTTP/1.0. */
  readonly host: string | undefined;
  /** Lower-case names nominated by Connection, other than close, keep-alive, upgrade; undefined when none. */
  readonly nominated: readonly string[] | undefined;
}

/** Valid until the parser that owns it begins the next head. */
export interface ResponseHead {
  readonly headers: HeaderBlock;
  readonly status: number;
  readonly reason: string;
  readonly minorVersion: number;
  readonly framing: Framing;
  /** Declared length; -1 when not declared. Kept for HEAD and 304, whose framing is `none`. */
  readonly contentLength: number;
  /** Whether the upstream keeps the connection and the framing lets it; false also for a 204 that declares a body. */
  readonly isKeepAlive: boolean;
  /** Value of Upgrade of a 101; else undefined. */
  readonly upgrade: string | undefined;
  readonly nominated: readonly string[] | undefined;
}

/** One per connection and side; linear however bytes dribble in. */
export interface HeadParser<Head> {
  readonly head: Head;
  /** Set when `parse` answered REFUSED. */
  readonly error: ProxyErrorCode;
  /** Whether any byte of a head has been seen since the last complete one. */
  readonly hasBegun: boolean;
  /**
   * Parses the head that begins at `start`. Answers the offset behind it, INCOMPLETE or REFUSED. On INCOMPLETE call again with at
   * least the same bytes at `start` (the buffer may be another one: offsets are kept relative to it).
   */
  parse(buffer: Buffer, start: number, end: number): number;
  /** Forgets a half-parsed head. */
  reset(): void;
  /** Lets go of the last head's text, for a connection that now idles; a half-parsed head stays. */
  release(): void;
}

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

export interface ChunkDecoder {
  /** Offset behind the last byte used. */
  readonly position: number;
  readonly dataStart: number;
  readonly dataEnd: number;
  readonly error: ProxyErrorCode;
  /** Trailer lines, forbidden ones left out; `forwardable` gives them as text. */
  readonly trailers: HeaderBlock;
  reset(): void;
  /** Next thing in buffer[position, end); call until `more`, `done` or `bad`. Needs no byte of earlier buffers. */
  next(buffer: Buffer, position: number, end: number): ChunkEvent;
}

/** What a request is routed by, reused from request to request. */
export interface ResolvedTarget {
  /** Origin form to send upstream when nothing rewrites it: as received (absolute form: its path and query). */
  originTarget: string;
  /** Normalised path (routing.md §5). */
  path: string;
  /** Without `?`; empty when none. */
  query: string;
  /** Lower-case, no port, no trailing dot; empty when the request has no Host (HTTP/1.0). */
  host: string;
  /** Host as received, or the authority of an absolute-form target; empty when none. */
  hostHeader: string;
}
