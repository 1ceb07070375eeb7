import { isDeepStrictEqual } from 'node:util';
import type { KeySet } from '../store/key-set.ts';
import type { FetchKeySet } from './fetch-key-set.ts';

export interface KeySetWatcherDeps {
  readonly fetch: FetchKeySet;
  /** What is known of a URL is something else now. */
  readonly changed: (url: string, keySet: KeySet | undefined) => void;
  readonly nowMs: () => number;
  /** Calls back later; the answer cancels. */
  readonly schedule?: (callback: () => void, delayMs: number) => () => void;
}

/**
 * Follows key sets by their URLs: each is fetched anew when it is no longer fresh. While its server fails, the last good keys stay, for
 * a day at most: then nobody is let in by them. A key that its server has no more goes at once.
 */
export interface KeySetWatcher {
  /** Follows these URLs and no others; resolves when each has been asked for once. */
  watch(urls: readonly string[]): Promise<void>;
  stop(): void;
}

interface Watched {
  keySet: KeySet;
  goodAtMs: number;
  failures: number;
  cancel: (() => void) | undefined;
  readonly aborter: AbortController;
  readonly first: Promise<void>;
}

const RETRY_MIN_MS = 5_000;
const RETRY_MAX_MS = 60_000;
const KEPT_MS = 86_400_000;
/** Tenants choose them. */
const URLS_MAX = 256;

export function createKeySetWatcher({
  fetch,
  changed,
  nowMs,
  schedule = byTimer,
}: KeySetWatcherDeps): KeySetWatcher {
  const watched = new Map<string, Watched>();
  const refused = new Set<string>();

  async function ask(url: string, state: Watched): Promise<void> {
    state.cancel = undefined;
    const result = await fetch(url, state.aborter.signal);
    if (watched.get(url) !== state) return;
    let delayMs: number;
    if (result.ok) {
      state.failures = 0;
      state.goodAtMs = nowMs();
      delayMs = result.freshMs;
      const { keys } = result;
      tell(url, state, {
        keys,
        problem: keys.length === 0 ? 'answers with no public key for signatures' : '',
      });
    } else {
      delayMs = Math.min(RETRY_MIN_MS * 2 ** state.failures, RETRY_MAX_MS);
      state.failures++;
      const isKept = nowMs() - state.goodAtMs < KEPT_MS;
      tell(url, state, { keys: isKept ? state.keySet.keys : [], problem: result.problem });
    }
    state.cancel = schedule(() => void ask(url, state), delayMs);
  }

  function tell(url: string, state: Watched, keySet: KeySet): void {
    if (isDeepStrictEqual(keySet, state.keySet)) return;
    state.keySet = keySet;
    changed(url, keySet);
  }

  function follow(url: string): void {
    refused.delete(url);
    const { promise: first, resolve } = Promise.withResolvers<void>();
    const state: Watched = {
      keySet: { keys: [], problem: '' },
      goodAtMs: -Infinity,
      failures: 0,
      cancel: undefined,
      aborter: new AbortController(),
      first,
    };
    watched.set(url, state);
    void ask(url, state).then(resolve);
  }

  /** Who came first keeps its place, so that nobody's keys go because of another's URLs. */
  function refuse(url: string): void {
    if (refused.has(url)) return;
    refused.add(url);
    changed(url, { keys: [], problem: `is not asked: ${URLS_MAX} others are followed already` });
  }

  function forget(url: string): void {
    refused.delete(url);
    changed(url, undefined);
  }

  function drop(url: string, state: Watched): void {
    watched.delete(url);
    state.cancel?.();
    state.aborter.abort();
  }

  return {
    async watch(urls) {
      const wanted = new Set(urls);
      for (const [url, state] of watched) {
        if (wanted.has(url)) continue;
        drop(url, state);
        changed(url, undefined);
      }
      for (const url of refused) if (!wanted.has(url)) forget(url);
      for (const url of wanted) {
        if (watched.has(url)) continue;
        if (watched.size < URLS_MAX) follow(url);
        else refuse(url);
      }
      await Promise.all([...watched.values()].map(({ first }) => first));
    },
    stop() {
      for (const [url, state] of watched) drop(url, state);
    },
  };
}

function byTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs).unref();
  return () => clearTimeout(timer);
}
