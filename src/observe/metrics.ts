import { setImmediate as nextTurn } from 'node:timers/promises';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { createControlMetrics } from './control-metrics.ts';
import type { ControlMetrics } from './control-metrics.ts';
import { DEFAULT_METRICS_OPTIONS } from './metrics-layout.ts';
import type { MetricsOptions } from './metrics-layout.ts';
import { TrafficText } from './metrics-text.ts';
import { createMetricsTotals, type Series } from './metrics-totals.ts';
import { PieceWriter, type Pieces } from './pieces.ts';
import { registerProcessMetrics } from './process-metrics.ts';
import { writeRows } from './row-family.ts';
import { registerStreamMetrics } from './stream-metrics.ts';

export interface MetricsRegistryOptions {
  readonly controllerClass: string;
  readonly controllerNamespace: string;
  readonly controllerPod: string;
  readonly build: { readonly release: string; readonly build: string; readonly repository: string };
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Whether ingress-nginx's metrics are reported (--enable-metrics); what is known of the process as such always is. */
  readonly areReported: boolean;
  /** Names, without the prefix, of traffic metrics that are not reported (--exclude-socket-metrics). */
  readonly excluded?: ReadonlySet<string>;
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
  /** Takes in a `series-gone` message of a worker. */
  removeSeries(workerIndex: number, slots: readonly number[]): void;
  /** Reports from now on only series of these Ingresses (`namespace/name`), and those of none. */
  retainIngresses(keys: ReadonlySet<string>): void;
  /** All metrics as they are now. `before` is done first, piece by piece as the rest. */
  exposition(before?: Iterable<void>): Promise<Exposition>;
}

/** What a scrape gets. */
export interface Exposition {
  readonly contentType: string;
  readonly pieces: Pieces;
}

/** Creates the registry. Nothing is global: every test may have its own. */
export function createMetricsRegistry(options: MetricsRegistryOptions): MetricsRegistry {
  const runtime = new Registry();
  const registry = new Registry();
  const constantLabels = {
    controller_class: options.controllerClass,
    controller_namespace: options.controllerNamespace,
    controller_pod: options.controllerPod,
  };
  const totals = createMetricsTotals(options.traffic ?? DEFAULT_METRICS_OPTIONS, constantLabels);
  const traffic = new TrafficText(totals, options.excluded ?? new Set());
  const { control, families } = createControlMetrics(registry, {
    constantLabels,
    build: options.build,
    now: options.now,
  });
  registerProcessMetrics(registry, totals, constantLabels);
  registerStreamMetrics(registry, totals, constantLabels);
  if (options.isRuntimeReported) collectDefaultMetrics({ register: runtime });
  let retained: ReadonlySet<string> | undefined;

  function isReported({ ingress }: Series): boolean {
    return retained === undefined || ingress === '' || retained.has(ingress);
  }

  function* write(texts: readonly string[], before: Iterable<void>): Generator<Uint8Array> {
    const out = new PieceWriter();
    // oxlint-disable-next-line no-unused-vars -- what it does is all there is to it
    for (const _ of before) yield out.take();
    for (const text of texts) out.text(text);
    if (options.areReported) {
      for (const family of families) yield* writeRows(out, family);
      yield* traffic.write(out, isReported);
    }
    yield out.take();
  }

  return {
    control,
    bufferFor: (workerIndex) => totals.bufferFor(workerIndex),
    addSeries: (workerIndex, slot, labels) => totals.addSeries(workerIndex, slot, labels),
    removeSeries(workerIndex, slots) {
      totals.removeSeries(workerIndex, slots);
      totals.retain(isReported);
    },
    retainIngresses(keys) {
      retained = keys;
      totals.retain(isReported);
    },
    async exposition(before = []) {
      // Of these there are few, however large a cluster is.
      const ofRuntime = await runtime.metrics();
      await nextTurn();
      const texts = [ofRuntime, options.areReported ? await registry.metrics() : ''];
      return { contentType: registry.contentType, pieces: write(texts, before) };
    },
  };
}
