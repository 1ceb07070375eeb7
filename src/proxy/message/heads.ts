import type { HeadText } from './head-text.ts';

/**
 * Header lines of one head: offsets into one latin1 string, nothing is made per header.
 * Names that are not to be forwarded for their characters are not in it.
 */
export interface HeaderBlock {
  /** The whole head as received, latin1, first line and closing CRLF included. */
  readonly text: string;
  readonly count: number;
  /** Blocks of one connection with the same number have the same lines, Host apart; 0: nothing is known of that. */
  readonly likeness: number;
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

/** The head of a request, whatever wire brought it. Valid until that wire begins the next one in its place. */
export interface RequestHead {
  readonly headers: HeaderBlock;
  readonly method: string;
  /** As received. */
  readonly target: string;
  /** Request line as received, without CRLF; of other wires than HTTP/1, what it would have been. */
  readonly requestLine: string;
  /** The same of HTTP/1, so that it can be sent on as it came; empty of other wires. */
  readonly receivedLine: string;
  /** False also where a length of 0 is declared. */
  readonly hasBody: boolean;
  /** Declared length; -1 when not declared. */
  readonly contentLength: number;
  /** Protocol that is asked for in place of HTTP, where that was done properly and without a body; else undefined. */
  readonly upgrade: string | undefined;
  /** Host value as received; undefined only on HTTP/1.0. */
  readonly host: string | undefined;
}

/** The head of a response, whatever wire brought it. Valid until that wire begins the next one in its place. */
export interface ResponseHead {
  readonly headers: HeaderBlock;
  readonly status: number;
  readonly reason: string;
  readonly hasBody: boolean;
  /** Declared length; -1 when not declared. Kept for HEAD and 304, which have no body. */
  readonly contentLength: number;
  /** Protocol that is granted in place of HTTP; else undefined. */
  readonly upgrade: string | undefined;
}
