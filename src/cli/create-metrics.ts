import { createMetricsRegistry, type MetricsRegistry } from '../observe/metrics.ts';
import type { FlagReader } from './args.ts';
import { versionOf } from './version.ts';

/** The metrics of a process, with the labels that ingress-nginx gives all of its own. */
export function createMetrics(
  flags: FlagReader,
  entry: URL,
  identity: { readonly namespace: string; readonly pod: string },
): MetricsRegistry {
  return createMetricsRegistry({
    controllerClass: flags.string('controller-class'),
    controllerNamespace: identity.namespace,
    controllerPod: identity.pod,
    build: { release: versionOf(entry), build: `node-${process.version}`, repository: 'serin' },
    now: Date.now,
    isTrafficReported: flags.boolean('enable-metrics'),
    isRuntimeReported: true,
  });
}
