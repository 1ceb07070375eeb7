import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { SharedBuckets } from './shared-buckets.ts';
import { FULL, gaugeBytes, OVER, SharedGauges } from './shared-gauges.ts';
import { rateBytes, SharedRates, type RateRule } from './shared-rates.ts';

const SCOPE = { low: 0x1234_5678, high: 0x0bad_cafe };

function createRates(buckets = 16): SharedRates {
  return new SharedRates(new SharedArrayBuffer(rateBytes(buckets)), buckets);
}

function createGauges(buckets = 16, threads = 2): SharedGauges {
  return new SharedGauges(new SharedArrayBuffer(gaugeBytes(buckets, threads)), buckets, threads);
}

const perSecond = (count: number, burst: number): RateRule => ({ leak: count * 1_000, burst });

/** How many of `times` requests at one moment are let in. */
function letIn(rates: SharedRates, times: number, rule: RateRule, nowMs: number): number {
  let taken = 0;
  for (let i = 0; i < times; i++) if (rates.take(SCOPE, '192.0.2.1', rule, nowMs)) taken++;
  return taken;
}

describe('rates', () => {
  const cases: readonly { name: string; times: number; rule: RateRule; taken: number }[] = [
    { name: '5 a second with five times that as burst', times: 40, rule: perSecond(5, 25), taken: 26 },
    { name: '5 a second, multiplier 1', times: 20, rule: perSecond(5, 5), taken: 6 },
    { name: '5 a minute with five times that as burst', times: 40, rule: { leak: 83, burst: 25 }, taken: 26 },
    { name: 'no burst', times: 3, rule: perSecond(1, 0), taken: 1 },
  ];
  for (const { name, times, rule, taken } of cases) {
    test(`at once, as nginx lets in: ${name}`, () => {
      expect(letIn(createRates(), times, rule, 1_000)).toBe(taken);
    });
  }

  test('after a second a second’s worth is let in, after a rest as many as at first', () => {
    const rates = createRates();
    const rule = perSecond(5, 25);
    expect(letIn(rates, 40, rule, 0)).toBe(26);
    expect(letIn(rates, 10, rule, 1_000)).toBe(5);
    expect(letIn(rates, 40, rule, 10_000)).toBe(26);
  });

  test('what leaks within a millisecond or two is counted in whole thousandths, as nginx counts', () => {
    const rates = createRates();
    const rule = { leak: 83, burst: 1 };
    expect(letIn(rates, 2, rule, 0)).toBe(2);
    // 12 ms leak 0.996 thousandths, which is none; 13 ms leak one; a whole request takes 12,049.
    expect([12_040, 12_048, 12_049].map((nowMs) => letIn(rates, 1, rule, nowMs))).toEqual([0, 0, 1]);
    // The fraction that had leaked with it is lost.
    expect([24_097, 24_098].map((nowMs) => letIn(rates, 1, rule, nowMs))).toEqual([0, 1]);
  });

  test('a clock that goes back leaks nothing; set back for good it goes on from there', () => {
    const rates = createRates();
    const rule = perSecond(1, 1);
    expect(letIn(rates, 3, rule, 100_000)).toBe(2);
    expect(letIn(rates, 1, rule, 99_000)).toBe(0);
    expect(letIn(rates, 1, rule, 101_000)).toBe(1);
    expect(letIn(rates, 1, rule, 20_000)).toBe(0);
    rates.add(SCOPE, '192.0.2.1', rule, 20_000);
    expect(letIn(rates, 1, rule, 21_000)).toBe(0);
    expect(letIn(rates, 1, rule, 22_000)).toBe(1);
  });

  test('looking counts nothing, adding asks for no room', () => {
    const rates = createRates();
    const rule = perSecond(1, 1);
    for (let i = 0; i < 3; i++) expect(rates.hasRoom(SCOPE, 'a', rule, 0)).toBe(true);
    for (let i = 0; i < 3; i++) rates.add(SCOPE, 'a', rule, 0);
    expect(rates.hasRoom(SCOPE, 'a', rule, 0)).toBe(false);
    expect(rates.take(SCOPE, 'a', rule, 1_000)).toBe(false);
    expect(rates.take(SCOPE, 'a', rule, 2_000)).toBe(true);
  });

  test('equal keys of two scopes are two', () => {
    const rates = createRates();
    const rule = perSecond(1, 0);
    expect(rates.take(SCOPE, 'a', rule, 0)).toBe(true);
    expect(rates.take({ low: 1, high: 2 }, 'a', rule, 0)).toBe(true);
    expect(rates.take(SCOPE, 'a', rule, 0)).toBe(false);
  });

  test('keys do not share a bucket that leaks', () => {
    const rates = createRates(256);
    const rule = perSecond(1, 0);
    for (let i = 0; i < 100; i++) expect(rates.take(SCOPE, `client ${i}`, rule, 5)).toBe(true);
    for (let i = 0; i < 100; i++) expect(rates.take(SCOPE, `client ${i}`, rule, 6)).toBe(false);
  });

  test('where there is no room the longest at rest goes first', () => {
    const rates = createRates(1);
    const rule = perSecond(1, 0);
    for (let i = 0; i < 8; i++) expect(rates.take(SCOPE, `client ${i}`, rule, i)).toBe(true);
    expect(rates.take(SCOPE, 'one more', rule, 8)).toBe(true);
    expect(rates.take(SCOPE, 'client 7', rule, 9)).toBe(false);
    expect(rates.take(SCOPE, 'client 0', rule, 10)).toBe(true);
  });

  test('a flood of keys that come once pushes out its own, not one with a debt', () => {
    const rates = createRates(1);
    const rule = perSecond(1, 5);
    expect(letIn(rates, 10, rule, 0)).toBe(6);
    for (let i = 0; i < 10_000; i++) expect(rates.take(SCOPE, `once ${i}`, rule, 100)).toBe(true);
    expect(letIn(rates, 1, rule, 100)).toBe(0);
    expect(letIn(rates, 2, rule, 1_100)).toBe(1);
  });

  test('several threads let in what one would', async () => {
    const buckets = 16;
    const memory = new SharedArrayBuffer(rateBytes(buckets));
    const source = `
      import { parentPort, workerData } from 'node:worker_threads';
      const { SharedRates } = await import(workerData.module);
      const rates = new SharedRates(workerData.memory, ${buckets});
      const rule = { leak: 1_000, burst: 9_999 };
      let taken = 0;
      for (let i = 0; i < 20_000; i++) if (rates.take(workerData.scope, '192.0.2.1', rule, 1)) taken++;
      parentPort.postMessage(taken);`;
    const module = new URL('./shared-rates.ts', import.meta.url).href;
    const run = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
        const worker = new Worker(url, { workerData: { memory, module, scope: SCOPE } });
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    const taken = await Promise.all([run(), run(), run()]);
    expect(taken.reduce((sum, one) => sum + one, 0)).toBe(10_000);
  });
});

