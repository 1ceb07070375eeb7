import { beforeEach, describe, expect, test } from 'vitest';
import type { PublicJwk } from '../../lib/key-set.ts';
import type { KeySet } from '../store/key-set.ts';
import type { FetchedKeySet } from './fetch-key-set.ts';
import { createKeySetWatcher, type KeySetWatcher } from './key-set-watcher.ts';

const URL_A = 'https://a.test/keys';
const URL_B = 'https://b.test/keys';
const HOUR = 3_600_000;

interface Due {
  readonly callback: () => void;
  readonly delayMs: number;
}

let watcher: KeySetWatcher;
let nowMs: number;
let asked: string[];
let aborted: string[];
let answers: Map<string, FetchedKeySet | Promise<FetchedKeySet>>;
let told: [url: string, keySet: KeySet | undefined][];
let due: Due[];

const keysOf = (...ids: string[]): PublicJwk[] =>
  ids.map((kid) => ({ kty: 'OKP', crv: 'Ed25519', x: 'eA', kid }));
const good = (...ids: string[]): FetchedKeySet => ({ ok: true, keys: keysOf(...ids), freshMs: 300_000 });
const bad = (problem: string): FetchedKeySet => ({ ok: false, problem });

beforeEach(() => {
  nowMs = 0;
  asked = [];
  aborted = [];
  answers = new Map();
  told = [];
  due = [];
  watcher = createKeySetWatcher({
    async fetch(url, signal) {
      asked.push(url);
      signal.addEventListener('abort', () => aborted.push(url));
      return answers.get(url) ?? bad('is down');
    },
    changed: (url, keySet) => told.push([url, keySet]),
    nowMs: () => nowMs,
    schedule(callback, delayMs) {
      const item = { callback, delayMs };
      due.push(item);
      return () => {
        due = due.filter((other) => other !== item);
      };
    },
  });
});

/** Lets the time pass for which the only URL is not asked; resolves when it was answered. */
async function pass(): Promise<void> {
  const [item] = due.splice(0, 1);
  nowMs += item!.delayMs;
  item!.callback();
  while (due.length === 0) await Promise.resolve();
}

describe('what is told', () => {
  test('keys, when they come and when they are others', async () => {
    answers.set(URL_A, good('1'));
    await watcher.watch([URL_A]);
    expect(told).toEqual([[URL_A, { keys: keysOf('1'), problem: '' }]]);
    await pass();
    expect([asked, told.length]).toEqual([[URL_A, URL_A], 1]);
    answers.set(URL_A, good('1', '2'));
    await pass();
    answers.set(URL_A, good('2'));
    await pass();
    expect(told.slice(1)).toEqual([
      [URL_A, { keys: keysOf('1', '2'), problem: '' }],
      [URL_A, { keys: keysOf('2'), problem: '' }],
    ]);
  });

  test('a key set that is empty now: the keys go', async () => {
    answers.set(URL_A, good('1'));
    await watcher.watch([URL_A]);
    answers.set(URL_A, good());
    await pass();
    expect(told.at(-1)).toEqual([URL_A, { keys: [], problem: 'answers with no public key for signatures' }]);
  });

  test('the problem beside the last good keys, which go after a day', async () => {
    answers.set(URL_A, good('1'));
    await watcher.watch([URL_A]);
    answers.set(URL_A, bad('is down'));
    await pass();
    expect(told.at(-1)).toEqual([URL_A, { keys: keysOf('1'), problem: 'is down' }]);
    nowMs = 23 * HOUR;
    await pass();
    expect(told.length).toBe(2);
    nowMs = 25 * HOUR;
    await pass();
    expect(told.at(-1)).toEqual([URL_A, { keys: [], problem: 'is down' }]);
    answers.set(URL_A, good('1'));
    await pass();
    expect(told.at(-1)).toEqual([URL_A, { keys: keysOf('1'), problem: '' }]);
  });
});

describe('when is asked again', () => {
  test('when what was answered is no longer fresh', async () => {
    answers.set(URL_A, { ok: true, keys: keysOf('1'), freshMs: 60_000 });
    await watcher.watch([URL_A]);
    expect(due.map(({ delayMs }) => delayMs)).toEqual([60_000]);
  });

  test('after a failure later and later, to a bound', async () => {
    const delays: number[] = [];
    await watcher.watch([URL_A]);
    for (let i = 0; i < 6; i++) {
      delays.push(due[0]!.delayMs);
      await pass();
    }
    expect(delays).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    answers.set(URL_A, good('1'));
    await pass();
    answers.set(URL_A, bad('is down'));
    await pass();
    expect(due[0]!.delayMs).toBe(5_000);
  });
});

describe('which are followed', () => {
  test('those that are named, each once', async () => {
    answers.set(URL_A, good('1'));
    await watcher.watch([URL_A, URL_A]);
    await watcher.watch([URL_A, URL_B]);
    expect(asked).toEqual([URL_A, URL_B]);
    await watcher.watch([URL_B]);
    expect(told.at(-1)).toEqual([URL_A, undefined]);
    expect([aborted, due.length]).toEqual([[URL_A], 1]);
    watcher.stop();
    expect([aborted, due.length]).toEqual([[URL_A, URL_B], 0]);
  });

  test('an answer that comes too late counts for nobody', async () => {
    const { promise, resolve } = Promise.withResolvers<FetchedKeySet>();
    answers.set(URL_A, promise);
    const first = watcher.watch([URL_A]);
    await watcher.watch([]);
    resolve(good('1'));
    await first;
    expect([told, due]).toEqual([[[URL_A, undefined]], []]);
  });

  test('so many; who came first keeps its place, and who goes makes room', async () => {
    const many = Array.from({ length: 256 }, (_, i) => `https://m${i}.test/`);
    await watcher.watch(many);
    told = [];
    await watcher.watch([URL_A, ...many]);
    await watcher.watch([URL_A, ...many]);
    expect(told).toEqual([[URL_A, { keys: [], problem: 'is not asked: 256 others are followed already' }]]);
    expect(asked).not.toContain(URL_A);
    answers.set(URL_A, good('1'));
    await watcher.watch([URL_A, ...many.slice(1)]);
    expect(told.at(-1)).toEqual([URL_A, { keys: keysOf('1'), problem: '' }]);
  });
});
