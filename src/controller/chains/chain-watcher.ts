import { createAtOnce } from '../../lib/at-once.ts';
import type { FetchChain } from './fetch-chain.ts';
import { accessUrl, isEnd, lastOf } from './missing-issuer.ts';

/** A certificate as its Secret has it. */
export interface GivenChain {
  readonly id: string;
  /** PEM. */
  readonly certificate: string;
}

export interface ChainWatcherDeps {
  readonly fetch: FetchChain;
  /** What is missing of a chain is known now; undefined: it is not served any more. */
  readonly changed: (certificateId: string, missing: string | undefined) => void;
  /** A chain cannot be completed, or was where `problem` is empty. */
  readonly failing: (certificateId: string, problem: string) => void;
  /** Calls back later; the answer cancels. */
  readonly schedule?: (callback: () => void, delayMs: number) => () => void;
}

/** Completes chains whose Secrets lack intermediate certificates; what was found stays for as long as the certificate is served. */
export interface ChainWatcher {
  /** Follows these and no others. */
  watch(chains: readonly GivenChain[]): void;
  stop(): void;
}

interface Watched {
  missing: string;
  problem: string;
  failures: number;
  cancel: (() => void) | undefined;
  readonly aborter: AbortController;
}

/** Tenants bring certificates, and choose whom they lead to. */
const CHAINS_MAX = 4096;
const AT_ONCE_MAX = 8;
const RETRY_MIN_MS = 30_000;
const RETRY_MAX_MS = 3_600_000;

export function createChainWatcher(deps: ChainWatcherDeps): ChainWatcher {
  const { fetch, changed, failing, schedule = byTimer } = deps;
  const watched = new Map<string, Watched>();
  const queue = createAtOnce(AT_ONCE_MAX);
  let followed: readonly GivenChain[] | undefined;

  /** Reads the chain in its turn: thousands may have come at once. */
  async function ask({ id, certificate }: GivenChain, state: Watched): Promise<void> {
    state.cancel = undefined;
    if (watched.get(id) !== state) return;
    const last = lastOf(certificate);
    if (last === undefined || isEnd(last) || accessUrl(last, 'CA Issuers') === undefined) return;
    const result = await fetch(certificate, state.aborter.signal);
    if (watched.get(id) !== state) return;
    const problem = result.ok ? '' : result.problem;
    if (problem !== state.problem) {
      state.problem = problem;
      failing(id, problem);
    }
    if (result.ok) {
      state.missing = result.missing;
      if (result.missing !== '') changed(id, result.missing);
      return;
    }
    const delayMs = Math.min(RETRY_MIN_MS * 2 ** state.failures, RETRY_MAX_MS);
    state.failures++;
    state.cancel = schedule(() => queue.add(() => ask({ id, certificate }, state)), delayMs);
  }

  function follow(chain: GivenChain): void {
    const state: Watched = {
      missing: '',
      problem: '',
      failures: 0,
      cancel: undefined,
      aborter: new AbortController(),
    };
    watched.set(chain.id, state);
    queue.add(() => ask(chain, state));
  }

  function drop(id: string, state: Watched): void {
    watched.delete(id);
    state.cancel?.();
    state.aborter.abort();
  }

  return {
    watch(chains) {
      if (chains === followed) return;
      followed = chains;
      const wanted = new Set(chains.map(({ id }) => id));
      for (const [id, state] of watched) {
        if (wanted.has(id)) continue;
        drop(id, state);
        if (state.missing !== '') changed(id, undefined);
      }
      for (const chain of chains) {
        if (watched.size >= CHAINS_MAX) return;
        if (!watched.has(chain.id)) follow(chain);
      }
    },
    stop() {
      for (const [id, state] of watched) drop(id, state);
      queue.clear();
    },
  };
}

function byTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs).unref();
  return () => clearTimeout(timer);
}
