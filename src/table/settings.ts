import type { RedactedBytes } from '../lib/redacted-bytes.ts';
import { NO_COMPRESSION, type CompressionSettings } from './compression.ts';
import type { GeoDatabase } from './geo.ts';
import { DEFAULT_TRACING, type TracingSettings } from './tracing.ts';

/** What the ConfigMap and flags decide for the whole data plane. All durations in ms, sizes in bytes. */
export interface DataPlaneSettings {
  readonly isForwardedTrusted: boolean;
  readonly isRealIpEnabled: boolean;
  readonly isForwardedForAppended: boolean;
  readonly forwardedForHeader: string;
  readonly forwardedHostHeader: string;
  /** Name under which a backend also gets the forwarded chain, where PROXY protocol and forwarded headers are both on. */
  readonly forwardedForProxyProtocolHeader: string;
  readonly trustedNetworks: readonly string[];
  readonly isProxyProtocolUsed: boolean;
  readonly proxyProtocolTimeoutMs: number;
  readonly isRequestIdGenerated: boolean;
  readonly isOriginalUriAdded: boolean;
  readonly areUnderscoresAllowed: boolean;
  readonly areInvalidHeadersIgnored: boolean;
  readonly hiddenResponseHeaders: readonly string[];
  /** Fixed headers of ConfigMap proxy-set-headers / add-headers, name and value, as bytes (lib/byte-text.ts). */
  readonly upstreamHeaders: readonly (readonly [string, string])[];
  readonly responseHeaders: readonly (readonly [string, string])[];
  readonly isServerHeaderSent: boolean;
  /** Full Strict-Transport-Security value; undefined: none sent. */
  readonly hsts?: string;
  readonly httpsPort: number;
  readonly headerTimeoutMs: number;
  /** Longest wait between two reads of a request body. */
  readonly bodyTimeoutMs: number;
  /** Slowest that a request body may come in once `bodyTimeoutMs` are over; 0: as slowly as it likes. */
  readonly minBodyBytesPerSecond: number;
  readonly keepAliveTimeoutMs: number;
  readonly keepAliveRequests: number;
  /** Whether clients may speak HTTP/2. */
  readonly isHttp2Used: boolean;
  /** Requests that a client's HTTP/2 connection may have under way. */
  readonly maxConcurrentStreams: number;
  readonly maxTargetBytes: number;
  readonly maxHeaderLineBytes: number;
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  /** Concurrent client connections per worker (max-worker-connections); 0 is unlimited. */
  readonly maxConnections: number;
  /** Concurrent connections one client address may hold per worker; 0 is unlimited. */
  readonly maxConnectionsPerAddress: number;
  readonly upstreamKeepAliveConnections: number;
  readonly upstreamKeepAliveTimeoutMs: number;
  readonly upstreamKeepAliveTimeMs: number;
  readonly upstreamKeepAliveRequests: number;
  /** How long a drain may last before connections are cut; 0 is unlimited. */
  readonly drainTimeoutMs: number;
  readonly accessLog: AccessLogSettings;
  readonly streams: StreamSettings;
  readonly streamLog: StreamLogSettings;
  readonly tls: TlsSettings;
  readonly isHealthPathServed: boolean;
  readonly healthPath: string;
  /** Networks that may read /nginx_status (nginx-status-ipv4-whitelist, nginx-status-ipv6-whitelist). */
  readonly statusReadersIPv4: readonly string[];
  readonly statusReadersIPv6: readonly string[];
  readonly blockedUserAgents: readonly string[];
  /** Status of a request above a rate (limit-req-status-code), and above a number at once (limit-conn-status-code). */
  readonly rateLimitStatus: number;
  readonly connectionLimitStatus: number;
  /** What limits count by: a text with variables, as bytes (limit-conn-zone-variable). */
  readonly limitKey: string;
  /** How requests of hosts that are not configured are counted (--metrics-per-undefined-host, --metrics-per-host). */
  readonly undefinedHosts: UndefinedHosts;
  readonly tracing: TracingSettings;
  readonly compression: CompressionSettings;
  /** In the order in which they are named; of two that tell the same, the last one counts (use-geoip2). */
  readonly geo: readonly GeoDatabase[];
}

/** `nameless`: with no word of the Ingress whose route it was. */
export type UndefinedHosts = 'uncounted' | 'nameless' | 'counted';

export interface AccessLogSettings {
  readonly isEnabled: boolean;
  readonly isDefaultBackendLogged: boolean;
  /** Questions to authentication servers have lines of their own. */
  readonly areAuthQuestionsLogged: boolean;
  /** nginx variable template. */
  readonly format: string;
  readonly escape: 'default' | 'json' | 'none';
  /** `/dev/stdout` or a file path. */
  readonly path: string;
  readonly skippedTargets: readonly string[];
  /** Takes the lines in place of `path` (enable-syslog). */
  readonly syslog?: { readonly host: string; readonly port: number };
}