describe('gauges', () => {
  test('as many are let in as the ceiling says, over all threads', () => {
    const gauges = createGauges();
    const first = gauges.enter(SCOPE, 'a', 2, 0);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(gauges.enter(SCOPE, 'a', 2, 1)).toBeGreaterThanOrEqual(0);
    expect(gauges.enter(SCOPE, 'a', 2, 1)).toBe(OVER);
    expect(gauges.enter(SCOPE, 'b', 2, 1)).toBeGreaterThanOrEqual(0);
    gauges.leave(first, 0);
    expect(gauges.enter(SCOPE, 'a', 2, 1)).toBeGreaterThanOrEqual(0);
  });

  test('a key whose last one left gives its room back', () => {
    const gauges = createGauges(1);
    for (let round = 0; round < 100; round++) {
      const place = gauges.enter(SCOPE, `client ${round}`, 1, 0);
      expect(place).toBeGreaterThanOrEqual(0);
      gauges.leave(place, 0);
    }
  });

  test('more keys than there is room for are told apart from a full gauge', () => {
    const gauges = createGauges(1);
    for (let i = 0; i < 8; i++) expect(gauges.enter(SCOPE, `client ${i}`, 1, 0)).toBeGreaterThanOrEqual(0);
    expect(gauges.enter(SCOPE, 'one more', 1, 0)).toBe(FULL);
    expect(gauges.enter(SCOPE, 'client 3', 1, 0)).toBe(OVER);
  });

  test('an entry that a thread claimed and died before it counted in is free again', () => {
    const memory = new SharedArrayBuffer(gaugeBytes(1, 1));
    const buckets = new SharedBuckets(memory, 0, 1);
    for (let i = 0; i < 8; i++) buckets.claim(buckets.findFree(buckets.lock(SCOPE, `claimed ${i}`)));
    buckets.unlock();
    const gauges = new SharedGauges(memory, 1, 1);
    expect(gauges.enter(SCOPE, 'a', 1, 0)).toBe(FULL);
    gauges.clear(0);
    expect(gauges.enter(SCOPE, 'a', 1, 0)).toBeGreaterThanOrEqual(0);
  });

  test('what a dead thread held is given back, what the others hold stays', () => {
    const gauges = createGauges();
    gauges.enter(SCOPE, 'a', 2, 0);
    gauges.enter(SCOPE, 'a', 2, 1);
    gauges.enter(SCOPE, 'b', 1, 0);
    gauges.clear(0);
    expect(gauges.enter(SCOPE, 'b', 1, 1)).toBeGreaterThanOrEqual(0);
    expect(gauges.enter(SCOPE, 'a', 2, 1)).toBeGreaterThanOrEqual(0);
    expect(gauges.enter(SCOPE, 'a', 2, 1)).toBe(OVER);
  });
});
