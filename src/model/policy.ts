import type { RedactedBytes } from '../lib/redacted-bytes.ts';
/**
 * Policies that the data plane's core itself enforces, by the model's names of them. A feature whose name is a key here produces that value;
 * every other feature's policy is opaque to the core and enforced by the feature's own filter.
 */
export interface CorePolicies {
  readonly timeouts?: TimeoutsPolicy;
  readonly body?: BodyPolicy;
  readonly retry?: RetryPolicy;
  readonly rewrite?: RewritePolicy;
  readonly 'backend-protocol'?: BackendProtocolPolicy;
  readonly 'proxy-ssl'?: UpstreamTlsPolicy;
  readonly 'load-balance'?: LoadBalancePolicy;
  readonly 'health-check'?: HealthCheckPolicy;
  readonly affinity?: AffinityPolicy;
  readonly logging?: LoggingPolicy;
  readonly 'limit-rate'?: LimitRatePolicy;
  readonly satisfy?: SatisfyPolicy;
  readonly 'auth-tls'?: ClientAuthPolicy;
  readonly 'ssl-ciphers'?: SslCiphersPolicy;
  readonly 'ssl-prefer-server-ciphers'?: CipherOrderPolicy;
  readonly redirect?: RelativeRedirectsPolicy;
  readonly 'ssl-redirect'?: PortInRedirectsPolicy;
}

/** All policies of a route, host or upstream, by feature name. Plain data, survives structured clone. */
export type Policies = CorePolicies & { readonly [feature: string]: unknown };

/** Gaps and waits towards the upstream, in milliseconds (ingress-nginx proxy-*-timeout, there in seconds). */
export interface TimeoutsPolicy {
  /** TCP and TLS connect. */
  readonly connectTimeoutMs: number;
  /** Longest gap between two writes to the upstream. */
  readonly sendTimeoutMs: number;
  /** Longest gap between two reads from the upstream; also closes silent WebSockets. */
  readonly readTimeoutMs: number;
}

export interface BodyPolicy {
  /** Largest request body in bytes; 0 is unlimited (proxy-body-size). */
  readonly maxBodyBytes: number;
  /** Whether the whole request body is read before the upstream is contacted (proxy-request-buffering). */
  readonly isRequestBuffered: boolean;
  /** So much of a body is held in memory, the rest on disk (client-body-buffer-size); undefined: as much as usual. */
  readonly maxBufferedBytes?: number;
  /** Largest response head in bytes; a larger one is a 502 (proxy-buffer-size). */
  readonly maxResponseHeadBytes: number;
  /** HTTP minor version spoken to the upstream: 1 or 0 (proxy-http-version). */
  readonly upstreamHttpMinor: 0 | 1;
  /** Forced upstream Connection header (connection-proxy-header); undefined: by protocol. */
  readonly connectionHeader?: 'close' | 'keep-alive';
}

/** How fast a response body goes to its client. */
export interface LimitRatePolicy {
  /** 0: as fast as the client takes it. */
  readonly bytesPerSecond: number;
  /** Bytes that go out before that. */
  readonly freeBytes: number;
}

export type RetryCondition =
  | 'error'
  | 'timeout'
  | 'invalid_header'
  | 'http_500'
  | 'http_502'
  | 'http_503'
  | 'http_504'
  | 'http_403'
  | 'http_404'
  | 'http_429';

export interface RetryPolicy {
  /** Empty: never retried (`off`). */
  readonly conditions: readonly RetryCondition[];
  /** Also retry POST, LOCK and PATCH once sent. */
  readonly isNonIdempotentRetried: boolean;
  /** Attempts including the first; 0 is no limit. */
  readonly tries: number;
  /** Time budget of all tries in milliseconds; 0 is no limit. */
  readonly timeoutMs: number;
}

export interface RewritePolicy {
  /** Rewrite target with $1..$9; undefined: no rewrite. */
  readonly target?: string;
  readonly isRegex: boolean;
  /** X-Forwarded-Prefix value with captures; only honoured with a target in force. */
  readonly forwardedPrefix?: string;
}

export interface BackendProtocolPolicy {
  /** `auto` follows the client connection's scheme (AUTO_HTTP). */
  readonly protocol: 'http' | 'https' | 'auto' | 'grpc' | 'grpcs';
  /** Largest response head of gRPC (grpc-buffer-size-kb); undefined: as much as usual. */
  readonly maxResponseHeadBytes?: number;
}

