import { isHost } from '../../lib/address-text.ts';
import { parseGoFloat } from '../../lib/go-values.ts';
import { parseGoBool, parseGoInt } from '../../lib/nginx-values.ts';
import type { TracingSettings } from '../../table/tracing.ts';
import type { ApplyKey } from './draft.ts';

const SAMPLERS = ['AlwaysOn', 'AlwaysOff', 'TraceIdRatioBased'] as const;
/** Spans of one worker; each is a few KB. */
const MAX_QUEUE = 65_536;
const MAX_DELAY_MS = 3_600_000;

const set =
  <K extends keyof TracingSettings>(
    key: K,
    read: (text: string) => TracingSettings[K] | undefined,
    what: string,
  ): ApplyKey =>
  (draft, text) => {
    const value = read(text);
    if (value === undefined) return `is not ${what}`;
    draft.tracing = { ...draft.tracing, [key]: value };
    return undefined;
  };

const within = (least: number, most: number) => (text: string) => {
  const value = parseGoInt(text);
  return value === undefined || value < least || value > most ? undefined : value;
};

/** ConfigMap keys of tracing, with what each sets. */
export const TRACING_KEYS: Readonly<Record<string, ApplyKey>> = {
  'otlp-collector-host': set(
    'collectorHost',
    (text) => (isHost(text) ? text : undefined),
    'an address or a host name',
  ),
  'otlp-collector-port': set('collectorPort', within(1, 65_535), 'a port number'),
  'otel-service-name': set('serviceName', (text) => text.slice(0, 255) || undefined, 'a name'),
  'otel-sampler': set(
    'sampler',
    (text) => SAMPLERS.find((name) => name === text),
    `one of ${SAMPLERS.join(', ')}`,
  ),
  'otel-sampler-ratio': set('samplerRatio', readRatio, 'a number from 0 to 1'),
  'otel-sampler-parent-based': set('isParentHeeded', parseGoBool, 'a boolean'),
  'otel-max-queuesize': set('maxQueueSize', within(1, MAX_QUEUE), `a whole number from 1 to ${MAX_QUEUE}`),
  'otel-schedule-delay-millis': set(
    'scheduleDelayMs',
    within(1, MAX_DELAY_MS),
    `a number of milliseconds from 1 to ${MAX_DELAY_MS}`,
  ),
  'otel-max-export-batch-size': set(
    'maxBatchSize',
    within(1, MAX_QUEUE),
    `a whole number from 1 to ${MAX_QUEUE}`,
  ),
};

function readRatio(text: string): number | undefined {
  const value = parseGoFloat(text);
  return value !== undefined && value >= 0 && value <= 1 ? value : undefined;
}
