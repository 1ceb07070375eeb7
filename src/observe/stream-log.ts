import { toIsoTime, toLocalTime, toSeconds } from '../lib/nginx-time.ts';
import { compileLine, variablesIn } from './line-template.ts';
import { escapeDefault } from './log-values.ts';
import type { LogSink } from './log-sink.ts';

/** What is known of a session of a stream when it is over. */
export interface StreamRecord {
  readonly protocol: 'TCP' | 'UDP';
  /** nginx's words for how a session ended: 200, 500, 502. */
  readonly status: number;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  /** `tcp-<namespace>-<service>-<port>`. */
  readonly upstreamName: string;
  /** Server name of TLS that is passed through; undefined elsewhere. */
  readonly serverName: string | undefined;
  /** What a PROXY header said; undefined: there was none. */
  readonly proxied: { readonly sourceAddress: string; readonly sourcePort: number } | undefined;
  /** From the client, and to it. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Towards the endpoint, and from it. */
  readonly upstreamBytesSent: number;
  readonly upstreamBytesReceived: number;
  /** Endpoints that were tried, in order: `10.0.0.1:5432`. */
  readonly endpoints: readonly string[];
  /** Milliseconds; below 0: there was no connection. */
  readonly connectMs: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
}

/** Writes one line per session; never blocks. */
export interface StreamLog {
  write(record: StreamRecord): void;
  flush(): Promise<void>;
  /** Opens the file anew, for log rotation; nothing when it is no file. */
  reopen(): void;
}

export interface StreamLogOptions {
  readonly isEnabled: boolean;
  /** nginx variable template (log-format-stream). */
  readonly format: string;
}

type Reader = (record: StreamRecord) => string;

const orDash = (text: string): string => (text === '' ? '-' : escapeDefault(text));

const VARIABLES: Readonly<Record<string, Reader>> = {
  remote_addr: ({ clientAddress }) => clientAddress,
  remote_port: ({ clientPort }) => String(clientPort),
  server_addr: ({ serverAddress }) => serverAddress,
  server_port: ({ serverPort }) => String(serverPort),
  time_local: ({ endedAtMs }) => toLocalTime(endedAtMs),
  time_iso8601: ({ endedAtMs }) => toIsoTime(endedAtMs),
  msec: ({ endedAtMs }) => (endedAtMs / 1000).toFixed(3),
  protocol: ({ protocol }) => protocol,
  status: ({ status }) => String(status),
  bytes_sent: ({ bytesSent }) => String(bytesSent),
  bytes_received: ({ bytesReceived }) => String(bytesReceived),
  session_time: ({ startedAtMs, endedAtMs }) => toSeconds(endedAtMs - startedAtMs),
  upstream_addr: ({ endpoints }) => orDash(endpoints.join(', ')),
  upstream_bytes_sent: ({ upstreamBytesSent }) => String(upstreamBytesSent),
  upstream_bytes_received: ({ upstreamBytesReceived }) => String(upstreamBytesReceived),
  upstream_connect_time: ({ connectMs }) => (connectMs < 0 ? '-' : toSeconds(connectMs)),
  upstream_session_time: ({ startedAtMs, endedAtMs }) => toSeconds(endedAtMs - startedAtMs),
  proxy_upstream_name: ({ upstreamName }) => orDash(upstreamName),
  ssl_preread_server_name: ({ serverName }) => orDash(serverName ?? ''),
  proxy_protocol_addr: ({ proxied }) => orDash(proxied?.sourceAddress ?? ''),
  proxy_protocol_port: ({ proxied }) => (proxied === undefined ? '-' : String(proxied.sourcePort)),
  pid: () => String(process.pid),
};

/** Names of variables in a template that sessions do not have; each is logged as `-`. */
export function unknownStreamVariables(format: string): string[] {
  return variablesIn(format).filter((name) => !Object.hasOwn(VARIABLES, name));
}

/** Compiles a template once; without line end, bytes as latin1. */
export function compileStreamFormat(format: string): Reader {
  return compileLine(format, (name) => (Object.hasOwn(VARIABLES, name) ? VARIABLES[name]! : () => '-'));
}

export function createStreamLog({ isEnabled, format }: StreamLogOptions, sink: LogSink): StreamLog {
  const toLine = compileStreamFormat(format);
  return {
    write(record) {
      if (isEnabled) sink.write(`${toLine(record)}\n`);
    },
    flush: () => sink.flush(),
    reopen: () => sink.reopen(),
  };
}
