import type { TlsClient } from '../../lib/variables/source.ts';

/** Who talks to whom, as the balancer in front of us saw it. Addresses are canonical text, ports 0-65535. */
export interface ProxiedConnection {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

/** What is known of a connection when it is ready for HTTP. IPv4-mapped addresses are IPv4 here, as everywhere. */
export interface ConnectionInfo {
  /** Counts the connections of the worker. */
  readonly serial: number;
  /** Listener name: `http` or `https`. */
  readonly listener: string;
  readonly scheme: 'http' | 'https';
  /** Whether the handshake agreed upon HTTP/2. */
  readonly isHttp2?: boolean;
  /** The direct peer. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** The client as far as the connection itself tells: a trusted PROXY protocol header's, else the peer. */
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Address and port of the listener that the connection came to. */
  readonly localAddress: string;
  readonly localPort: number;
  /** What a PROXY protocol header says, whoever sent it; undefined without header, and where it says LOCAL or UNKNOWN. */
  readonly proxied: ProxiedConnection | undefined;
  /** Destination port in it. */
  readonly proxiedPort: number | undefined;
  /** Server name of the TLS hello, as sent. */
  readonly serverName: string | undefined;
  /** Undefined without TLS. */
  readonly client?: TlsClient;
  /** `TLSv1.3`; empty without TLS. */
  readonly tlsProtocol: string;
  readonly tlsCipher: string;
}
