/** Where spans go, and which (docs/reference/settings.md §2.8). */
export interface TracingSettings {
  /** otlp-collector-host: an address or a host name; empty: nowhere. */
  readonly collectorHost: string;
  readonly collectorPort: number;
  /** otel-service-name. */
  readonly serviceName: string;
  readonly sampler: 'AlwaysOn' | 'AlwaysOff' | 'TraceIdRatioBased';
  /** Share of the traces that TraceIdRatioBased takes, 0 to 1. */
  readonly samplerRatio: number;
  /** The parent's decision goes before the sampler's. */
  readonly isParentHeeded: boolean;
  /** Spans that wait to be sent, of one worker; more are lost. */
  readonly maxQueueSize: number;
  readonly scheduleDelayMs: number;
  readonly maxBatchSize: number;
}

/** ingress-nginx's defaults. */
export const DEFAULT_TRACING: TracingSettings = {
  collectorHost: '',
  collectorPort: 4317,
  serviceName: 'nginx',
  sampler: 'AlwaysOn',
  samplerRatio: 0.01,
  isParentHeeded: true,
  maxQueueSize: 2048,
  scheduleDelayMs: 5000,
  maxBatchSize: 512,
};
