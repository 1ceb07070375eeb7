import type { HeadText } from './head-text.ts';

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
  forwardable(dropped: Uint8Array, droppedNames?: ReadonlySet<string>): HeadText;
  /** The same lines, for who needs them longer than their parser keeps them. */
  copy(): HeaderBlock;
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
  /** Whether some of its lines ended without CR. */
  readonly hasBareLineFeeds: boolean;
  /** Value of Upgrade of a 101; else undefined. */
  readonly upgrade: string | undefined;
  readonly nominated: readonly string[] | undefined;
}
