import { describe, expect, test } from 'vitest';
import { fakeContext, fakeRequest, translateWith } from '../kit/testing.ts';
import { openTelemetry } from './opentelemetry.ts';

const HOST = { 'otlp-collector-host': 'collector.test' };
const translated = (annotations: Record<string, string>, settings: Record<string, string> = HOST) => {
  const { policy, messages, refused } = translateWith(openTelemetry, annotations, { settings });
  return { policy, said: [...messages, ...refused] };
};

describe('what a route’s spans are', () => {
  test('none unless asked for', () => {
    expect(translated({})).toEqual({ policy: undefined, said: [] });
    expect(
      translated({ 'enable-opentelemetry': 'false' }, { ...HOST, 'enable-opentelemetry': 'true' }).policy,
    ).toBeUndefined();
  });

  test('as the annotations say, beside the one that switches it on', () => {
    const annotations = {
      'enable-opentelemetry': 'true',
      'opentelemetry-trust-incoming-span': 'false',
      'opentelemetry-operation-name': 'shop_front-1',
    };
    expect(translated(annotations)).toEqual({
      policy: { operationName: 'shop_front-1', isIncomingTrusted: false },
      said: [],
    });
  });

  test('as the ConfigMap says, whatever else the Ingress has, without it', () => {
    const settings = {
      ...HOST,
      'enable-opentelemetry': 'true',
      'opentelemetry-trust-incoming-span': 'false',
      'opentelemetry-operation-name': 'HTTP $request_method',
    };
    expect(translated({ 'opentelemetry-operation-name': 'mine' }, settings).policy).toEqual({
      operationName: 'HTTP $request_method',
      isIncomingTrusted: false,
    });
    expect(translated({ 'enable-opentelemetry': 'true' }, settings).policy).toEqual({
      operationName: 'HTTP $request_method',
      isIncomingTrusted: false,
    });
  });

  test('a name of other characters refuses the Ingress', () =>
    expect(translateWith(openTelemetry, { 'opentelemetry-operation-name': '$host' }).refused[0]).toMatch(
      /: drop$/,
    ));
});

test('without a collector there is no filter', () => {
  const policy = { operationName: '', isIncomingTrusted: true };
  expect(openTelemetry.createFilter!(policy, fakeContext())).toBeUndefined();
});

test('a request before the library is there has no span, and is served', () => {
  const context = fakeContext();
  const settings = {
    ...context.settings,
    tracing: { ...context.settings.tracing, collectorHost: '127.0.0.1' },
  };
  const filter = openTelemetry.createFilter!(
    { operationName: 'x', isIncomingTrusted: true },
    { ...context, settings },
  )!;
  const request = fakeRequest();
  expect(filter.onRequest!(request)).toBeUndefined();
  filter.onDone!(request, { status: 200, durationMs: 1 });
});
