import { DEFAULT_METRICS_OPTIONS } from '../observe/metrics-layout.ts';

/** Which command takes a flag. */
export type CommandName = 'serve' | 'controller' | 'check' | 'rbac' | 'certgen';

export interface CommandDoc {
  readonly name: CommandName;
  /** What stands behind the command's name. */
  readonly usage: string;
  readonly doc: string;
}

/** The commands, in the order of --help. */
export const COMMANDS: readonly CommandDoc[] = [
  { name: 'serve', usage: '[FLAGS] [MANIFESTS...]', doc: 'Serve manifest files, without a cluster' },
  { name: 'controller', usage: '[FLAGS]', doc: 'Serve the Ingresses of a Kubernetes cluster' },
  {
    name: 'check',
    usage: '[FLAGS] PATHS... | --kubeconfig FILE',
    doc: 'Say what Serin makes of every Ingress, annotation and ConfigMap key, before it serves them',
  },
  {
    name: 'rbac',
    usage: "[FLAGS] [THE CONTROLLER'S FLAGS]",
    doc: 'Print the roles that the controller needs with these flags, and no more',
  },
  {
    name: 'certgen',
    usage: '[FLAGS]',
    doc: "Make the admission webhook's certificate, and tell the API server its CA",
  },
];

export type FlagKind = 'string' | 'integer' | 'number' | 'boolean' | 'seconds' | 'list';

export type FlagValue = string | number | boolean | readonly string[];

/** One command-line flag. Names, defaults and meanings are ingress-nginx's wherever it has the flag (docs/reference/settings.md §3). */
export interface Flag {
  readonly name: string;
  readonly kind: FlagKind;
  readonly fallback: FlagValue;
  /** Default of `serin serve` where it differs. */
  readonly serveFallback?: FlagValue;
  readonly commands: readonly CommandName[];
  readonly doc: string;
  /**
   * Set on flags that are taken so that an existing Deployment starts, and then named in the log: `inert` ones have
   * nothing to set in Serin, `pending` ones ask for something Serin does not do yet.
   */
  readonly unused?: 'inert' | 'pending';
}

const BOTH: readonly CommandName[] = ['serve', 'controller'];
const CLUSTER: readonly CommandName[] = ['controller'];
const FILES: readonly CommandName[] = ['serve'];
const CERTGEN: readonly CommandName[] = ['certgen'];
const RBAC: readonly CommandName[] = ['rbac'];
const CHECK: readonly CommandName[] = ['check'];
const ALL: readonly CommandName[] = ['serve', 'controller', 'check', 'certgen'];
const API: readonly CommandName[] = ['controller', 'check', 'certgen'];

type Row = readonly [
  name: string,
  kind: FlagKind,
  fallback: FlagValue,
  commands: readonly CommandName[],
  doc: string,
  more?: { readonly serveFallback?: FlagValue; readonly unused?: 'inert' | 'pending' },
];

const inert = { unused: 'inert' } as const;
const pending = { unused: 'pending' } as const;

const NO_NATIVE_HISTOGRAMS =
  'Histograms have the buckets of the flags above; native ones are in no text format.';

