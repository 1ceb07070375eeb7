type Names = string;

/** ConfigMap keys of ingress-nginx that have nothing to set in Serin, by the reason. */
const ROWS: readonly (readonly [reason: string, names: Names])[] = [
  [
    'it sizes something that Serin does not have',
    `client-header-buffer-size max-worker-open-files map-hash-bucket-size server-name-hash-max-size server-name-hash-bucket-size
     proxy-headers-hash-max-size proxy-headers-hash-bucket-size variables-hash-bucket-size variables-hash-max-size lua-shared-dicts
     ssl-buffer-size`,
  ],
  [
    'it tunes processes that Serin does not have',
    'reuse-port worker-cpu-affinity enable-serial-reloads enable-multi-accept enable-aio-write',
  ],
  [
    'there is no cache of sessions: tickets resume them (ssl-session-tickets)',
    'ssl-session-cache ssl-session-cache-size',
  ],
  ['nginx has removed what it set', 'http2-max-field-size http2-max-header-size http2-max-requests'],
  [
    'ingress-nginx never reads it in the ConfigMap',
    'app-root upstream-hash-by upstream-hash-by-subset upstream-hash-by-subset-size',
  ],
  ['every answer that Serin makes has a type of its own', 'default-type'],
  ['names are looked up for addresses of both families', 'disable-ipv6-dns'],
  [
    'the Server header of an upstream is not passed on, or replaced (server-tokens)',
    'allow-backend-server-header',
  ],
  ['it tunes how nginx writes its log', 'access-log-params'],
  ['databases are read anew within seconds of a change, as they always are', 'geoip2-autoreload-in-minutes'],
  [
    'the control log goes to standard error, as much of it as --v says',
    'error-log-path error-log-level debug-connections',
  ],
  [
    'snippets are never evaluated, whether the admission webhook lets them in or not',
    'allow-snippet-annotations',
  ],
];

/** The reason, by key: accepted without a finding. */
export const INERT_KEYS: Readonly<Record<string, string>> = Object.fromEntries(
  ROWS.flatMap(([reason, names]) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, reason]),
  ),
);
