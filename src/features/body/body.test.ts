import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { body } from './body.ts';

const DEFAULTS = {
  maxBodyBytes: 1_048_576,
  isRequestBuffered: true,
  maxResponseHeadBytes: 4_096,
  upstreamHttpMinor: 1,
};

const cases: [name: string, annotations: Record<string, string>, want: object][] = [
  ['nothing set', {}, {}],
  ['a size with a unit', { 'proxy-body-size': '8M' }, { maxBodyBytes: 8_388_608 }],
  ['0 is unlimited', { 'proxy-body-size': '0' }, { maxBodyBytes: 0 }],
  ['streaming', { 'proxy-request-buffering': 'off' }, { isRequestBuffered: false }],
  ['a larger response head', { 'proxy-buffer-size': '16k' }, { maxResponseHeadBytes: 16_384 }],
  ['HTTP/1.0', { 'proxy-http-version': '1.0' }, { upstreamHttpMinor: 0 }],
  ['a forced Connection', { 'connection-proxy-header': 'keep-alive' }, { connectionHeader: 'keep-alive' }],
];
for (const [name, annotations, want] of cases) {
  test(name, () => expect(translateWith(body, annotations).policy).toEqual({ ...DEFAULTS, ...want }));
}

const refused: [annotations: Record<string, string>, refusal: string][] = [
  [{ 'proxy-body-size': '8mb' }, 'proxy-body-size is not a size such as 8k or 1m: default'],
  [{ 'proxy-request-buffering': 'true' }, 'proxy-request-buffering is neither on nor off: default'],
  [{ 'proxy-http-version': '2' }, 'proxy-http-version is not one of 1.0, 1.1: default'],
  [{ 'connection-proxy-header': 'upgrade' }, 'connection-proxy-header is not one of close, keep-alive: drop'],
  [{ 'client-body-buffer-size': 'x' }, 'client-body-buffer-size is not a size such as 8k or 1m: drop'],
];
for (const [annotations, refusal] of refused) {
  test(refusal, () =>
    expect(translateWith(body, annotations)).toMatchObject({ policy: DEFAULTS, refused: [refusal] }),
  );
}

test('the ConfigMap gives the default', () => {
  const settings = { 'proxy-body-size': '20m' };
  expect(translateWith(body, {}, { settings }).policy?.maxBodyBytes).toBe(20_971_520);
  expect(translateWith(body, { 'proxy-body-size': '1k' }, { settings }).policy?.maxBodyBytes).toBe(1_024);
});

test('a unit that ingress-nginx lets pass does not cost the Ingress', () => {
  expect(translateWith(body, { 'client-body-buffer-size': '8B' }).refused).toEqual([]);
});
