import type { ConnectionInfo } from '../message/connection-info.ts';
import type { HeadText } from '../message/head-text.ts';
import type { HeaderBlock } from '../message/heads.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { ConnectionMemo } from './connection-memo.ts';

/** How the body of a response is delimited, as far as the exchange knows. */
export type ResponseBodyKind =
  /** None, whatever length is declared (HEAD, 304). */
  | 'none'
  /** As long as declared. */
  | 'length'
  /** Until it ends. */
  | 'stream';

/**
 * The client's side of an exchange, whatever wire it came by. A connection has one, or one for each of its streams. The wire counts what it
 * sends (`Accounting.bytesSent`); bytes of bodies are counted by the exchange.
 */
export interface Downstream {
  readonly info: ConnectionInfo;
  /** The connection's, shared by all its exchanges. */
  readonly memo: ConnectionMemo;
  /** Set: a buffer that `onBodyData` brings from its first byte to its last is the exchange's, and nobody reads or writes it any more. */
  readonly areBodiesGiven?: boolean;

  /** Asks for the request body; it comes by `onBodyData`, `onBodyRead` and `onBodyEnd` of the exchange. */
  readBody(): void;
  /** No more data of a body or tunnel until `resumeReading`. */
  pauseReading(): void;
  /** Data may come again, but never before the caller has returned: whoever sends what is at hand finishes that first. */
  resumeReading(): void;

  /** Sends a response before the final one, at once, where the client knows such. */
  writeInterim(status: number, reason: string, lines: HeadText): void;
  /**
   * Begins the response. `lines` are header lines without framing and what is between two hops; `trailingLines` come behind those, where
   * the wire puts any. `contentLength` is -1 where none is declared, or `lines` do so. Nothing is sent before `flush` or `endResponse`.
   */
  writeHead(
    status: number,
    reason: string,
    lines: HeadText,
    trailingLines: HeadText,
    kind: ResponseBodyKind,
    contentLength: number,
  ): void;
  /** Adds body bytes; they may be needed after the call only when `isOwned`. */
  writeBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void;
  /** Adds body text, one byte per character. */
  writeText(text: string): void;
  /** Sends what was written; false: wait for `onDownstreamDrain` of the exchange. */
  flush(): boolean;
  /** Completes the response and sends it. */
  endResponse(trailers: HeaderBlock | undefined): void;
  /** Takes the response back as long as nothing of it was sent; false: something was. */
  retract(): boolean;
  /** Cuts the response off so that it cannot look complete; clients of some wires are told what `code` says of it. */
  abort(code?: ProxyErrorCode): void;

  /**
   * Says before `writeHead` that nothing which follows this request can be trusted. Where requests stand one behind another the response
   * is the last one of its connection; a wire that keeps them apart has nothing to do.
   */
  closeAfterResponse(): void;
  /** The exchange is over: it may be used for another request. */
  endExchange(): void;

  /** Says that the upgrade to that protocol is granted, and hands the bytes from there on, those that wait included, to the exchange's tunnel. */
  beginTunnel(reason: string, upgrade: string, lines: HeadText): void;
  /** False: wait for `onDownstreamDrain`. */
  writeTunnel(buffer: Buffer, start: number, end: number): boolean;
  endTunnel(): void;
}
