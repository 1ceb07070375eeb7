import { collectDefaultMetrics, Registry } from 'prom-client';
import { createControlMetrics } from './control-metrics.ts';
import type { ControlMetrics } from './control-metrics.ts';
import { DEFAULT_METRICS_OPTIONS } from './metrics-layout.ts';
import type { MetricsOptions } from './metrics-layout.ts';
import { writeSeries } from './metrics-text.ts';
import { createMetricsTotals } from './metrics-totals.ts';
import { registerProcessMetrics } from './process-metrics.ts';

export interface MetricsRegistryOptions {
  readonly controllerClass: string;
  readonly controllerNamespace: string;
  readonly controllerPod: string;
  readonly build: { readonly release: string; readonly build: string; readonly repository: string };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whether traffic is reported (--enable-metrics); process metrics always are. */
  readonly isTrafficReported: boolean;
  /** Whether to report the event loop, heap and GC of this process; it keeps observers for that until the process ends. */
  readonly isRuntimeReported: boolean;
  readonly traffic?: MetricsOptions;
}

/** Main thread's side of /metrics: the workers' counters, summed when scraped, and the control plane's own. */
export interface MetricsRegistry {
  readonly control: ControlMetrics;
  /** Buffer for a life of a worker (SupervisorDeps.metricsFor); what its last life counted is kept. */
  bufferFor(workerIndex: number): SharedArrayBuffer;
  /** Takes in a `series` message of a worker. */
  addSeries(workerIndex: number, slot: number, labels: readonly string[]): void;
  /** Reports from now on only series of these Ingresses (`namespace/name`), and those of none. */
  retainIngresses(keys: ReadonlySet<string>): void;
  render(): Promise<{ readonly contentType: string; readonly text: string }>;
}

const NAMESPACE = 3;
const INGRESS = 4;

/** Creates the registry. Nothing is global: every test may have its own. */
export function createMetricsRegistry(options: MetricsRegistryOptions): MetricsRegistry {
  const registry = new Registry();
  const totals = createMetricsTotals(options.traffic ?? DEFAULT_METRICS_OPTIONS);
  const constantLabels = {
    controller_class: options.controllerClass,
    controller_namespace: options.controllerNamespace,
    controller_pod: options.controllerPod,
  };
  const control = createControlMetrics(registry, { constantLabels, build: options.build, now: options.now });
  if (options.isTrafficReported) registerProcessMetrics(registry, totals, constantLabels);
  if (options.isRuntimeReported) collectDefaultMetrics({ register: registry });
  let retained: ReadonlySet<string> | undefined;

  return {
    control,
    bufferFor: (workerIndex) => totals.bufferFor(workerIndex),
    addSeries: (workerIndex, slot, labels) => totals.addSeries(workerIndex, slot, labels),
    retainIngresses(keys) {
      retained = keys;
    },
    async render() {
      const text = await registry.metrics();
      if (!options.isTrafficReported) return { contentType: registry.contentType, text };
      const series = totals
        .series()
        .filter(
          ({ labels }) =>
            retained === undefined ||
            labels[INGRESS] === '' ||
            retained.has(`${labels[NAMESPACE]}/${labels[INGRESS]}`),
        );
      return {
        contentType: registry.contentType,
        text: text + writeSeries(totals.layout, series, constantLabels),
      };
    },
  };
}
