import { isIPv6 } from 'node:net';
import type { Context, Span, Tracer } from '@opentelemetry/api';
import type { Sampler, SpanExporter } from '@opentelemetry/sdk-trace';
import type { FilterContext } from '../kit/filter.ts';

export type TracingSettings = FilterContext['settings']['tracing'];

/** Reads a header of trace context. */
export type ContextReader = (lowerName: string) => string | undefined;

export interface LoadedTracer {
  /** Begins the span of a request, as the child of what the header lines say. Times in ms since 1970. */
  begin(name: string, startedAtMs: number, read: ContextReader | undefined): Span;
  /** Header lines that tell the next hop of a span. */
  propagate(span: Span, write: (name: string, value: string) => void): void;
  fail(span: Span): void;
  /** Sends what there is and ends. Rejects when that fails. */
  shutdown(): Promise<void>;
}

/** Characters of a value; a request's target and user agent are the client's to choose. */
const MAX_VALUE_LENGTH = 2_048;
/** A span that is not out by then is lost. */
const EXPORT_TIMEOUT_MS = 10_000;

type Sdk = typeof import('@opentelemetry/sdk-trace');

/** Loads OpenTelemetry and makes a tracer; `exporter` takes the place of OTLP over gRPC. */
export async function loadTracer(settings: TracingSettings, exporter?: SpanExporter): Promise<LoadedTracer> {
  const [api, core, resources, sdk] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace'),
  ]);
  const { maxBatchSize, maxQueueSize, scheduleDelayMs, serviceName } = settings;
  const provider = new sdk.TracerProvider({
    resource: resources
      .defaultResource()
      .merge(resources.resourceFromAttributes({ 'service.name': serviceName })),
    sampler: samplerOf(settings, sdk),
    spanLimits: { attributeValueLengthLimit: MAX_VALUE_LENGTH },
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: exporter ?? (await createExporter(settings)),
        maxQueueSize,
        maxExportBatchSize: Math.min(maxBatchSize, maxQueueSize),
        scheduledDelayMillis: scheduleDelayMs,
        exportTimeoutMillis: EXPORT_TIMEOUT_MS,
      }),
    ],
  });
  const tracer: Tracer = provider.getTracer('serin');
  const propagator = new core.W3CTraceContextPropagator();
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } = api;
  const getter = { get: (read: ContextReader, name: string) => read(name), keys: () => [] };
  const parentOf = (read: ContextReader | undefined): Context =>
    read === undefined ? ROOT_CONTEXT : propagator.extract(ROOT_CONTEXT, read, getter);
  return {
    begin: (name, startedAtMs, read) =>
      tracer.startSpan(name, { kind: SpanKind.SERVER, startTime: startedAtMs }, parentOf(read)),
    propagate: (span, write) =>
      propagator.inject(trace.setSpan(ROOT_CONTEXT, span), write, {
        set: (into, name, value) => into(name, value),
      }),
    fail: (span) => void span.setStatus({ code: SpanStatusCode.ERROR }),
    shutdown: () => provider.shutdown(),
  };
}

async function createExporter({ collectorHost, collectorPort }: TracingSettings): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-grpc');
  const host = isIPv6(collectorHost) ? `[${collectorHost}]` : collectorHost;
  return new OTLPTraceExporter({ url: `http://${host}:${collectorPort}`, timeoutMillis: EXPORT_TIMEOUT_MS });
}

function samplerOf({ isParentHeeded, sampler, samplerRatio }: TracingSettings, sdk: Sdk): Sampler {
  const root = {
    AlwaysOn: () => new sdk.AlwaysOnSampler(),
    AlwaysOff: () => new sdk.AlwaysOffSampler(),
    TraceIdRatioBased: () => new sdk.TraceIdRatioBasedSampler(samplerRatio),
  }[sampler]();
  return isParentHeeded ? new sdk.ParentBasedSampler({ root }) : root;
}
