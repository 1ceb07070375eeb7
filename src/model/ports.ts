/* Ports, what comes in by them, and the names that TLS knows: plain data that all planes speak of. */

/**
 * A port. `http` and `https` lead to the routes, `tcp` and `udp` each to the stream that names it. A `passthrough` port looks at the
 * server name: a name that is passed through goes to its stream as it is, every other one to the routes, like `https`.
 */
export interface Listener {
  readonly kind: 'http' | 'https' | 'tcp' | 'udp' | 'passthrough';
  /** Of its own: logs and streams speak of it. */
  readonly name: string;
  /** Address to bind; `::` is all, IPv4 included. */
  readonly host: string;
  /** 0: any that is free, the same one for all workers. */
  readonly port: number;
}

/** Bytes that are passed on as they come. */
export type Stream =
  | {
      readonly kind: 'tcp';
      /** Name of its listener. */
      readonly listener: string;
      readonly upstreamId: string;
      /** Connections begin with a PROXY header. */
      readonly isProxyProtocolRead: boolean;
      /** The upstream is sent one. */
      readonly isProxyProtocolSent: boolean;
    }
  | { readonly kind: 'udp'; readonly listener: string; readonly upstreamId: string }
  | {
      readonly kind: 'passthrough';
      /** As TLS names say it. */
      readonly serverName: string;
      readonly upstreamId: string;
      readonly isProxyProtocolSent: boolean;
    };

/** What becomes of a TLS connection for a server name, exact or `*.a.b`. */
export type TlsName =
  | { readonly kind: 'terminate'; readonly name: string; readonly certificateId: string }
  /** A stream has it. */
  | { readonly kind: 'passthrough'; readonly name: string };

/** The ports that there are unless told otherwise. */
export const DEFAULT_LISTENERS: readonly Listener[] = [
  { kind: 'http', name: 'http', host: '::', port: 80 },
  { kind: 'https', name: 'https', host: '::', port: 443 },
];
