import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { HeaderBlock, ResponseHead } from '../message/heads.ts';

/** Who a response is read for. Everything is called synchronously, never after the connection was let go of. */
export interface UpstreamHandler {
  /** The connection can be written to. */
  onConnected(): void;
  /** A head before the final one; valid during the call only. */
  onInterimHead(head: ResponseHead): void;
  /** The final head, or a 101; valid until the end of the exchange. */
  onResponseHead(head: ResponseHead): void;
  /** Bytes are valid during the call only, unless `isOwned`: then until `isReadBufferFree` says otherwise. */
  onResponseBody(buffer: Buffer, start: number, end: number, isOwned: boolean): void;
  /** The response is complete; the connection is already on its way back to its pool. */
  onResponseEnd(trailers: HeaderBlock | undefined, endedAtMs: number): void;
  /** All of one read was handed over. */
  onReadDone(): void;
  /** Whether nobody needs the bytes handed over any more. */
  isReadBufferFree(): boolean;
  /** The response will not be complete; the connection is gone. */
  onUpstreamFailed(code: ProxyErrorCode): void;
  /** What was written has been taken. */
  onUpstreamDrain(): void;
  onTunnelData(buffer: Buffer, start: number, end: number): void;
  onTunnelEnd(): void;
}
