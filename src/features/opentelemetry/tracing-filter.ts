import type { Span } from '@opentelemetry/api';
import type { VariableSource } from '../../lib/variables/source.ts';
import { compileTemplate } from '../../lib/variables/template.ts';
import type { Filter, RequestView } from '../kit/filter.ts';
import type { Slot } from '../kit/slot.ts';
import type { LoadedTracer } from './load-tracer.ts';
import type { Tracing } from './tracers.ts';

interface Begun {
  readonly span: Span;
  readonly tracing: LoadedTracer;
}

export interface TracingRules {
  /** Name of the spans, with variables. */
  readonly operationName: string;
  /** The client's `traceparent` becomes the parent. */
  readonly isIncomingTrusted: boolean;
}

/** Makes the spans of a route. Attributes have the names that nginx's module gives them. */
export function createTracingFilter(
  { operationName, isIncomingTrusted }: TracingRules,
  tracing: Tracing,
  begun: Slot<Begun>,
): Filter {
  const nameOf = compileTemplate(operationName);
  return {
    onRequest(request) {
      const { tracer } = tracing;
      if (tracer === undefined) return undefined;
      const read = isIncomingTrusted ? (name: string) => request.header(name) : undefined;
      const span = tracer.begin(toText(nameOf(request)), request.startedAtMs, read);
      begun.set(request, { span, tracing: tracer });
      return undefined;
    },
    onUpstreamRequest(head, request) {
      const current = begun.get(request);
      if (current === undefined) return;
      head.remove('tracestate');
      current.tracing.propagate(current.span, (name, value) => head.set(name, value));
    },
    onDone(request, { durationMs, status }) {
      const current = begun.get(request);
      if (current === undefined) return;
      const { span, tracing } = current;
      if (span.isRecording()) {
        span.setAttributes(attributesOf(request));
        span.setAttribute('http.status_code', status);
        if (status >= 500) tracing.fail(span);
      }
      span.end(request.startedAtMs + durationMs);
    },
  };
}

function attributesOf(request: RequestView): Record<string, string | number> {
  const { labels } = request;
  return {
    'http.method': request.method,
    'http.target': toText(request.target),
    'http.flavor': request.requestLine.slice(request.requestLine.lastIndexOf('/') + 1),
    'http.host': toText(request.hostHeader),
    'http.server_name': labels?.host ?? '',
    'http.scheme': request.connectionScheme,
    'http.user_agent': toText(request.header('user-agent') ?? ''),
    'net.host.port': request.localPort,
    'net.peer.ip': request.clientAddress,
    'ingress.namespace': labels?.namespace ?? '',
    'ingress.name': labels?.ingress ?? '',
    'ingress.service_name': labels?.service ?? '',
    'ingress.upstream': request.upstreamName,
    ...upstreamOf(request),
  };
}

function upstreamOf({ attempts }: VariableSource): Record<string, string | number> {
  const last = attempts.at(-1);
  return last === undefined ? {} : { 'upstream.address': last.address, 'upstream.tries': attempts.length };
}

/** Heads have one character per byte. */
function toText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString();
}
