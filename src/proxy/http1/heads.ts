import type { RequestHead, ResponseHead } from '../message/heads.ts';

/** How a body is delimited. `close`: until the connection ends, responses only. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

/** Valid until the parser that owns it begins the next head. */
export interface Http1RequestHead extends RequestHead {
  /** 0 or 1, of HTTP/1.x. */
  readonly minorVersion: number;
  /** `none` also for Content-Length: 0 (contentLength is then 0). */
  readonly framing: 'none' | 'length' | 'chunked';
  /** Whether the client wants the connection kept. */
  readonly isKeepAlive: boolean;
  readonly isContinueExpected: boolean;
  /** Lower-case names nominated by Connection, other than close, keep-alive, upgrade; undefined when none. */
  readonly nominated: readonly string[] | undefined;
}

/** Valid until the parser that owns it begins the next head. */
export interface Http1ResponseHead extends ResponseHead {
  readonly minorVersion: number;
  readonly framing: Framing;
  /** Whether the upstream keeps the connection and the framing lets it; false also for a 204 that declares a body. */
  readonly isKeepAlive: boolean;
  /** Whether some of its lines ended without CR. */
  readonly hasBareLineFeeds: boolean;
  readonly nominated: readonly string[] | undefined;
}
