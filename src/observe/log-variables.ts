import type { AccessRecord, Attempt } from './access-record.ts';
import { toIsoTime, toLocalTime, toOctets, toSeconds } from './log-values.ts';

/** Reads one variable of a finished exchange; undefined: there is none (`-`). */
export type VariableReader = (record: AccessRecord) => string | undefined;

const orNone = (text: string): string | undefined => (text === '' ? undefined : text);

/** One item per try; ` : ` where an internal redirect (an error page) began anew. */
function perAttempt(record: AccessRecord, read: (attempt: Attempt) => string): string | undefined {
  const { attempts } = record;
  if (attempts.length === 0) return undefined;
  let text = read(attempts[0]!);
  for (let i = 1; i < attempts.length; i++) {
    text += (attempts[i]!.isRedirected === true ? ' : ' : ', ') + read(attempts[i]!);
  }
  return text;
}

const timeOf = (ms: number): string => (ms < 0 ? '-' : toSeconds(ms));
const addressOf = (attempt: Attempt): string => attempt.address;
const statusOf = (attempt: Attempt): string => (attempt.status === 0 ? '-' : String(attempt.status));
const lengthOf = (attempt: Attempt): string => String(attempt.responseLength);
const responseTimeOf = (attempt: Attempt): string => timeOf(attempt.responseMs);
const headerTimeOf = (attempt: Attempt): string => timeOf(attempt.headerMs);
const connectTimeOf = (attempt: Attempt): string => timeOf(attempt.connectMs);

/** When a record is logged: at the end of its exchange. */
const loggedAtMs = (record: AccessRecord): number => record.startedAtMs + record.durationMs;

const protocolOf = (record: AccessRecord): string | undefined => {
  const { requestLine } = record;
  const blank = requestLine.lastIndexOf(' ');
  return blank < 0 ? undefined : requestLine.slice(blank + 1);
};

const VARIABLES: Readonly<Record<string, VariableReader>> = {
  remote_addr: (record) => record.clientAddress,
  realip_remote_addr: (record) => record.clientAddress,
  remote_user: (record) => orNone(record.remoteUser),
  time_local: (record) => toLocalTime(loggedAtMs(record)),
  time_iso8601: (record) => toIsoTime(loggedAtMs(record)),
  msec: (record) => (loggedAtMs(record) / 1000).toFixed(3),
  request: (record) => record.requestLine,
  request_method: (record) => orNone(record.method),
  request_uri: (record) => orNone(record.target),
  uri: (record) => orNone(record.path),
  document_uri: (record) => orNone(record.path),
  args: (record) => orNone(record.query),
  query_string: (record) => orNone(record.query),
  is_args: (record) => (record.query === '' ? '' : '?'),
  server_protocol: protocolOf,
  status: (record) => String(record.status),
  body_bytes_sent: (record) => String(record.bodyBytesSent),
  bytes_sent: (record) => String(record.bytesSent),
  request_length: (record) => String(record.requestLength),
  request_time: (record) => toSeconds(record.durationMs),
  request_id: (record) => orNone(record.requestId),
  req_id: (record) => orNone(record.requestId),
  host: (record) => orNone(record.host),
  best_http_host: (record) => orNone(record.hostHeader),
  scheme: (record) => record.scheme,
  pass_access_scheme: (record) => record.scheme,
  server_port: (record) => String(record.localPort),
  pass_server_port: (record) => String(record.localPort),
  server_name: (record) => toOctets(record.labels?.host ?? '_'),
  ssl_protocol: (record) => orNone(record.tlsProtocol),
  ssl_cipher: (record) => orNone(record.tlsCipher),
  https: (record) => (record.scheme === 'https' ? 'on' : ''),
  proxy_upstream_name: (record) => record.upstreamName,
  proxy_alternative_upstream_name: (record) => record.canaryName,
  upstream_addr: (record) => perAttempt(record, addressOf),
  upstream_status: (record) => perAttempt(record, statusOf),
  upstream_response_length: (record) => perAttempt(record, lengthOf),
  upstream_response_time: (record) => perAttempt(record, responseTimeOf),
  upstream_header_time: (record) => perAttempt(record, headerTimeOf),
  upstream_connect_time: (record) => perAttempt(record, connectTimeOf),
  namespace: (record) => toOctets(record.labels?.namespace ?? ''),
  ingress_name: (record) => toOctets(record.labels?.ingress ?? ''),
  service_name: (record) => toOctets(record.labels?.service ?? ''),
  service_port: (record) => record.labels?.servicePort ?? '',
  location_path: (record) => toOctets(record.labels?.path ?? ''),
  content_type: (record) => record.header('content-type'),
  content_length: (record) => record.header('content-length'),
  pipe: () => '.',
  pid: () => String(process.pid),
};

/** The reader of a variable, by its name without `$`; undefined when there is no such variable. */
export function variableReader(name: string): VariableReader | undefined {
  if (Object.hasOwn(VARIABLES, name)) return VARIABLES[name];
  const headerName = (prefix: string): string => name.slice(prefix.length).replaceAll('_', '-').toLowerCase();
  if (name.startsWith('http_')) {
    const header = headerName('http_');
    return (record) => record.header(header);
  }
  if (name.startsWith('sent_http_') || name.startsWith('upstream_http_')) {
    const header = headerName(name.startsWith('sent_') ? 'sent_http_' : 'upstream_http_');
    return (record) => record.responseHeader(header);
  }
  if (name.startsWith('cookie_')) {
    const cookie = name.slice('cookie_'.length);
    return (record) => record.cookie(cookie);
  }
  if (name.startsWith('arg_')) {
    const argument = name.slice('arg_'.length).toLowerCase();
    return (record) => argumentOf(record.query, argument);
  }
  return undefined;
}

/** Value of a query argument as it was sent; names know no case, the first one counts. */
function argumentOf(query: string, lowerName: string): string | undefined {
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    if (equals >= 0 && part.slice(0, equals).toLowerCase() === lowerName) return part.slice(equals + 1);
  }
  return undefined;
}
