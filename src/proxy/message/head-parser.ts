import type { ProxyErrorCode } from './proxy-errors.ts';

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
