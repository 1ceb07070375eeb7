import type { ClientCertificate } from '../client-certificate.ts';
import type { GeoVariable } from './geo.ts';

/** Groups of the pattern that a request's path was matched by. */
export interface Captures {
  /** Text of group 1 to 9; empty where there is none, or it took no part. */
  capture(number: number): string;
  /** Text of a named group; undefined when no group has that name. */
  group(name: string): string | undefined;
}

/** Source and destination in a PROXY protocol header. */
export interface ProxyHeaderEnds {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
}

/** A connection as variables tell of it. */
export interface ConnectionFacts {
  /** Counts the connections of a worker. */
  readonly serial: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly localAddress: string;
  readonly proxied: ProxyHeaderEnds | undefined;
  readonly serverName: string | undefined;
  /** Undefined without TLS. */
  readonly client?: TlsClient;
}

/** Who is on the other side of a TLS connection, as far as the handshake said. */
export interface TlsClient {
  /** Host that the server name of the handshake belongs to; undefined: to none. */
  readonly hostName: string | undefined;
  /** Id of the policy by which a certificate was asked for; undefined: none was. */
  readonly authId: string | undefined;
  /** `NONE`, `SUCCESS`, or `FAILED:` and why. */
  readonly verification: string;
  /** It failed for nothing but that nobody who is known signed the certificate. */
  readonly isIssuerUnknown: boolean;
  readonly certificate: ClientCertificate | undefined;
}

/** One try at an endpoint. Times in milliseconds; -1 where that point was not reached. */
export interface Attempt {
  readonly address: string;
  readonly status: number;
  readonly responseLength: number;
  readonly connectMs: number;
  readonly headerMs: number;
  readonly responseMs: number;
  /** True for the first try behind an internal redirect (an error page from the default backend): logged behind ` : `. */
  readonly isRedirected?: boolean;
}

/** Whose a route is, as metrics, logs and variables name it; empty strings where there is nobody. */
export interface RouteNames {
  readonly namespace: string;
  readonly ingress: string;
  readonly service: string;
  readonly servicePort: string;
  /** As written in the Ingress. */
  readonly path: string;
  /** The route's host as the table names it. */
  readonly host: string;
}

/** What variables are read from: a request and, as far as it has come, its response. Text has one character per byte, as heads do. */
export interface VariableSource extends Captures {
  readonly connection: ConnectionFacts;
  /** The client: see docs/who-the-client-is.md. */
  readonly clientAddress: string;
  readonly remoteUser: string;
  /** How many requests the connection has brought, this one included. */
  readonly sequence: number;
  readonly method: string;
  /** Request line as received: method, raw target, protocol. */
  readonly requestLine: string;
  /** Request target as received, origin form, query included. */
  readonly target: string;
  /** Normalised path: decoded once, slashes merged, dot segments resolved. */
  readonly path: string;
  /** What a rewrite made of the path. */
  readonly rewrittenPath: string | undefined;
  /** Query without `?`; empty when none. */
  readonly query: string;
  /** Host lower-cased, without port and trailing dot. */
  readonly host: string;
  /** Host header as received, port included. */
  readonly hostHeader: string;
  /** Host for redirects: first item of a trusted X-Forwarded-Host, else the Host header; port included. */
  readonly seenHost: string;
  /** Scheme of the connection. */
  readonly connectionScheme: 'http' | 'https';
  /** Scheme as seen: X-Forwarded-Proto of a trusted hop, else the connection's. */
  readonly scheme: string;
  /** Port of the listener the connection came in by. */
  readonly localPort: number;
  /** Port as a PROXY header or a trusted hop says it, else the listener's. */
  readonly saidPort: string;
  /** The same, as X-Forwarded-Port has it. */
  readonly seenPort: string;
  /** Value of X-Forwarded-For. */
  readonly forwardedFor: string;
  readonly tlsProtocol: string;
  readonly tlsCipher: string;
  /** The client's X-Request-ID, else the one made for the request; empty: none is sent. */
  readonly requestId: string;
  /** An id made for the request, whatever the client sent. */
  readonly ownRequestId: string;
  /** Undefined when no route was matched. */
  readonly labels: RouteNames | undefined;
  /** `-` for answers of the host itself, empty for requests refused while parsing. */
  readonly upstreamName: string;
  readonly canaryName: string;
  readonly attempts: readonly Attempt[];
  readonly status: number;
  /** Body bytes sent to the client, without framing. */
  readonly bodyBytesSent: number;
  /** All bytes sent to the client, head included. */
  readonly bytesSent: number;
  /** Bytes received: line, headers, body. */
  readonly requestLength: number;
  readonly startedAtMs: number;
  /** Up to now, while the request is not over. */
  readonly durationMs: number;
  /** Field value by lower-case name, occurrences joined with `, `; undefined when absent. */
  header(lowerName: string): string | undefined;
  /** Cookie value by name; undefined when absent. */
  cookie(name: string): string | undefined;
  /** The same of the upstream's response. */
  responseHeader(lowerName: string): string | undefined;
  /** The same of what is sent to the client. */
  sentHeader(lowerName: string): string | undefined;
  /** What databases of addresses tell of the client; undefined: nothing. */
  located(variable: GeoVariable): string | undefined;
}
