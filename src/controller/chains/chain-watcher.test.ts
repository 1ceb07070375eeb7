import { expect, test } from 'vitest';
import { CHAIN, LEAF_WITH_ISSUER } from '../../../test/fixtures/access-chains.ts';
import { createChainWatcher } from './chain-watcher.ts';
import type { FetchedChain } from './fetch-chain.ts';

function follow() {
  const told: (readonly [id: string, missing: string | undefined])[] = [];
  const problems: (readonly [id: string, problem: string])[] = [];
  const timers: { run: () => void; delayMs: number }[] = [];
  const asked: { signal: AbortSignal; answer: (result: FetchedChain) => void }[] = [];
  const watcher = createChainWatcher({
    fetch: (_, signal) => {
      const { promise, resolve } = Promise.withResolvers<FetchedChain>();
      asked.push({ signal, answer: resolve });
      return promise;
    },
    changed: (id, missing) => void told.push([id, missing]),
    failing: (id, problem) => void problems.push([id, problem]),
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

const chain = (id: string) => ({ id, certificate: LEAF_WITH_ISSUER });

test('a chain is asked for until it is complete, ever more rarely, and told once', async () => {
  const { watcher, told, problems, timers, asked } = follow();
  watcher.watch([chain('c')]);
  for (const delayMs of [30_000, 60_000]) {
    asked.at(-1)!.answer({ ok: false, problem: 'does not answer in time' });
    await turn();
    expect(timers.map((timer) => timer.delayMs)).toEqual([delayMs]);
    timers.shift()!.run();
  }
  asked.at(-1)!.answer({ ok: true, missing: 'MORE' });
  await turn();
  watcher.watch([chain('c')]);
  expect(asked).toHaveLength(3);
  expect(timers).toEqual([]);
  expect(told).toEqual([['c', 'MORE']]);
  expect(problems).toEqual([
    ['c', 'does not answer in time'],
    ['c', ''],
  ]);
});

test('one that ends with a root, or says of no issuer, is not asked for', () => {
  const { watcher, asked } = follow();
  watcher.watch([
    { id: 'whole', certificate: CHAIN },
    { id: 'silent', certificate: CHAIN.split(/(?<=-----END CERTIFICATE-----)/)[0]! },
    { id: 'none', certificate: '' },
  ]);
  expect(asked).toEqual([]);
});

test('what is not served any more is forgotten', async () => {
  const { watcher, told, asked } = follow();
  watcher.watch([chain('known'), chain('asked')]);
  asked[0]!.answer({ ok: true, missing: 'MORE' });
  await turn();
  watcher.watch([]);
  expect(asked[1]!.signal.aborted).toBe(true);
  asked[1]!.answer({ ok: true, missing: 'LATE' });
  await turn();
  expect(told).toEqual([
    ['known', 'MORE'],
    ['known', undefined],
  ]);
});
