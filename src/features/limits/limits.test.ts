import { describe, expect, test } from 'vitest';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../table/settings.ts';
import type { Filter } from '../kit/filter.ts';
import { fakeContext, fakeCounters, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { limits } from './limits.ts';

const translate = (annotations: Record<string, string>) => translateWith(limits, annotations);

describe('values', () => {
  const cases: [name: string, annotations: Record<string, string>, policy: object | undefined][] = [
    ['none', {}, undefined],
    ['all off', { 'limit-rps': '0', 'limit-rpm': '0', 'limit-connections': '0' }, undefined],
    ['below 0 is off', { 'limit-rps': '-1', 'limit-connections': '-5' }, undefined],
    ['rps', { 'limit-rps': '5' }, { requestsPerSecond: { count: 5, burst: 25 } }],
    ['a sign', { 'limit-rps': '+5' }, { requestsPerSecond: { count: 5, burst: 25 } }],
    [
      'rpm with its own multiplier',
      { 'limit-rpm': '30', 'limit-burst-multiplier': '2' },
      { requestsPerMinute: { count: 30, burst: 60 } },
    ],
    ['connections', { 'limit-connections': '3' }, { connections: 3 }],
    [
      'all three, and who is exempt',
      {
        'limit-rps': '1',
        'limit-rpm': '2',
        'limit-connections': '3',
        'limit-allowlist': '10.0.0.0/8, 2001:db8::1',
      },
      {
        requestsPerSecond: { count: 1, burst: 5 },
        requestsPerMinute: { count: 2, burst: 10 },
        connections: 3,
        exempt: ['10.0.0.0/8', '2001:db8::1'],
      },
    ],
  ];
  for (const [name, annotations, policy] of cases) {
    test(name, () => {
      expect(translate(annotations)).toMatchObject({ messages: [], refused: [], isDenied: false });
      expect(translate(annotations).policy).toEqual(policy && { ingress: 'a/web', ...policy });
    });
  }

  const refused: [key: string, value: string, what: string][] = [
    ['limit-rps', 'many', 'limit-rps is not a whole number: drop'],
    ['limit-rps', '1.5', 'limit-rps is not a whole number: drop'],
    ['limit-rpm', '5/m', 'limit-rpm is not a whole number: drop'],
    ['limit-connections', '1e3', 'limit-connections is not a whole number: drop'],
    ['limit-burst-multiplier', 'x', 'limit-burst-multiplier is not a whole number: default'],
    ['limit-burst-multiplier', '0', 'limit-burst-multiplier is below 1: default'],
    [
      'limit-allowlist',
      '10.0.0.0/33',
      'limit-allowlist has the item "10.0.0.0/33", which is no address and no network: drop',
    ],
  ];
  for (const [key, value, what] of refused) {
    test(`${key}: ${value}`, () => expect(translate({ [key]: value }).refused).toEqual([what]));
  }

  test('the old name of the list is known', () => {
    expect(limits.annotations['limit-allowlist']!.aliases).toEqual(['limit-whitelist']);
  });
});

/** Statuses of requests of one client, one after the other; 200 where they are let in. */
function statusesOf(filter: Filter, times: number, clientAddress = '192.0.2.1'): number[] {
  return Array.from({ length: times }, () => {
    const answer = filter.onRequest!(fakeRequest({ clientAddress })) as { status: number } | undefined;
    return answer?.status ?? 200;
  });
}

function letIn(filter: Filter, times: number, clientAddress?: string): number {
  return statusesOf(filter, times, clientAddress).filter((status) => status === 200).length;
}

function limited(
  annotations: Record<string, string>,
  { settings = {}, nowMs }: { settings?: Partial<DataPlaneSettings>; nowMs?: () => number } = {},
): Filter {
  const context = fakeContext({ counters: fakeCounters(nowMs) });
  return filterOf(limits, annotations, { ...context, settings: { ...DEFAULT_SETTINGS, ...settings } })!;
}

describe('rates', () => {
  test('5 a second: 26 at once, then 5 a second, after 6 seconds 26 again', () => {
    let nowMs = 1_000_000;
    const filter = limited({ 'limit-rps': '5' }, { nowMs: () => nowMs });
    expect(letIn(filter, 60)).toBe(26);
    nowMs += 1_000;
    expect(letIn(filter, 10)).toBe(5);
    nowMs += 6_000;
    expect(letIn(filter, 60)).toBe(26);
  });

  test('multiplier 1: 6 at once; 5 a minute: 26; 1 a second: 6', () => {
    expect(letIn(limited({ 'limit-rps': '5', 'limit-burst-multiplier': '1' }), 20)).toBe(6);
    expect(letIn(limited({ 'limit-rpm': '5' }), 40)).toBe(26);
    expect(letIn(limited({ 'limit-rps': '1' }), 40)).toBe(6);
  });

  test('each client for itself', () => {
    const filter = limited({ 'limit-rps': '1' });
    expect(letIn(filter, 10)).toBe(6);
    expect(letIn(filter, 10, '192.0.2.2')).toBe(6);
    expect(letIn(filter, 10, '2001:db8::1')).toBe(6);
  });

  test('both have to pass, and what one refuses the other does not count', () => {
    let nowMs = 0;
    const both = { 'limit-rps': '1', 'limit-rpm': '60', 'limit-burst-multiplier': '1' };
    const filter = limited(both, { nowMs: () => nowMs });
    // The minute has room for 61, the second for 2.
    expect(letIn(filter, 1_000)).toBe(2);
    let taken = 2;
    for (let i = 0; i < 10; i++) {
      nowMs += 1_000;
      taken += letIn(filter, 10);
    }
    expect(taken).toBe(12);
    nowMs += 60_000;
    expect(letIn(filter, 1_000)).toBe(2);
  });

  test('routes of one Ingress count together, those of another apart', () => {
    const counters = fakeCounters();
    const { policy } = translate({ 'limit-rps': '1' });
    const one = limits.createFilter!(policy!, fakeContext({ counters, path: '/a' }))!;
    const two = limits.createFilter!(policy!, fakeContext({ counters, path: '/b' }))!;
    const other = limits.createFilter!({ ...policy!, ingress: 'a/api' }, fakeContext({ counters }))!;
    expect(letIn(one, 4) + letIn(two, 4)).toBe(6);
    expect(letIn(other, 10)).toBe(6);
  });

  test('a table that is taken in anew goes on counting', () => {
    const counters = fakeCounters();
    const policy = translate({ 'limit-rps': '1' }).policy!;
    expect(letIn(limits.createFilter!(policy, fakeContext({ counters }))!, 10)).toBe(6);
    expect(letIn(limits.createFilter!(policy, fakeContext({ counters }))!, 10)).toBe(0);
  });
});

describe('connections', () => {
  test('as many as may be in flight; who is done makes room', () => {
    const filter = limited({ 'limit-connections': '2' });
    const first = fakeRequest();
    expect(filter.onRequest!(first)).toBeUndefined();
    expect(statusesOf(filter, 3)).toEqual([200, 503, 503]);
    expect(letIn(filter, 1, '192.0.2.2')).toBe(1);
    filter.onDone!(first, { status: 200, durationMs: 1 });
    expect(statusesOf(filter, 2)).toEqual([200, 503]);
  });

  test('who was refused, or exempt, had no place to give back', () => {
    const filter = limited({ 'limit-connections': '1', 'limit-allowlist': '10.0.0.0/8' });
    const refused = fakeRequest();
    const exempt = fakeRequest({ clientAddress: '10.1.1.1' });
    expect(letIn(filter, 1)).toBe(1);
    expect(filter.onRequest!(refused)).toEqual({ status: 503 });
    expect(filter.onRequest!(exempt)).toBeUndefined();
    for (const request of [refused, exempt]) filter.onDone!(request, { status: 503, durationMs: 1 });
    expect(letIn(filter, 1)).toBe(0);
  });

  test('the rate comes first: what it refuses holds no connection, what it lets in counts', () => {
    const filter = limited(
      { 'limit-rps': '1', 'limit-connections': '2' },
      { settings: { rateLimitStatus: 429 } },
    );
    expect(statusesOf(filter, 8)).toEqual([200, 200, 503, 503, 503, 503, 429, 429]);
  });

  test('rates alone have nothing to do at the end of a request', () => {
    expect(limited({ 'limit-rps': '1' }).onDone).toBeUndefined();
  });
});

describe('who is counted', () => {
  test('who is listed is not limited', () => {
    const filter = limited({ 'limit-rps': '1', 'limit-allowlist': '192.0.2.0/24, 2001:db8::/32' });
    expect(letIn(filter, 20)).toBe(20);
    expect(letIn(filter, 20, '2001:db8::7')).toBe(20);
    expect(letIn(filter, 20, '198.51.100.1')).toBe(6);
  });

  test('the ConfigMap says what is counted by; without a value nothing is', () => {
    const filter = limited({ 'limit-rps': '1' }, { settings: { limitKey: '$http_x_key' } });
    const ask = (headers: Record<string, string>) =>
      Array.from({ length: 10 }, () => filter.onRequest!(fakeRequest({ headers }))).filter(
        (answer) => answer === undefined,
      ).length;
    expect(ask({ 'x-key': 'a' })).toBe(6);
    expect(ask({ 'x-key': 'b' })).toBe(6);
    expect(ask({})).toBe(10);
    // nginx counts no connections of a key of more than 255 bytes, and no requests beyond 65,535.
    expect(ask({ 'x-key': 'c'.repeat(70_000) })).toBe(6);
  });

  test('the statuses of the ConfigMap', () => {
    const settings = { rateLimitStatus: 429, connectionLimitStatus: 420 };
    expect(statusesOf(limited({ 'limit-rps': '1' }, { settings }), 7).at(-1)).toBe(429);
    expect(statusesOf(limited({ 'limit-connections': '1' }, { settings }), 2).at(-1)).toBe(420);
  });
});

describe('memory is bounded', () => {
  test('many keys: a client in debt keeps it while others come and go', () => {
    let nowMs = 0;
    const filter = limited({ 'limit-rps': '1' }, { nowMs: () => nowMs });
    expect(letIn(filter, 10)).toBe(6);
    // The room of a test has 128 keys.
    for (let i = 0; i < 20_000; i++) {
      expect(letIn(filter, 1, `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)).toBe(1);
    }
    expect(letIn(filter, 1)).toBe(0);
    nowMs += 1_000;
    expect(letIn(filter, 2)).toBe(1);
  });

  test('one client of many requests takes one place', () => {
    const filter = limited({ 'limit-rps': '1' });
    for (let i = 0; i < 20; i++) expect(letIn(filter, 6, `10.0.0.${i}`)).toBe(6);
    expect(letIn(filter, 50_000)).toBe(6);
    for (let i = 0; i < 20; i++) expect(letIn(filter, 1, `10.0.0.${i}`)).toBe(0);
  });

  test('more keys in flight than there is room for are refused, and come in when others left', () => {
    const filter = limited({ 'limit-connections': '5' }, { settings: { connectionLimitStatus: 429 } });
    const requests = Array.from({ length: 1_000 }, (_, i) =>
      fakeRequest({ clientAddress: `10.0.${i >> 8}.${i & 255}` }),
    );
    const answers = requests.map((request) => filter.onRequest!(request));
    const refused = answers.filter((answer) => answer !== undefined);
    expect(refused.length).toBeGreaterThanOrEqual(1_000 - 128);
    expect(refused[0]).toEqual({ status: 429 });
    for (const request of requests) filter.onDone!(request, { status: 200, durationMs: 1 });
    expect(letIn(filter, 6, '203.0.113.1')).toBe(5);
  });
});
