import { hostname } from 'node:os';
import { toByteText } from '../byte-text.ts';
import { CATCH_ALL } from '../catch-all.ts';
import type { ClientCertificate } from '../client-certificate.ts';
import { percentEncode } from '../escape-path.ts';
import { addressBytes } from '../address-text.ts';
import { toIsoTime, toLocalTime, toSeconds } from '../nginx-time.ts';
import { geoVariable } from './geo.ts';
import type { Attempt, VariableSource } from './source.ts';

/** Reads one variable; undefined: it has no value. */
export type VariableReader = (source: VariableSource) => string | undefined;

const orNone = (text: string): string | undefined => (text === '' ? undefined : text);

/** One item per try; ` : ` where an internal redirect (an error page) began anew. */
function perAttempt({ attempts }: VariableSource, read: (attempt: Attempt) => string): string | undefined {
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

/** Now, or the end of a request that is over. */
const nowMs = (source: VariableSource): number => source.startedAtMs + source.durationMs;

const protocolOf = ({ requestLine }: VariableSource): string | undefined => {
  const blank = requestLine.lastIndexOf(' ');
  return blank < 0 ? undefined : requestLine.slice(blank + 1);
};

/** A port is known of the client only where the connection itself tells the client. */
const clientPortOf = ({ connection, clientAddress }: VariableSource): string | undefined =>
  connection.clientAddress === clientAddress ? portText(connection.clientPort) : undefined;

const portText = (port: number | undefined): string | undefined =>
  port === undefined || port === 0 ? undefined : String(port);

/** What the `*` of a wildcard host stood for: ingress-nginx names that group. */
const subdomainOf = ({ labels, host }: VariableSource): string | undefined =>
  labels?.host.startsWith('*.') === true ? host.slice(0, host.indexOf('.')) : undefined;

const addedForwardedForOf = (source: VariableSource): string => {
  const chain = source.header('x-forwarded-for');
  return chain === undefined || chain === '' ? source.clientAddress : `${chain}, ${source.clientAddress}`;
};

/** All but what RFC 3986 calls unreserved; the text has one character per byte. */
function escapeAll(text: string): string {
  return text.replace(/[^A-Za-z0-9\-._~]/g, percentEncode);
}

/** What the client showed in the handshake, whichever host asked for it. */
const certificateOf = ({ connection }: VariableSource): ClientCertificate | undefined =>
  connection.client?.certificate;

const nothing = (): undefined => undefined;

/**
 * THE variables, by name without `$`: those of nginx, and those that ingress-nginx sets. Behind a hop in front, what is nginx's own is
 * the connection's ($scheme, $server_port), what is ingress-nginx's is as seen ($pass_access_scheme, $best_http_host).
 */
const VARIABLES: Readonly<Record<string, VariableReader>> = {
  remote_addr: (source) => source.clientAddress,
  remote_port: clientPortOf,
  binary_remote_addr: (source) => addressBytes(source.clientAddress),
  the_real_ip: (source) => source.clientAddress,
  remote_user: (source) => orNone(source.remoteUser),
  realip_remote_addr: (source) => source.connection.peerAddress,
  realip_remote_port: (source) => portText(source.connection.peerPort),
  proxy_protocol_addr: (source) => source.connection.proxied?.sourceAddress,
  proxy_protocol_port: (source) => portText(source.connection.proxied?.sourcePort),
  proxy_protocol_server_addr: (source) => source.connection.proxied?.destinationAddress,
  proxy_protocol_server_port: (source) => portText(source.connection.proxied?.destinationPort),
  proxy_add_x_forwarded_for: addedForwardedForOf,
  full_x_forwarded_for: (source) => source.forwardedFor,
  connection: (source) => String(source.connection.serial),
  connection_requests: (source) => String(source.sequence),
  time_local: (source) => toLocalTime(nowMs(source)),
  time_iso8601: (source) => toIsoTime(nowMs(source)),
  msec: (source) => (nowMs(source) / 1000).toFixed(3),
  request: (source) => source.requestLine,
  request_method: (source) => orNone(source.method),
  request_uri: (source) => orNone(source.target),
  escaped_request_uri: (source) => escapeAll(source.target),
  uri: (source) => orNone(source.rewrittenPath ?? source.path),
  document_uri: (source) => orNone(source.rewrittenPath ?? source.path),
  args: (source) => orNone(source.query),
  query_string: (source) => orNone(source.query),
  is_args: (source) => (source.query === '' ? '' : '?'),
  server_protocol: protocolOf,
  server_addr: (source) => orNone(source.connection.localAddress),
  server_port: (source) => String(source.localPort),
  server_name: (source) => toByteText(source.labels?.host ?? CATCH_ALL),
  hostname: () => hostname(),
  host: (source) => orNone(source.host),
  http_host: (source) => orNone(source.hostHeader),
  subdomain: subdomainOf,
  scheme: (source) => source.connectionScheme,
  https: (source) => (source.connectionScheme === 'https' ? 'on' : ''),
  pass_access_scheme: (source) => source.scheme,
  pass_server_port: (source) => source.saidPort,
  pass_port: (source) => source.seenPort,
  best_http_host: (source) => orNone(source.seenHost),
  status: (source) => String(source.status),
  body_bytes_sent: (source) => String(source.bodyBytesSent),
  bytes_sent: (source) => String(source.bytesSent),
  request_length: (source) => String(source.requestLength),
  request_time: (source) => toSeconds(source.durationMs),
  request_id: (source) => orNone(source.ownRequestId),
  req_id: (source) => orNone(source.requestId),
  ssl_protocol: (source) => orNone(source.tlsProtocol),
  ssl_cipher: (source) => orNone(source.tlsCipher),
  ssl_server_name: (source) => source.connection.serverName,
  ssl_client_verify: (source) =>
    source.connection.client?.verification ?? (source.connectionScheme === 'https' ? 'NONE' : undefined),
  ssl_client_s_dn: (source) => certificateOf(source)?.subject,
  ssl_client_i_dn: (source) => certificateOf(source)?.issuer,
  ssl_client_serial: (source) => certificateOf(source)?.serial,
  ssl_client_fingerprint: (source) => certificateOf(source)?.fingerprint,
  ssl_client_v_start: (source) => certificateOf(source)?.validFrom,
  ssl_client_v_end: (source) => certificateOf(source)?.validTo,
  ssl_client_v_remain: (source) => certificateOf(source)?.daysLeft(nowMs(source)).toString(),
  // Each line but the first begins with a tab.
  ssl_client_cert: (source) => certificateOf(source)?.pem.trimEnd().replaceAll('\n', '\n\t'),
  ssl_client_raw_cert: (source) => certificateOf(source)?.pem,
  ssl_client_escaped_cert: (source) => certificateOf(source)?.escaped,
  proxy_upstream_name: (source) => source.upstreamName,
  proxy_host: (source) => source.upstreamName,
  proxy_alternative_upstream_name: (source) => source.canaryName,
  upstream_addr: (source) => perAttempt(source, addressOf),
  upstream_status: (source) => perAttempt(source, statusOf),
  upstream_response_length: (source) => perAttempt(source, lengthOf),
  upstream_response_time: (source) => perAttempt(source, responseTimeOf),
  upstream_header_time: (source) => perAttempt(source, headerTimeOf),
  upstream_connect_time: (source) => perAttempt(source, connectTimeOf),
  upstream_cache_status: nothing,
  namespace: (source) => toByteText(source.labels?.namespace ?? ''),
  ingress_name: (source) => toByteText(source.labels?.ingress ?? ''),
  service_name: (source) => toByteText(source.labels?.service ?? ''),
  service_port: (source) => source.labels?.servicePort ?? '',
  location_path: (source) => toByteText(source.labels?.path ?? ''),
  content_type: (source) => source.header('content-type'),
  content_length: (source) => source.header('content-length'),
  pipe: () => '.',
  pid: () => String(process.pid),
};

/** The reader of a variable, by its name without `$`; undefined when there is no such variable. Names know no case. */
export function variableReader(anyName: string): VariableReader | undefined {
  const name = anyName.toLowerCase();
  if (Object.hasOwn(VARIABLES, name)) return VARIABLES[name];
  const place = geoVariable(name);
  if (place !== undefined) return (source) => source.located(place);
  const after = (prefix: string): string | undefined =>
    name.length > prefix.length && name.startsWith(prefix) ? name.slice(prefix.length) : undefined;

  const header = after('http_');
  if (header !== undefined) return fieldReader(header, (source, field) => source.header(field));
  const sent = after('sent_http_');
  if (sent !== undefined) return fieldReader(sent, (source, field) => source.sentHeader(field));
  const received = after('upstream_http_');
  if (received !== undefined) return fieldReader(received, (source, field) => source.responseHeader(field));
  const cookie = after('cookie_');
  if (cookie !== undefined) return (source) => source.cookie(cookie);
  const argument = after('arg_');
  if (argument !== undefined) return (source) => argumentOf(source.query, argument);
  return undefined;
}

/** A variable's `_` stands for the `-` of a header, or for its own `_` where such names are let in. */
function fieldReader(
  name: string,
  read: (source: VariableSource, lowerName: string) => string | undefined,
): VariableReader {
  const dashed = name.replaceAll('_', '-');
  if (dashed === name) return (source) => read(source, name);
  return (source) => read(source, dashed) ?? read(source, name);
}

/** Value of a query argument as it was sent; names know no case, the first one counts. */
function argumentOf(query: string, lowerName: string): string | undefined {
  for (const part of query.split('&')) {
    const equals = part.indexOf('=');
    if (equals >= 0 && part.slice(0, equals).toLowerCase() === lowerName) return part.slice(equals + 1);
  }
  return undefined;
}
