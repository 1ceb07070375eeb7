import { createMetricsRegistry, type MetricsRegistry } from '../observe/metrics.ts';
import { HISTOGRAMS } from '../observe/metrics-layout.ts';
import { METRIC_PREFIX } from '../observe/metrics-text.ts';
import type { ControlLog } from '../observe/log.ts';
import type { FlagReader } from './args.ts';
import { metricsOptionsOf } from './metrics-options.ts';
import { versionOf } from './version.ts';

const SOCKET_METRICS: ReadonlySet<string> = new Set(['requests', ...HISTOGRAMS.map(({ name }) => name)]);

/** The metrics of a process, with the labels that ingress-nginx gives all of its own. Throws UsageError. */
export function createMetrics(
  flags: FlagReader,
  log: ControlLog,
  entry: URL,
  identity: { readonly namespace: string; readonly pod: string },
): MetricsRegistry {
  return createMetricsRegistry({
    controllerClass: flags.string('controller-class'),
    controllerNamespace: identity.namespace,
    controllerPod: identity.pod,
    build: { release: versionOf(entry), build: `node-${process.version}`, repository: 'serin' },
    now: Date.now,
    areReported: flags.boolean('enable-metrics'),
    excluded: excludedOf(flags.list('exclude-socket-metrics'), log),
    isRuntimeReported: true,
    traffic: metricsOptionsOf(flags),
  });
}

/** Names with the prefix or without, as ingress-nginx takes them. */
function excludedOf(names: readonly string[], log: ControlLog): ReadonlySet<string> {
  const plain = names.map((name) =>
    name.startsWith(METRIC_PREFIX) ? name.slice(METRIC_PREFIX.length) : name,
  );
  for (const name of plain) {
    if (!SOCKET_METRICS.has(name))
      log.warn({ name }, '--exclude-socket-metrics names a metric that there is not');
  }
  return new Set(plain);
}
