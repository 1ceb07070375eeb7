import { toByteText } from '../../lib/byte-text.ts';
import { parseGoBool } from '../../lib/nginx-values.ts';
import { defineFeature, type Parser } from '../kit/feature.ts';
import { bool, plainText } from '../kit/values.ts';
import { createTracers } from './tracers.ts';
import { createTracingFilter, type TracingRules } from './tracing-filter.ts';

const KEY = {
  on: 'enable-opentelemetry',
  trust: 'opentelemetry-trust-incoming-span',
  name: 'opentelemetry-operation-name',
} as const;

const operationName: Parser<string> = (raw) =>
  /^[A-Za-z0-9_-]*$/.test(raw)
    ? { ok: true, value: raw }
    : { ok: false, problem: 'has characters outside letters, digits and - _' };

/** A span for each request, sent to a collector by OTLP over gRPC (docs/reference/annotations.md §11). */
export const openTelemetry = defineFeature({
  name: 'opentelemetry',
  doc: 'A span for each request, sent to the collector that the ConfigMap names. The upstream gets its `traceparent`.',
  scope: 'route',
  annotations: {
    'enable-opentelemetry': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'enable-opentelemetry',
      fallback: false,
      doc: '`true`: each request is a span.',
    },
    'opentelemetry-trust-incoming-span': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'opentelemetry-trust-incoming-span',
      fallback: true,
      doc: '`false`: a `traceparent` of the client is no parent; it does not go on to the upstream.',
    },
    'opentelemetry-operation-name': {
      parse: operationName,
      parseUnchecked: plainText,
      risk: 'medium',
      onInvalid: 'drop',
      doc: 'Name of the spans; without it that of the ConfigMap, else the path of the route.',
    },
  },
  configMapKeys: {
    [KEY.name]: 'Name of the spans of all routes; may contain $variables. Without it the path of the route.',
  },
  vain: [
    {
      of: ['opentelemetry-trust-incoming-span', 'opentelemetry-operation-name'],
      problem: 'counts only together with enable-opentelemetry',
      consequence: 'no span is made by it',
      holds: (_, place) => parseGoBool(place.text(KEY.on) ?? '') !== true,
    },
    {
      of: ['enable-opentelemetry'],
      problem: 'counts only together with the ConfigMap key otlp-collector-host',
      consequence: 'no span is made',
      holds: (values, place) =>
        values['enable-opentelemetry'] === true && place.setting('otlp-collector-host') === undefined,
    },
  ],
  translate: (values, context): TracingRules | undefined => {
    if (values[KEY.on] !== true) return undefined;
    // The other annotations count only beside this one.
    const isOwn = context.has(KEY.on);
    const isTrustedByAll = parseGoBool(context.setting(KEY.trust) ?? '') ?? true;
    const ownName = isOwn ? values[KEY.name] : undefined;
    return {
      operationName: toByteText(ownName || (context.setting(KEY.name) ?? '')),
      isIncomingTrusted: isOwn ? (values[KEY.trust] ?? true) : isTrustedByAll,
    };
  },
  createFilter: ({ isIncomingTrusted, operationName: name }, { ofWorker, settings, slot }) => {
    if (settings.tracing.collectorHost === '') return undefined;
    const rules = { operationName: name || '$location_path', isIncomingTrusted };
    return createTracingFilter(rules, ofWorker(createTracers).of(settings.tracing), slot());
  },
});
