/** What the access log and metrics read of a finished exchange. The exchange itself implements it: nothing is copied. */
export interface AccessRecord {
  readonly clientAddress: string;
  readonly remoteUser: string;
  readonly method: string;
  /** Request line as received: method, raw target, protocol. */
  readonly requestLine: string;
  readonly status: number;
  /** Body bytes sent to the client, without framing. */
  readonly bodyBytesSent: number;
  /** All bytes sent to the client, head included. */
  readonly bytesSent: number;
  /** Bytes received: line, headers, body. */
  readonly requestLength: number;
  readonly startedAtMs: number;
  readonly durationMs: number;
  readonly requestId: string;
  /** `-` for answers of the host itself, empty for requests refused while parsing. */
  readonly upstreamName: string;
  readonly canaryName: string;
  readonly attempts: readonly Attempt[];
  readonly host: string;
  readonly hostHeader: string;
  readonly path: string;
  readonly target: string;
  readonly query: string;
  readonly scheme: string;
  readonly localPort: number;
  readonly tlsProtocol: string;
  readonly tlsCipher: string;
  /** Undefined when no route was matched. */
  readonly labels: SeriesLabels | undefined;
  /** Kept by the log's formatter, for the next record of the same connection. */
  readonly lineParts: LineParts;
  header(lowerName: string): string | undefined;
  cookie(name: string): string | undefined;
  responseHeader(lowerName: string): string | undefined;
}

/** Parts of a log line, with what they were made from. */
export class LineParts {
  time = '';
  client = '';
  user = '';
  begin = '';
  referer: string | undefined = undefined;
  agent: string | undefined = undefined;
  agents = '';
  upstreamName = '';
  canaryName = '';
  address = '';
  upstream = '';
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

/** Metric labels of a route; empty strings where there is none. */
export interface SeriesLabels {
  readonly namespace: string;
  readonly ingress: string;
  readonly service: string;
  readonly servicePort: string;
  readonly path: string;
  readonly host: string;
}