/** TLS towards the upstream (proxy-ssl-*). Absent: TLS without verification and without SNI. */
export interface UpstreamTlsPolicy {
  /** PEM client certificate chain and key. */
  readonly certificate?: string;
  readonly key?: RedactedBytes;
  /** PEM CA bundle. */
  readonly ca?: string;
  readonly isVerified: boolean;
  readonly verifyDepth: number;
  /** Name for verification and SNI. */
  readonly serverName?: string;
  readonly isSniSent: boolean;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers?: string;
}

export interface ServiceUpstreamPolicy {
  readonly isClusterIp: boolean;
}

export interface LoadBalancePolicy {
  /** Name of a balancer in proxy/upstream/balancers. */
  readonly algorithm: string;
  /** upstream-hash-by expression with $variables. */
  readonly hashBy?: string;
  readonly subsetSize?: number;
  /** Hashes: requests in flight of an endpoint relative to its fair share, at most; undefined: no bound. */
  readonly loadFactor?: number;
  /** How long an endpoint that joins takes to get its full share; undefined: at once. */
  readonly slowStartMs?: number;
  /** Failed connects within `failTimeoutMs` that take an endpoint out of rotation, and how long; undefined: the worker's default. */
  readonly maxFails?: number;
  readonly failTimeoutMs?: number;
}

/** Active checks of every endpoint of an upstream. */
export interface HealthCheckPolicy {
  /** Target of a GET; a status of 200 to 399 in time is a pass. */
  readonly path: string;
  readonly scheme: 'http' | 'https';
  /** From the end of one check to the beginning of the next. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

/** Cookie affinity; attributes as ingress-nginx session-cookie-*. */
export interface AffinityPolicy {
  readonly mode: 'balanced' | 'persistent';
  readonly cookieName: string;
  readonly expiresSeconds?: number;
  readonly maxAgeSeconds?: number;
  readonly path?: string;
  readonly domain?: string;
  readonly sameSite?: 'None' | 'Lax' | 'Strict';
  readonly isSameSiteNoneConditional: boolean;
  /** true: always Secure; false: Secure when the client connection is https. */
  readonly isAlwaysSecure: boolean;
  readonly isChangedOnFailure: boolean;
}

/** Decides between primary and canary; evaluated as docs/reference/annotations.md §1.1 says. */
export interface CanaryPolicy {
  readonly weight: number;
  /** Denominator; values of 100 or less act as 100. */
  readonly weightTotal: number;
  /** Lower-cased header name. */
  readonly header?: string;
  readonly headerValue?: string;
  readonly headerPattern?: string;
  readonly cookie?: string;
  readonly affinityBehavior: 'sticky' | 'legacy';
}

export interface ServerAliasPolicy {
  readonly aliases: readonly string[];
}

/** The host's name with or without `www.` is its alias, and redirects to it. */
export interface WwwRedirectPolicy {
  readonly status: number;
}

/** What all redirects of a route go by (relative-redirects). */
export interface RelativeRedirectsPolicy {
  readonly isRelative: boolean;
}

/** What all redirects of a route go by (use-port-in-redirects). */
export interface PortInRedirectsPolicy {
  readonly isPortShown: boolean;
}

/** Certificates that the clients of a host show, and what follows from them. */
export interface ClientAuthPolicy {
  /** Digest of all that a handshake goes by. */
  readonly id: string;
  /** PEM. */
  readonly ca: string;
  readonly crl?: string;
  readonly verify: 'on' | 'off' | 'optional' | 'optional_no_ca';
  /** Most certificates between the client's and the root's. */
  readonly depth: number;
  readonly isCertificatePassed: boolean;
  /** In place of 400: a URL that clients are sent to, or a path of the host that is served without a certificate. */
  readonly errorPage?: string;
  /** Searched in the name of the certificate. */
  readonly subjectPattern?: string;
}

/** Ciphers of a host in place of those of all. */
export interface SslCiphersPolicy {
  /** An OpenSSL list. */
  readonly list: string;
}

/** Whose order of ciphers counts on a host. */
export interface CipherOrderPolicy {
  readonly isOurs: boolean;
}

/** What a host's handshakes have of their own. */
export interface HostCiphers {
  /** Undefined: those of all hosts. */
  readonly list: string | undefined;
  readonly isOrderOurs: boolean;
}

/** How the checks of access of a route combine; without it all must agree. */
export interface SatisfyPolicy {
  readonly mode: 'all' | 'any';
}

export interface LoggingPolicy {
  readonly isAccessLogged: boolean;
}
