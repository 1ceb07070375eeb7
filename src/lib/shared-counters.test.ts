import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { FULL, gaugeBytes, OVER, SharedGauges } from './shared-gauges.ts';
import { rateBytes, SharedRates } from './shared-rates.ts';

const KEY = { low: 0x1234_5678, high: 0x0bad_cafe };

function createRates(buckets = 16): SharedRates {
  return new SharedRates(new SharedArrayBuffer(rateBytes(buckets)), buckets, KEY);
}

function createGauges(buckets = 16, threads = 2): SharedGauges {
  return new SharedGauges(new SharedArrayBuffer(gaugeBytes(buckets, threads)), buckets, threads, KEY);
}

/** How many of `times` requests at one moment are let in. */
function letIn(rates: SharedRates, times: number, perSecond: number, burst: number, nowMs: number): number {
  let taken = 0;
  for (let i = 0; i < times; i++) if (rates.take('192.0.2.1', perSecond, burst, nowMs)) taken++;
  return taken;
}

describe('rates', () => {
  const cases: readonly { name: string; times: number; perSecond: number; burst: number; taken: number }[] = [
    { name: '5 a second with five times that as burst', times: 40, perSecond: 5, burst: 25, taken: 26 },
    { name: '5 a second, multiplier 1', times: 20, perSecond: 5, burst: 5, taken: 6 },
    { name: '5 a minute with five times that as burst', times: 40, perSecond: 5 / 60, burst: 25, taken: 26 },
    { name: 'no burst', times: 3, perSecond: 1, burst: 0, taken: 1 },
  ];
  for (const { name, times, perSecond, burst, taken } of cases) {
    test(`at once, as nginx lets in: ${name}`, () => {
      expect(letIn(createRates(), times, perSecond, burst, 1_000)).toBe(taken);
    });
  }

  test('after a second a second’s worth is let in, after a rest as many as at first', () => {
    const rates = createRates();
    expect(letIn(rates, 40, 5, 25, 0)).toBe(26);
    expect(letIn(rates, 10, 5, 25, 1_000)).toBe(5);
    expect(letIn(rates, 40, 5, 25, 10_000)).toBe(26);
  });

  test('keys do not share a bucket that leaks', () => {
    const rates = createRates(256);
    for (let i = 0; i < 100; i++) expect(rates.take(`client ${i}`, 1, 0, 5)).toBe(true);
    for (let i = 0; i < 100; i++) expect(rates.take(`client ${i}`, 1, 0, 6)).toBe(false);
  });

  test('where there is no room the longest at rest goes first', () => {
    const rates = createRates(1);
    for (let i = 0; i < 8; i++) expect(rates.take(`client ${i}`, 1, 0, i)).toBe(true);
    expect(rates.take('one more', 1, 0, 8)).toBe(true);
    expect(rates.take('client 7', 1, 0, 9)).toBe(false);
    expect(rates.take('client 0', 1, 0, 10)).toBe(true);
  });

  test('several threads let in what one would', async () => {
    const buckets = 16;
    const memory = new SharedArrayBuffer(rateBytes(buckets));
    const source = `
      import { parentPort, workerData } from 'node:worker_threads';
      const { SharedRates } = await import(workerData.module);
      const rates = new SharedRates(workerData.memory, ${buckets}, workerData.key);
      let taken = 0;
      for (let i = 0; i < 20_000; i++) if (rates.take('192.0.2.1', 1, 9_999, 1)) taken++;
      parentPort.postMessage(taken);`;
    const module = new URL('./shared-rates.ts', import.meta.url).href;
    const run = (): Promise<number> =>
      new Promise((resolve, reject) => {
        const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);
        const worker = new Worker(url, { workerData: { memory, module, key: KEY } });
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
    const first = gauges.enter('a', 2, 0);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(gauges.enter('a', 2, 1)).toBeGreaterThanOrEqual(0);
    expect(gauges.enter('a', 2, 1)).toBe(OVER);
    expect(gauges.enter('b', 2, 1)).toBeGreaterThanOrEqual(0);
    gauges.leave(first, 0);
    expect(gauges.enter('a', 2, 1)).toBeGreaterThanOrEqual(0);
  });

  test('a key whose last one left gives its room back', () => {
    const gauges = createGauges(1);
    for (let round = 0; round < 100; round++) {
      const place = gauges.enter(`client ${round}`, 1, 0);
      expect(place).toBeGreaterThanOrEqual(0);
      gauges.leave(place, 0);
    }
  });

  test('more keys than there is room for are told apart from a full gauge', () => {
    const gauges = createGauges(1);
    for (let i = 0; i < 8; i++) expect(gauges.enter(`client ${i}`, 1, 0)).toBeGreaterThanOrEqual(0);
    expect(gauges.enter('one more', 1, 0)).toBe(FULL);
    expect(gauges.enter('client 3', 1, 0)).toBe(OVER);
  });

  test('what a dead thread held is given back, what the others hold stays', () => {
    const gauges = createGauges();
    gauges.enter('a', 2, 0);
    gauges.enter('a', 2, 1);
    gauges.enter('b', 1, 0);
    gauges.clear(0);
    expect(gauges.enter('b', 1, 1)).toBeGreaterThanOrEqual(0);
    expect(gauges.enter('a', 2, 1)).toBeGreaterThanOrEqual(0);
    expect(gauges.enter('a', 2, 1)).toBe(OVER);
  });
});
