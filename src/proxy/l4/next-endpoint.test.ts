import { expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import type { Endpoint, Upstream } from '../upstream/upstream.ts';
import { nextEndpoint } from './next-endpoint.ts';

const endpoints = Array.from({ length: 20 }, (_, i) => ({ key: `${i}` }) as Endpoint);
const upstreamOf = (count: number) =>
  ({
    next: (tried: readonly Endpoint[]) =>
      endpoints.slice(0, count).find((one) => !tried.includes(one)) ?? endpoints[0],
  }) as Upstream;

/** How many endpoints are tried when all refuse, one each `everyMs`. */
function triesOf(count: number, settings: Partial<typeof DEFAULT_SETTINGS.streams>, everyMs = 0): number {
  const tried: Endpoint[] = [];
  for (;;) {
    const all = { ...DEFAULT_SETTINGS.streams, ...settings };
    const endpoint = nextEndpoint(upstreamOf(count), tried, tried.length * everyMs, all);
    if (endpoint === undefined) return tried.length;
    tried.push(endpoint);
  }
}

test('as many are tried as settings say, and each once', () => {
  expect(triesOf(20, {})).toBe(3);
  expect(triesOf(2, {})).toBe(2);
  expect(triesOf(20, { tries: 5 })).toBe(5);
  expect(triesOf(20, { isNextTried: false })).toBe(1);
});

test('no limit is ten', () => {
  expect(triesOf(20, { tries: 0 })).toBe(10);
  expect(triesOf(20, { tries: 15 })).toBe(10);
});

test('none is tried after the time that settings say', () => {
  expect(triesOf(20, { tries: 0, triesTimeoutMs: 1_000 }, 400)).toBe(3);
  expect(triesOf(20, { tries: 0, triesTimeoutMs: 0 }, 400)).toBe(10);
});
