import type { CommandName, FlagRow } from './flag.ts';

const BOTH: readonly CommandName[] = ['serve', 'controller'];
const CLUSTER: readonly CommandName[] = ['controller'];

const inert = { unused: 'inert' } as const;
const refused = { unused: 'refused' } as const;

const NO_NATIVE_HISTOGRAMS =
  'Histograms have the buckets of the flags above; native ones are in no text format.';

const NO_DOWNLOAD =
  'No database is fetched: put the files into the folder of --geoip-directory, and use-geoip2 reads them there.';
const NOTHING_FETCHED = 'No database is fetched, so nothing is tried again.';

/** Flags that are taken so that an existing Deployment starts. */
export const UNUSED_ROWS: readonly FlagRow[] = [
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

  ['bucket-factor', 'number', 0, BOTH, NO_NATIVE_HISTOGRAMS, inert],
  ['max-buckets', 'integer', 100, BOTH, NO_NATIVE_HISTOGRAMS, inert],

  ['maxmind-retries-count', 'integer', 1, CLUSTER, NOTHING_FETCHED, inert],
  ['maxmind-retries-timeout', 'seconds', 0, CLUSTER, NOTHING_FETCHED, inert],

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

  // Refused by name.
  ['maxmind-mirror', 'string', '', CLUSTER, NO_DOWNLOAD, refused],
  ['maxmind-license-key', 'string', '', CLUSTER, NO_DOWNLOAD, refused],
];
