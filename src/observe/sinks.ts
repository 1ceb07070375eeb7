import type { RouteNames } from '../lib/variables/source.ts';
import type { Http2Cause, Http2Side } from './http2-causes.ts';
import type { AccessRecord } from './access-record.ts';
import type { StreamKind } from './stream-kinds.ts';

/** Writes one line per exchange, batched; never blocks and never throws on the request path. */
export interface AccessLog {
  write(record: AccessRecord): void;
  /** Writes out what is buffered; resolves when it is written. */
  flush(): Promise<void>;
  /** Opens the file anew, for log rotation; nothing when it is no file. */
  reopen(): void;
}

/** Counters of one worker, in shared memory; a scrape asks nobody. */
export interface WorkerMetrics {
  /** Series of a route; called once per route and table, never per request. `canary` is an upstream id or empty. */
  routeSeries(labels: RouteNames, canary: string): RouteSeries;
  /** Lets go of the series of all Ingresses but these (`namespace/name`); of theirs nothing may be counted any more. */
  retain(ingresses: ReadonlySet<string>): void;
  /** Connection gauges (nginx_process_connections). */
  readonly connections: ConnectionCounters;
  readonly wire: WireCounters;
  readonly logs: LogCounters;
  readonly copies: CopyCounters;
  readonly http2: Http2Counters;
  /** Of the sessions of a kind. */
  streams(kind: StreamKind): StreamCounters;
}

/** Sessions of TCP and UDP services, and of TLS that is passed through. */
export interface StreamCounters {
  begun(): void;
  /** Each session once. */
  ended(isFailed: boolean, bytesReceived: number, bytesSent: number): void;
  /** One was ended to make room for another; `ended` is told, too. */
  evicted(): void;
}

/** What was odd on the wire. */
export interface WireCounters {
  /** A head was not written: a text for one of its lines would have written lines of its own. */
  headRefused(): void;
  /** A head of an upstream had lines that end without CR. */
  bareLineFeeds(): void;
}

/** What became of lines of the access log and the log of streams. */
export interface LogCounters {
  /** Nobody took them in time, or they could not be written. */
  dropped(lines: number): void;
}

/** What peers do that speak HTTP/2. */
export interface Http2Counters {
  requested(): void;
  /** A connection, or a client's stream that was too slow, was ended because of what that side did. */
  ended(cause: Http2Cause, side: Http2Side): void;
}

/** What became of copies of requests. */
export interface CopyCounters {
  /** Something was answered, which nobody reads. */
  answered(): void;
  failed(): void;
  /** There was no room for it. */
  dropped(): void;
}

export interface RouteSeries {
  /** Counts one finished exchange: an array look-up and plain adds, no hashing. */
  observe(record: AccessRecord): void;
}

export interface ConnectionCounters {
  accepted(): void;
  closed(): void;
  /** A request came, whatever its protocol. */
  requested(): void;
  /** Delta of connections reading a request, writing a response, waiting in keep-alive. */
  reading(delta: 1 | -1): void;
  writing(delta: 1 | -1): void;
  waiting(delta: 1 | -1): void;
}
