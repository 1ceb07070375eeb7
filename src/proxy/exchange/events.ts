import type { RequestHead } from '../message/heads.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';

/**
 * What a wire tells an exchange of. Whoever implements it serves one request after another; which one the connection brings now the wire
 * says by its number there. Nothing is told of a request that is over.
 */
export interface ExchangeEvents {
  /** A head was parsed: `headBytes` long, of the request with that number on its connection. */
  begin(head: RequestHead, headBytes: number, sequence: number): void;
  /** A head was refused; of it there is what could be read. */
  refuse(head: RequestHead, code: ProxyErrorCode, sequence: number): void;
  /** Bytes of the body that was asked for, which stay as they are from then on. False: the exchange is over. */
  onBodyData(buffer: Buffer, start: number, end: number): boolean;
  /** All body bytes of one read were handed over, and more will follow. */
  onBodyRead(): void;
  onBodyEnd(): void;
  /** The body is malformed, too slow or too long. */
  onBodyRefused(code: ProxyErrorCode): void;
  /** The client takes more of what it is sent. */
  onDownstreamDrain(): void;
  /** Bytes of a tunnel, which stay as they are. */
  onTunnelData(bytes: Buffer): void;
  /** The client ended its half of the tunnel. */
  onTunnelEnd(): void;
  /** The client is gone. */
  onClientGone(): void;
  /** Serving it met an exception. */
  onFault(fault: unknown): void;
}
