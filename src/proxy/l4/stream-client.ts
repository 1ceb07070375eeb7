import type { ProxiedConnection } from '../message/connection-info.ts';

/** Whose bytes a session carries, as far as the connection itself tells. */
export interface StreamClient {
  /** A trusted PROXY header's, else the peer's. */
  readonly address: string;
  readonly port: number;
  /** Where it came to. */
  readonly localAddress: string;
  readonly localPort: number;
  /** What a PROXY header said, whoever sent it. */
  readonly proxied: ProxiedConnection | undefined;
}
