import { isHost } from '../../lib/address-text.ts';
import { parseGoFloat } from '../../lib/go-values.ts';
import { parseGoBool } from '../../lib/nginx-values.ts';
import type { TracingSettings } from '../../table/tracing.ts';
import { parsed, within } from './apply-parsed.ts';
import type { ApplyKey } from './draft.ts';

const SAMPLERS = ['AlwaysOn', 'AlwaysOff', 'TraceIdRatioBased'] as const;
/** Spans of one worker; each is a few KB. */
const MAX_QUEUE = 65_536;
const MAX_DELAY_MS = 3_600_000;
const MAX_NAME = 255;

const traced = <K extends keyof TracingSettings>(
  key: K,
  read: (text: string) => TracingSettings[K] | undefined,
  what: string,
): ApplyKey => parsed(read, what, (draft, value) => (draft.tracing = { ...draft.tracing, [key]: value }));

const serviceName: ApplyKey = (draft, value) => {
  if (value === '') return 'is not a name';
  draft.tracing = { ...draft.tracing, serviceName: value.slice(0, MAX_NAME) };
  if (value.length <= MAX_NAME) return undefined;
  const consequence = `spans name the first ${MAX_NAME} of them`;
  return { problem: `has more than ${MAX_NAME} characters`, consequence };
};

/** ConfigMap keys of tracing, with what each sets. */
export const TRACING_KEYS: Readonly<Record<string, ApplyKey>> = {
  'otlp-collector-host': traced(
    'collectorHost',
    (text) => (isHost(text) ? text : undefined),
    'an address or a host name',
  ),
  'otlp-collector-port': traced('collectorPort', within(1, 65_535), 'a port number'),
  'otel-service-name': serviceName,
  'otel-sampler': traced(
    'sampler',
    (text) => SAMPLERS.find((name) => name === text),
    `one of ${SAMPLERS.join(', ')}`,
  ),
  'otel-sampler-ratio': traced('samplerRatio', readRatio, 'a number from 0 to 1'),
  'otel-sampler-parent-based': traced('isParentHeeded', parseGoBool, 'a boolean'),
  'otel-max-queuesize': traced('maxQueueSize', within(1, MAX_QUEUE), `a whole number from 1 to ${MAX_QUEUE}`),
  'otel-schedule-delay-millis': traced(
    'scheduleDelayMs',
    within(1, MAX_DELAY_MS),
    `a number of milliseconds from 1 to ${MAX_DELAY_MS}`,
  ),
  'otel-max-export-batch-size': traced(
    'maxBatchSize',
    within(1, MAX_QUEUE),
    `a whole number from 1 to ${MAX_QUEUE}`,
  ),
};

function readRatio(text: string): number | undefined {
  const value = parseGoFloat(text);
  return value !== undefined && value >= 0 && value <= 1 ? value : undefined;
}
