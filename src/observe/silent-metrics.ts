import type { RouteSeries, StreamCounters, WorkerMetrics } from './sinks.ts';

const nothing = (): void => undefined;
const SERIES: RouteSeries = { observe: nothing };
const STREAMS: StreamCounters = { begun: nothing, ended: nothing, evicted: nothing };

/** Counts nothing: a worker's metrics where none are reported. */
export const SILENT_METRICS: WorkerMetrics = {
  routeSeries: () => SERIES,
  retain: nothing,
  connections: {
    accepted: nothing,
    closed: nothing,
    requested: nothing,
    reading: nothing,
    writing: nothing,
    waiting: nothing,
  },
  wire: { headRefused: nothing, bareLineFeeds: nothing },
  logs: { dropped: nothing },
  streams: () => STREAMS,
  http2: { requested: nothing, ended: nothing },
  copies: { answered: nothing, failed: nothing, dropped: nothing },
};