const ROWS: readonly Row[] = [
  // What serve alone has.
  [
    'manifests',
    'list',
    [],
    FILES,
    'YAML files and folders to serve; may be repeated, and positional arguments count too.',
  ],
  ['example', 'boolean', false, FILES, 'Serve the embedded example: the walk-through with its backends.'],

  // What check alone has.
  ['output', 'string', 'text', CHECK, 'Form of the report: `text`, `json`, `markdown` or `sarif`.'],
  [
    'fail-on',
    'string',
    'error',
    CHECK,
    'What makes the exit code 1: `error`, `warning` (or an error) or `never`.',
  ],
  ['explain', 'string', '', CHECK, 'Say what a code of the report means, and end.'],

  // Listeners and process.
  ['listen', 'string', '', BOTH, 'Address to listen on; empty is all, IPv4 and IPv6.'],
  ['http-port', 'integer', 80, BOTH, 'Port for HTTP.', { serveFallback: 8080 }],
  ['https-port', 'integer', 443, BOTH, 'Port for HTTPS.', { serveFallback: 8443 }],
  ['healthz-port', 'integer', 10254, BOTH, 'Port for /healthz, /readyz and /metrics.'],
  ['healthz-host', 'string', '', BOTH, 'Address for the health port; empty is all.'],
  [
    'admin-token-file',
    'string',
    '',
    BOTH,
    'File with a bearer token that opens /api/ on the health port to others than loopback; it is followed.',
  ],
  [
    'health-check-path',
    'string',
    '/healthz',
    BOTH,
    'Path of the health check, on the health port and on the catch-all host.',
  ],
  ['workers', 'integer', 0, BOTH, 'Worker threads; 0 takes the CPU quota, rounded up.'],
  [
    'request-body-memory',
    'string',
    '64m',
    BOTH,
    'Memory in which one worker may hold request bodies; one client address may use a quarter of it.',
  ],
  [
    'request-body-spool',
    'string',
    '4g',
    BOTH,
    'Disk space for request bodies that find no room in memory, for all workers together; one client address may use half of it; 0 is none.',
  ],
  [
    'request-body-directory',
    'string',
    '',
    BOTH,
    'Folder for the temporary files of request bodies; empty is the folder of the system ($TMPDIR, else /tmp).',
  ],
  ['shutdown-grace-period', 'seconds', 0, BOTH, 'Seconds to go on accepting after SIGTERM, unready.'],
  [
    'post-shutdown-grace-period',
    'seconds',
    10,
    BOTH,
    'Seconds to wait after the drain before the process ends.',
    { serveFallback: 0 },
  ],

  // What is served.
  ['configmap', 'string', '', BOTH, 'namespace/name of the ConfigMap with the settings.'],
  ['tcp-services-configmap', 'string', '', BOTH, 'namespace/name of the ConfigMap with TCP services.'],
  ['udp-services-configmap', 'string', '', BOTH, 'namespace/name of the ConfigMap with UDP services.'],
  ['enable-ssl-passthrough', 'boolean', false, BOTH, 'Honour the annotation ssl-passthrough.'],
  [
    'ingress-class',
    'string',
    'nginx',
    BOTH,
    'Value of the annotation kubernetes.io/ingress.class that is served.',
  ],
  [
    'controller-class',
    'string',
    'k8s.io/ingress-nginx',
    BOTH,
    'spec.controller of the IngressClasses that are served.',
  ],
  [
    'ingress-class-by-name',
    'boolean',
    false,
    BOTH,
    'Serve the IngressClass named by --ingress-class whatever its controller.',
  ],
  ['watch-ingress-without-class', 'boolean', false, BOTH, 'Serve Ingresses that name no class.'],
  ['watch-namespace', 'string', '', BOTH, 'The one namespace to read; empty is all.'],
  [
    'watch-namespace-selector',
    'string',
    '',
    BOTH,
    'Label selector of the namespaces whose Ingresses are served.',
  ],
  [
    'default-backend-service',
    'string',
    '',
    BOTH,
    'namespace/name of the Service for unmatched requests; without it a built-in 404 answers.',
  ],
  [
    'default-ssl-certificate',
    'string',
    '',
    BOTH,
    'namespace/name of the Secret with the default certificate.',
  ],
  ['disable-catch-all', 'boolean', false, BOTH, 'Ignore Ingresses that have spec.defaultBackend.'],
  ['disable-svc-external-name', 'boolean', false, BOTH, 'Answer 503 for Services of type ExternalName.'],
  [
    'annotations-prefix',
    'string',
    'nginx.ingress.kubernetes.io',
    BOTH,
    'Prefix of the annotations that are read.',
  ],
  [
    'enable-annotation-validation',
    'boolean',
    true,
    BOTH,
    '`false`: the characters of texts that are only filled in and sent (rewrite-target, x-forwarded-prefix, upstream-vhost, app-root, redirects, upstream-hash-by) are not judged. What has to be understood is.',
  ],
  [
    'deep-inspect',
    'boolean',
    true,
    BOTH,
    'Refuse Ingresses whose hosts or paths look like injected configuration.',
  ],
  [
    'canary-scope',
    'string',
    'route',
    BOTH,
    "Where a canary applies: `route` (its host and path) or `upstream` (every route of the same Service port, ingress-nginx's leak).",
  ],
  [
    'host-ownership',
    'string',
    'none',
    BOTH,
    'Who may say something of a host: `none` (every namespace, as with ingress-nginx) or `namespace` (the one that was first on it).',
  ],

  // Metrics and logs.
  [
    'enable-metrics',
    'boolean',
    true,
    BOTH,
    'Serve more metrics on the health port than those of the process as such. (ingress-nginx: off.)',
  ],
  [
    'exclude-socket-metrics',
    'list',
    [],
    BOTH,
    'Traffic metrics that are not served, by name, with the prefix nginx_ingress_controller_ or without.',
  ],
  ['metrics-per-host', 'boolean', true, BOTH, 'Label metrics with the host.'],
  [
    'report-status-classes',
    'boolean',
    false,
    BOTH,
    'Label metrics with the class of the status: `2xx` in place of 200.',
  ],
  [
    'time-buckets',
    'list',
    DEFAULT_METRICS_OPTIONS.timeBuckets.map(String),
    BOTH,
    'Upper bounds of the histograms of times, in seconds, ascending.',
  ],
  [
    'length-buckets',
    'list',
    DEFAULT_METRICS_OPTIONS.lengthBuckets.map(String),
    BOTH,
    'Upper bounds of request_size and response_size, in bytes, ascending.',
  ],
  [
    'size-buckets',
    'list',
    DEFAULT_METRICS_OPTIONS.sizeBuckets.map(String),
    BOTH,
    'Upper bounds of bytes_sent, in bytes, ascending.',
  ],
  ['metrics-per-undefined-host', 'boolean', false, BOTH, 'Count requests to hosts that are not configured.'],
  ['v', 'integer', 2, ALL, 'Verbosity of the control log; 3 and more is debug.'],

  ['log-format', 'string', 'text', ALL, 'Form of the control log on standard error: `text` or `json`.'],

  // Cluster.
  [
    'kubeconfig',
    'string',
    '',
    API,
    'Path of a kubeconfig; default $KUBECONFIG, else the in-cluster account.',
  ],
  ['apiserver-host', 'string', '', API, "URL of the API server, in place of the kubeconfig's."],
  ['certificate-authority', 'string', '', API, 'CA file for --apiserver-host.'],
  [
    'election-id',
    'string',
    'ingress-controller-leader',
    CLUSTER,
    'Name of the Lease of the leader election.',
  ],
  [
    'election-ttl',
    'seconds',
    15,
    CLUSTER,
    'Duration of the Lease, and about how long nobody leads when a leader is gone without a word; 0 and less is 30 s, and what is shorter than 1 s is 1 s.',
  ],
  ['disable-leader-election', 'boolean', false, CLUSTER, 'Act as leader without a Lease.'],
  [
    'publish-service',
    'string',
    '',
    CLUSTER,
    'namespace/name of the Service whose address goes into Ingress status.',
  ],
  ['publish-status-address', 'string', '', CLUSTER, 'Comma-separated addresses for Ingress status.'],
  [
    'report-node-internal-ip-address',
    'boolean',
    false,
    CLUSTER,
    'Put the internal addresses of the nodes into Ingress status.',
  ],
  ['update-status', 'boolean', true, CLUSTER, 'Write Ingress status.'],
  [
    'update-status-on-shutdown',
    'boolean',
    true,
    CLUSTER,
    'Take Ingress status back on a clean exit of the last replica.',
  ],
  ['status-update-interval', 'integer', 60, CLUSTER, 'Seconds between checks of Ingress status; at least 5.'],
  ['disable-sync-events', 'boolean', false, CLUSTER, 'Write no Sync Events.'],

  // Taken, with nothing to set here.
  ['sync-rate-limit', 'number', 0.3, CLUSTER, 'Serin applies changes at once.', inert],
  ['sync-period', 'seconds', 0, CLUSTER, 'Serin needs no periodic resync.', inert],
  ['ssl-passthrough-proxy-port', 'integer', 442, CLUSTER, 'Serin has no internal TLS listener.', inert],
  ['default-server-port', 'integer', 8181, CLUSTER, 'The built-in 404 needs no port of its own.', inert],
  ['status-port', 'integer', 10246, CLUSTER, 'There is no nginx to ask.', inert],
  ['stream-port', 'integer', 10247, CLUSTER, 'There is no nginx to configure.', inert],
  ['health-check-timeout', 'integer', 10, CLUSTER, 'The health check asks nobody else.', inert],
  ['profiling', 'boolean', true, CLUSTER, 'Node has its own profiler (--cpu-prof).', inert],
  ['profiler-port', 'integer', 10245, CLUSTER, 'Node has its own profiler.', inert],
  ['profiler-address', 'string', '127.0.0.1', CLUSTER, 'Node has its own profiler.', inert],
  [
    'monitor-max-batch-size',
    'integer',
    10000,
    CLUSTER,
    'Metrics are counted in shared memory, without batches.',
    inert,
  ],
  [
    'dynamic-configuration-retries',
    'integer',
    15,
    CLUSTER,
    'There is no second process to configure.',
    inert,
  ],
  ['internal-logger-address', 'string', '127.0.0.1:11514', CLUSTER, 'There is no chroot to log from.', inert],
  ['disable-full-test', 'boolean', false, CLUSTER, 'There is no configuration text to test.', inert],

  // The admission webhook.
  ['validating-webhook', 'string', '', CLUSTER, 'Address of the admission webhook.'],
  ['validating-webhook-certificate', 'string', '', CLUSTER, 'Certificate file of the webhook.'],
  ['validating-webhook-key', 'string', '', CLUSTER, 'Key file of the webhook.'],
  [
    'host',
    'list',
    ['ingress-nginx-controller-admission', 'ingress-nginx-controller-admission.ingress-nginx.svc'],
    CERTGEN,
    "Names that the certificate is for: those of the webhook's Service.",
  ],
  [
    'namespace',
    'string',
    'ingress-nginx',
    ['rbac', 'certgen'],
    'Namespace of the controller, and of the Secret with the certificate.',
  ],
  ['service-account', 'string', 'ingress-nginx', RBAC, 'Account that the roles are for, and their name.'],
  [
    'cluster-roles',
    'boolean',
    true,
    RBAC,
    'With --watch-namespace: have a cluster role, too, for what belongs to no namespace (IngressClasses, nodes).',
  ],
  [
    'secret-name',
    'string',
    'ingress-nginx-admission',
    CERTGEN,
    'Secret that holds the certificate: keys `ca`, `cert` and `key`.',
  ],
  [
    'webhook-name',
    'string',
    'ingress-nginx-admission',
    CERTGEN,
    'ValidatingWebhookConfiguration that is told the CA; empty: none.',
  ],
  [
    'patch-failure-policy',
    'string',
    '',
    CERTGEN,
    'failurePolicy for it: `Fail` or `Ignore`; empty: as it is.',
  ],

  [
    'enable-topology-aware-routing',
    'boolean',
    false,
    CLUSTER,
    'Prefer endpoints that are hinted for the zone of the own node, where the Service asks for it (topology-mode, trafficDistribution).',
  ],

  // Asked for, not done yet.
  [
    'enable-ssl-chain-completion',
    'boolean',
    false,
    CLUSTER,
    'Fetching of intermediate certificates.',
    pending,
  ],
  ['maxmind-mirror', 'string', '', CLUSTER, 'GeoIP.', pending],
  ['maxmind-license-key', 'string', '', CLUSTER, 'GeoIP.', pending],
  ['maxmind-edition-ids', 'string', 'GeoLite2-City,GeoLite2-ASN', CLUSTER, 'GeoIP.', pending],
  ['maxmind-retries-count', 'integer', 1, CLUSTER, 'GeoIP.', pending],
  ['maxmind-retries-timeout', 'seconds', 0, CLUSTER, 'GeoIP.', pending],

  ['bucket-factor', 'number', 0, BOTH, NO_NATIVE_HISTOGRAMS, inert],
  ['max-buckets', 'integer', 100, BOTH, NO_NATIVE_HISTOGRAMS, inert],

  // klog.
  ['logtostderr', 'boolean', true, CLUSTER, 'The control log goes to stderr.', inert],
  ['alsologtostderr', 'boolean', false, CLUSTER, 'The control log goes to stderr.', inert],
  ['alsologtostderrthreshold', 'string', '', CLUSTER, 'The control log goes to stderr.', inert],
  ['legacy_stderr_threshold_behavior', 'boolean', true, CLUSTER, 'The control log goes to stderr.', inert],
  ['stderrthreshold', 'string', '2', CLUSTER, 'The control log goes to stderr.', inert],
  ['vmodule', 'string', '', CLUSTER, 'Verbosity is one number.', inert],
  ['log_file', 'string', '', CLUSTER, 'The control log goes to stderr.', inert],
  ['log_file_max_size', 'integer', 1800, CLUSTER, 'The control log goes to stderr.', inert],
  ['log_dir', 'string', '', CLUSTER, 'The control log goes to stderr.', inert],
  ['log_backtrace_at', 'string', '', CLUSTER, 'The control log goes to stderr.', inert],
  ['add_dir_header', 'boolean', false, CLUSTER, 'The control log has no file headers.', inert],
  ['skip_headers', 'boolean', false, CLUSTER, 'The control log has no file headers.', inert],
  ['skip_log_headers', 'boolean', false, CLUSTER, 'The control log has no file headers.', inert],
  ['one_output', 'boolean', false, CLUSTER, 'The control log goes to stderr.', inert],
];

/** THE flag table: it makes --help, the docs and the parser. */
export const FLAGS: readonly Flag[] = ROWS.map(([name, kind, fallback, commands, doc, more]) => ({
  name,
  kind,
  fallback,
  commands,
  doc,
  ...more,
}));

/** Whether a flag says something to a command. */
export function isMeantFor(flag: Flag, command: CommandName): boolean {
  return flag.commands.includes(command);
}

/** Whether a command may be given a flag: serve and check take the controller's too, so that the same arguments do for all. */
export function isTakenBy(flag: Flag, command: CommandName): boolean {
  return isMeantFor(flag, command) || (command !== 'certgen' && isMeantFor(flag, 'controller'));
}

/** Default of a flag for a command. */
export function fallbackOf(flag: Flag, command: CommandName): FlagValue {
  return command === 'serve' && flag.serveFallback !== undefined ? flag.serveFallback : flag.fallback;
}
