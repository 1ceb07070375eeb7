import { DEFAULT_METRICS_OPTIONS } from '../observe/metrics-layout.ts';
import type { CommandName, Flag, FlagRow, FlagValue } from './flag.ts';
import { UNUSED_ROWS } from './unused-flags.ts';

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

const BOTH: readonly CommandName[] = ['serve', 'controller'];
const CLUSTER: readonly CommandName[] = ['controller'];
const FILES: readonly CommandName[] = ['serve'];
const CERTGEN: readonly CommandName[] = ['certgen'];
const RBAC: readonly CommandName[] = ['rbac'];
const CHECK: readonly CommandName[] = ['check'];
const ALL: readonly CommandName[] = ['serve', 'controller', 'check', 'certgen'];
const API: readonly CommandName[] = ['controller', 'check', 'certgen'];

const ROWS: readonly FlagRow[] = [
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
  [
    'workers',
    'integer',
    0,
    BOTH,
    'Worker threads; 0 takes what worker-processes of the ConfigMap says, else the CPU quota, rounded up.',
  ],
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
  [
    'enable-ssl-chain-completion',
    'boolean',
    false,
    BOTH,
    'Fetch the intermediate certificates that a Secret lacks, from where its certificate says they are.',
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
  [
    'maxmind-edition-ids',
    'string',
    'GeoLite2-City,GeoLite2-ASN',
    BOTH,
    'Databases of addresses that use-geoip2 reads: files of these names, with `.mmdb` behind them.',
  ],
  [
    'geoip-directory',
    'string',
    '/etc/ingress-controller/geoip',
    BOTH,
    'Folder of these files; they are followed.',
  ],
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

  // The admission webhook.
  ['validating-webhook', 'string', '', CLUSTER, 'Address of the admission webhook.'],
  ['validating-webhook-certificate', 'string', '', CLUSTER, 'Certificate file of the webhook.'],
  ['validating-webhook-key', 'string', '', CLUSTER, 'Key file of the webhook.'],
  [
    'validating-webhook-rotation',
    'string',
    'off',
    CLUSTER,
    "Renew the webhook's certificate: `own` if Serin made it or there is none, `all` also if others did; `off` never.",
  ],
  [
    'validating-webhook-secret',
    'string',
    'ingress-nginx-admission',
    CLUSTER,
    "Secret with that certificate, in the controller's namespace; what is in it is shown where no files are named.",
  ],
  [
    'validating-webhook-configuration',
    'string',
    'ingress-nginx-admission',
    CLUSTER,
    'ValidatingWebhookConfiguration that is told its CA; empty: none.',
  ],
  [
    'validating-webhook-host',
    'list',
    [],
    CLUSTER,
    "Names that it is for: those of the webhook's Service; default those of `ingress-nginx-controller-admission`.",
  ],
  [
    'validating-webhook-certificate-life',
    'seconds',
    31_536_000,
    CLUSTER,
    'How long it is to live; it is renewed when two thirds of that are over.',
  ],
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
];

/** THE flag table: it makes --help, the docs and the parser. */
export const FLAGS: readonly Flag[] = [...ROWS, ...UNUSED_ROWS].map(
  ([name, kind, fallback, commands, doc, more]) => ({
    name,
    kind,
    fallback,
    commands,
    doc,
    ...more,
  }),
);

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
