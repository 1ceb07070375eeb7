import { expect, test } from 'vitest';
import type { StapleEntry } from '../../table/staple.ts';
import type { FetchedStaple } from './fetch-staple.ts';
import { createStapleWatcher } from './staple-watcher.ts';

import { CHAIN } from '../../../test/fixtures/access-chains.ts';

const HOUR_MS = 3_600_000;

function follow() {
  const told: (readonly [id: string, staple: StapleEntry | undefined])[] = [];
  const problems: (readonly [id: string, problem: string])[] = [];
  const timers: { run: () => void; delayMs: number }[] = [];
  const asked: { signal: AbortSignal; answer: (result: FetchedStaple) => void }[] = [];
  const watcher = createStapleWatcher({
    fetch: (_, signal) => {
      const { promise, resolve } = Promise.withResolvers<FetchedStaple>();
      asked.push({ signal, answer: resolve });
      return promise;
    },
    changed: (id, staple) => void told.push([id, staple]),
    failing: (id, problem) => void problems.push([id, problem]),
    epochMs: () => 0,
    random: () => 1,
    schedule: (run, delayMs) => {
      const timer = { run, delayMs };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  });
  return { watcher, told, problems, timers, asked };
}

/** What is due is done by then, and what waited for it was begun. */
async function turn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
}

const good = (byte: number, endsAtMs: number): FetchedStaple => ({
  ok: true,
  response: Uint8Array.of(byte),
  endsAtMs,
});
const certificate = (id: string) => ({ id, certificate: CHAIN });

test('a certificate is asked for once, and anew halfway to the end of the response', async () => {
  const { watcher, told, timers, asked } = follow();
  watcher.watch([certificate('c')]);
  watcher.watch([certificate('c')]);
  expect(asked).toHaveLength(1);
  asked[0]!.answer(good(1, 4 * HOUR_MS));
  await turn();
  expect(told).toEqual([['c', { certificateId: 'c', response: Uint8Array.of(1), endsAtMs: 4 * HOUR_MS }]]);
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([2 * HOUR_MS]);
  timers.shift()!.run();
  expect(asked).toHaveLength(2);
});

test('a responder that fails is told once, tried ever more rarely, and leaves what it said before', async () => {
  const { watcher, told, problems, timers, asked } = follow();
  watcher.watch([certificate('c')]);
  asked[0]!.answer(good(1, HOUR_MS));
  await turn();
  for (const _ of [1, 2]) {
    timers.shift()!.run();
    asked.at(-1)!.answer({ ok: false, problem: 'does not answer in time' });
    await turn();
  }
  expect(problems).toEqual([['c', 'does not answer in time']]);
  expect(told).toHaveLength(1);
  expect(timers.map(({ delayMs }) => delayMs)).toEqual([60_000]);
  timers.shift()!.run();
  asked.at(-1)!.answer(good(2, HOUR_MS));
  await turn();
  expect(problems.at(-1)).toEqual(['c', '']);
  expect(told.at(-1)![1]!.response).toEqual(Uint8Array.of(2));
});

test('what was said before is taken back where the certificate is revoked', async () => {
  const { watcher, told, problems, timers, asked } = follow();
  watcher.watch([certificate('c')]);
  asked[0]!.answer(good(1, HOUR_MS));
  await turn();
  timers.shift()!.run();
  asked[1]!.answer({ ok: false, problem: 'says that it is revoked', isRevoked: true });
  await turn();
  expect(told.at(-1)).toEqual(['c', undefined]);
  expect(problems).toEqual([['c', 'says that it is revoked']]);
});

test('a thousand certificates are read in turns, not at once', async () => {
  const { watcher, problems, asked } = follow();
  const [leaf] = CHAIN.split(/(?<=-----END CERTIFICATE-----)/);
  const alone = Array.from({ length: 1000 }, (_, i) => ({ id: `c${i}`, certificate: leaf! }));
  watcher.watch([...alone, certificate('whole')]);
  expect(problems.length).toBe(8);
  expect(asked).toEqual([]);
  while (asked.length === 0) await turn();
  expect(problems).toHaveLength(1000);
});

test('of many certificates eight are asked for at once, and one that is gone no more', async () => {
  const { watcher, told, asked } = follow();
  const all = Array.from({ length: 12 }, (_, i) => certificate(`c${i}`));
  watcher.watch(all);
  expect(asked).toHaveLength(8);
  watcher.watch(all.slice(1));
  expect(asked[0]!.signal.aborted).toBe(true);
  asked[0]!.answer(good(1, HOUR_MS));
  asked[1]!.answer(good(1, HOUR_MS));
  await turn();
  expect(asked).toHaveLength(10);
  expect(told.map(([id]) => id)).toEqual(['c1']);
  watcher.watch([]);
  expect(told.at(-1)).toEqual(['c1', undefined]);
});

test('a chain without the issuer is told', () => {
  const { watcher, problems, asked } = follow();
  const [leaf] = CHAIN.split(/(?<=-----END CERTIFICATE-----)/);
  watcher.watch([{ id: 'c', certificate: leaf! }]);
  expect(asked).toEqual([]);
  expect(problems).toEqual([['c', 'its chain does not hold the certificate of its issuer']]);
});
