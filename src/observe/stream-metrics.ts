import { Counter, Gauge, type Registry } from 'prom-client';
import type { MetricsTotals, StreamTotals } from './metrics-totals.ts';

type Labelled = readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[];

/** Registers what is counted of TCP and UDP services and of TLS that is passed through; lines of a kind come with its first session. */
export function registerStreamMetrics(
  registry: Registry,
  totals: MetricsTotals,
  constantLabels: Readonly<Record<string, string>>,
): void {
  const names = Object.keys(constantLabels);
  const registers: never[] = [];
  const read = (valuesOf: (one: StreamTotals) => Labelled): Labelled =>
    totals
      .streams()
      .filter(({ open, succeeded, failed }) => open + succeeded + failed > 0)
      .flatMap((one) =>
        valuesOf(one).map(
          ([labels, value]) => [{ ...constantLabels, kind: one.kind, ...labels }, value] as const,
        ),
      );
  const counter = (
    name: string,
    help: string,
    labels: readonly string[],
    valuesOf: (one: StreamTotals) => Labelled,
  ): void => {
    registry.registerMetric(
      new Counter({
        name,
        help,
        labelNames: [...names, 'kind', ...labels],
        registers,
        collect() {
          this.reset();
          for (const [labelled, value] of read(valuesOf)) this.inc(labelled, value);
        },
      }),
    );
  };
  counter(
    'serin_stream_sessions_total',
    'number of sessions of TCP and UDP services and of TLS passthrough that are over, by outcome {ok, failed}',
    ['outcome'],
    ({ succeeded, failed }) => [
      [{ outcome: 'ok' }, succeeded],
      [{ outcome: 'failed' }, failed],
    ],
  );
  counter(
    'serin_stream_bytes_total',
    'number of bytes that those sessions carried, {received} from clients and {sent} to them',
    ['direction'],
    ({ bytesReceived, bytesSent }) => [
      [{ direction: 'received' }, bytesReceived],
      [{ direction: 'sent' }, bytesSent],
    ],
  );
  counter(
    'serin_stream_evicted_total',
    'number of sessions that were ended to make room for others',
    [],
    ({ evicted }) => [[{}, evicted]],
  );
  registry.registerMetric(
    new Gauge({
      name: 'serin_stream_sessions',
      help: 'number of sessions of TCP and UDP services and of TLS passthrough now',
      labelNames: [...names, 'kind'],
      registers,
      collect() {
        for (const [labels, value] of read(({ open }) => [[{}, open]])) this.set(labels, value);
      },
    }),
  );
}
