/** What is known of a connection when it is ready for HTTP. IPv4-mapped addresses are IPv4 here, as everywhere. */
export interface ConnectionInfo {
  /** Listener name: `http` or `https`. */
  readonly listener: string;
  readonly scheme: 'http' | 'https';
  /** The direct peer. */
  readonly peerAddress: string;
  readonly peerPort: number;
  /** The client, as a trusted PROXY protocol header gives it; else the peer. */
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Port of the listener. */
  readonly localPort: number;
  /** Destination port in a trusted PROXY protocol header. */
  readonly proxiedPort: number | undefined;
  /** Server name of the TLS hello, as sent. */
  readonly serverName: string | undefined;
  /** `TLSv1.3`; empty without TLS. */
  readonly tlsProtocol: string;
  readonly tlsCipher: string;
}
