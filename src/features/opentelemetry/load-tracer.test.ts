import { InMemorySpanExporter } from '@opentelemetry/sdk-trace';
import { expect, test } from 'vitest';
import { DEFAULT_TRACING, type TracingSettings } from '../../table/tracing.ts';
import { loadTracer } from './load-tracer.ts';

const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331';

/** What is exported of one span, and the lines that the next hop gets. */
async function spanOf(settings: Partial<TracingSettings>, headers: Record<string, string> | undefined) {
  const exporter = new InMemorySpanExporter();
  const exported: string[] = [];
  exporter.shutdown = async () => {
    for (const span of exporter.getFinishedSpans())
      exported.push(
        `${span.name} ${span.resource.attributes['service.name']} ${span.parentSpanContext?.spanId ?? '-'}`,
      );
  };
  const tracer = await loadTracer({ ...DEFAULT_TRACING, ...settings }, exporter);
  const span = tracer.begin('work', Date.now(), headers === undefined ? undefined : (name) => headers[name]);
  const lines: Record<string, string> = {};
  tracer.propagate(span, (name, value) => (lines[name] = value));
  span.end();
  await tracer.shutdown();
  return { exported, lines };
}

test('a request without trace context is a root span', async () => {
  const { exported, lines } = await spanOf({ serviceName: 'edge' }, {});
  expect(exported).toEqual(['work edge -']);
  expect(lines).toEqual({ traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/) });
});

test('one with it is a child, and the next hop gets the trace’s id with the span’s', async () => {
  const { exported, lines } = await spanOf({}, { traceparent: `${PARENT}-01`, tracestate: 'a=b' });
  expect(exported).toEqual(['work nginx b7ad6b7169203331']);
  expect(lines['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/);
  expect(lines['traceparent']).not.toContain('b7ad6b7169203331');
  expect(lines['tracestate']).toBe('a=b');
});

test('nothing is read of it when it is not trusted', async () => {
  const { exported, lines } = await spanOf({}, undefined);
  expect(exported).toEqual(['work nginx -']);
  expect(lines['traceparent']).not.toContain('0af7651916cd43dd8448eb211c80319c');
});

const sampled: [name: string, settings: Partial<TracingSettings>, flags: string | undefined, want: string][] =
  [
    ['AlwaysOff takes none', { sampler: 'AlwaysOff' }, undefined, '00'],
    ['a parent that is taken goes before it', { sampler: 'AlwaysOff' }, '01', '01'],
    ['a parent that is not goes before AlwaysOn', {}, '00', '00'],
    ['unless parents are not heeded', { isParentHeeded: false }, '00', '01'],
    ['a ratio of 0 takes none', { sampler: 'TraceIdRatioBased', samplerRatio: 0 }, undefined, '00'],
    ['a ratio of 1 takes all', { sampler: 'TraceIdRatioBased', samplerRatio: 1 }, undefined, '01'],
  ];
for (const [name, settings, flags, want] of sampled) {
  test(name, async () => {
    const headers: Record<string, string> = flags === undefined ? {} : { traceparent: `${PARENT}-${flags}` };
    const { exported, lines } = await spanOf(settings, headers);
    expect(lines['traceparent']!.slice(-2)).toBe(want);
    expect(exported.length).toBe(want === '01' ? 1 : 0);
  });
}
