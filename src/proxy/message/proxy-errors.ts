/** Everything that can go wrong with traffic. One table decides blame, answer and retry; no other file does. */
export interface ProxyErrorKind {
  readonly origin: 'downstream' | 'upstream' | 'proxy';
  /** HTTP status. */
  readonly status: number;
  /** gRPC status for gRPC exchanges. */
  readonly grpc: number;
  /** Whether another try is safe: `if-idempotent` means unless the method is not idempotent. */
  readonly retry: 'always' | 'if-idempotent' | 'never';
  /** Whether the downstream connection ends after the answer. */
  readonly closes: boolean;
  /** proxy-next-upstream condition that a retry of it needs. */
  readonly condition?: 'error' | 'timeout' | 'invalid_header';
  /** Stock page other than the status' own (docs/reference/evaluation-order.md §3). */
  readonly page?:
    | 'header-too-large'
    | 'plain-http-on-tls'
    | 'no-client-certificate'
    | 'bad-client-certificate';
}

type Refusal = {
  readonly origin: 'downstream';
  readonly grpc: 13;
  readonly retry: 'never';
  readonly closes: true;
};
const REFUSAL: Refusal = { origin: 'downstream', grpc: 13, retry: 'never', closes: true };

export const PROXY_ERRORS = {
  // Request heads that are refused: the connection ends, bytes behind them are never parsed.
  bad_request_line: { ...REFUSAL, status: 400 },
  bad_method: { ...REFUSAL, status: 400 },
  bad_target: { ...REFUSAL, status: 400 },
  bad_path: { ...REFUSAL, status: 400 },
  bad_version: { ...REFUSAL, status: 400 },
  unsupported_version: { ...REFUSAL, status: 505 },
  http2_preface: { ...REFUSAL, status: 505 },
  bad_header: { ...REFUSAL, status: 400 },
  bad_header_name: { ...REFUSAL, status: 400 },
  bad_line_end: { ...REFUSAL, status: 400 },
  folded_header: { ...REFUSAL, status: 400 },
  missing_host: { ...REFUSAL, status: 400 },
  repeated_host: { ...REFUSAL, status: 400 },
  bad_host: { ...REFUSAL, status: 400 },
  bad_content_length: { ...REFUSAL, status: 400 },
  ambiguous_framing: { ...REFUSAL, status: 400 },
  transfer_encoding_on_http10: { ...REFUSAL, status: 400 },
  unknown_transfer_encoding: { ...REFUSAL, status: 501 },
  unknown_protocol: { ...REFUSAL, status: 501 },
  bad_chunk: { ...REFUSAL, status: 400 },
  bad_trailer: { ...REFUSAL, status: 400 },
  connect_refused: { ...REFUSAL, status: 400 },
  method_not_allowed: { ...REFUSAL, status: 405 },
  target_too_long: { ...REFUSAL, status: 414 },
  header_too_large: { ...REFUSAL, status: 400, page: 'header-too-large' },
  // Client certificates (docs/reference/annotations.md §5.4).
  no_client_certificate: { ...REFUSAL, status: 400, page: 'no-client-certificate' },
  bad_client_certificate: { ...REFUSAL, status: 400, page: 'bad-client-certificate' },
  // The handshake was for another host.
  misdirected: { ...REFUSAL, status: 421, closes: false },
  // The host asks its clients for something else than it did when this one's connection began.
  outdated_handshake: { ...REFUSAL, status: 421 },
  // What the client sent would have become lines of another head.
  unsafe_request: { ...REFUSAL, status: 400 },
  body_too_large: { ...REFUSAL, status: 413, grpc: 8 },
  client_header_timeout: { ...REFUSAL, status: 408, grpc: 4 },
  client_body_timeout: { ...REFUSAL, status: 408, grpc: 4 },

  connect_failed: {
    origin: 'upstream',
    status: 502,
    grpc: 14,
    retry: 'always',
    closes: false,
    condition: 'error',
  },
  connect_timeout: {
    origin: 'upstream',
    status: 504,
    grpc: 14,
    retry: 'always',
    closes: false,
    condition: 'timeout',
  },
  upstream_tls_failed: {
    origin: 'upstream',
    status: 502,
    grpc: 14,
    retry: 'always',
    closes: false,
    condition: 'error',
  },
  upstream_reset: {
    origin: 'upstream',
    status: 502,
    grpc: 14,
    retry: 'if-idempotent',
    closes: false,
    condition: 'error',
  },
  // Reset on a wire on which a server says why.
  upstream_cancelled: {
    origin: 'upstream',
    status: 502,
    grpc: 1,
    retry: 'if-idempotent',
    closes: false,
    condition: 'error',
  },
  upstream_exhausted: {
    origin: 'upstream',
    status: 502,
    grpc: 8,
    retry: 'if-idempotent',
    closes: false,
    condition: 'error',
  },
  upstream_closed_early: {
    origin: 'upstream',
    status: 502,
    grpc: 14,
    retry: 'if-idempotent',
    closes: false,
    condition: 'error',
  },
  send_timeout: {
    origin: 'upstream',
    status: 504,
    grpc: 14,
    retry: 'if-idempotent',
    closes: false,
    condition: 'timeout',
  },
  read_timeout: {
    origin: 'upstream',
    status: 504,
    grpc: 14,
    retry: 'if-idempotent',
    closes: false,
    condition: 'timeout',
  },
  upstream_malformed: {
    origin: 'upstream',
    status: 502,
    grpc: 13,
    retry: 'if-idempotent',
    closes: false,
    condition: 'invalid_header',
  },
  upstream_head_too_large: {
    origin: 'upstream',
    status: 502,
    grpc: 13,
    retry: 'if-idempotent',
    closes: false,
    condition: 'invalid_header',
  },
  no_endpoints: { origin: 'upstream', status: 503, grpc: 14, retry: 'never', closes: false },

  spool_full: { origin: 'proxy', status: 503, grpc: 8, retry: 'never', closes: true },
  not_found: { origin: 'proxy', status: 404, grpc: 12, retry: 'never', closes: false },
  // The same of a response, or of an answer of the proxy's own.
  unsafe_response: { origin: 'proxy', status: 500, grpc: 13, retry: 'never', closes: true },
  internal: { origin: 'proxy', status: 500, grpc: 13, retry: 'never', closes: true },
} as const satisfies Record<string, ProxyErrorKind>;

export type ProxyErrorCode = keyof typeof PROXY_ERRORS;