/** Of TCP and UDP services, and of TLS that is passed through. */
export interface StreamSettings {
  /** A session in which nothing moves for so long is over; 0 is no limit (proxy-stream-timeout). */
  readonly idleTimeoutMs: number;
  /** Whether an endpoint that cannot be connected to is followed by the next one (proxy-stream-next-upstream). */
  readonly isNextTried: boolean;
  /** How long tries may go on, and how many there may be; 0 is no limit. */
  readonly triesTimeoutMs: number;
  readonly tries: number;
  /** Datagrams that answer one of a client: with them a session is over (proxy-stream-responses). */
  readonly responses: number;
}

export interface StreamLogSettings {
  readonly isEnabled: boolean;
  /** nginx variable template. */
  readonly format: string;
  /** `/dev/stdout` or a file path. */
  readonly path: string;
}

export interface TlsSettings {
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers: string;
  /** `auto` or an OpenSSL group list. */
  readonly ecdhCurve: string;
  /** PEM of a group for DHE suites of TLS 1.2; undefined: there are none of them (ssl-dh-param). */
  readonly dhParameters?: string;
  readonly isSessionReused: boolean;
  readonly sessionTimeoutMs: number;
  readonly isUnknownNameRejected: boolean;
  /** Whether clients that ask are told what authorities say of certificates (enable-ocsp). */
  readonly isStapled: boolean;
  /** Keys for session tickets, 48 bytes each, shared by all workers; first encrypts. None: no session is resumed. */
  readonly ticketKeys: readonly RedactedBytes[];
}

const NGINX_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
  'DHE-RSA-AES256-GCM-SHA384',
  'DHE-RSA-AES128-GCM-SHA256',
].join(':');

/** ingress-nginx's default access log format (docs/reference/operation.md §3). */
export const DEFAULT_LOG_FORMAT =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" ' +
  '$request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr ' +
  '$upstream_response_length $upstream_response_time $upstream_status $req_id';

/** ingress-nginx's default format for sessions of streams. */
export const DEFAULT_STREAM_LOG_FORMAT =
  '[$remote_addr] [$time_local] $protocol $status $bytes_sent $bytes_received $session_time';

/** ingress-nginx's defaults (docs/reference/settings.md §2). */
export const DEFAULT_SETTINGS: DataPlaneSettings = {
  isForwardedTrusted: false,
  isRealIpEnabled: false,
  isForwardedForAppended: false,
  forwardedForHeader: 'x-forwarded-for',
  forwardedHostHeader: 'x-forwarded-host',
  forwardedForProxyProtocolHeader: 'X-Forwarded-For-Proxy-Protocol',
  trustedNetworks: ['0.0.0.0/0'],
  isProxyProtocolUsed: false,
  proxyProtocolTimeoutMs: 5_000,
  isRequestIdGenerated: true,
  isOriginalUriAdded: false,
  areUnderscoresAllowed: false,
  areInvalidHeadersIgnored: true,
  hiddenResponseHeaders: [],
  upstreamHeaders: [],
  responseHeaders: [],
  isServerHeaderSent: false,
  hsts: 'max-age=31536000; includeSubDomains',
  httpsPort: 443,
  headerTimeoutMs: 60_000,
  bodyTimeoutMs: 60_000,
  minBodyBytesPerSecond: 0,
  keepAliveTimeoutMs: 75_000,
  keepAliveRequests: 1000,
  isHttp2Used: true,
  maxConcurrentStreams: 128,
  maxTargetBytes: 8192,
  maxHeaderLineBytes: 8192,
  maxHeadBytes: 32_768,
  maxHeaders: 1000,
  maxConnections: 16_384,
  maxConnectionsPerAddress: 0,
  upstreamKeepAliveConnections: 320,
  upstreamKeepAliveTimeoutMs: 60_000,
  upstreamKeepAliveTimeMs: 3_600_000,
  upstreamKeepAliveRequests: 10_000,
  drainTimeoutMs: 240_000,
  accessLog: {
    isEnabled: true,
    isDefaultBackendLogged: false,
    areAuthQuestionsLogged: false,
    format: DEFAULT_LOG_FORMAT,
    escape: 'default',
    path: '/dev/stdout',
    skippedTargets: [],
  },
  streams: {
    idleTimeoutMs: 600_000,
    isNextTried: true,
    triesTimeoutMs: 600_000,
    tries: 3,
    responses: 1,
  },
  streamLog: { isEnabled: true, format: DEFAULT_STREAM_LOG_FORMAT, path: '/dev/stdout' },
  tls: {
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: NGINX_CIPHERS,
    ecdhCurve: 'auto',
    isSessionReused: true,
    sessionTimeoutMs: 600_000,
    isUnknownNameRejected: false,
    isStapled: false,
    ticketKeys: [],
  },
  isHealthPathServed: true,
  healthPath: '/healthz',
  statusReadersIPv4: ['127.0.0.1'],
  statusReadersIPv6: ['::1'],
  blockedUserAgents: [],
  rateLimitStatus: 503,
  connectionLimitStatus: 503,
  limitKey: '$binary_remote_addr',
  undefinedHosts: 'uncounted',
  tracing: DEFAULT_TRACING,
  compression: NO_COMPRESSION,
  geo: [],
};
