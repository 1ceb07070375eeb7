import type { LookupResult, NameLookup } from './name-lookup.ts';

export interface NameWatcherDeps {
  readonly lookup: NameLookup;
  /** The addresses of a name are others now. */
  readonly changed: (name: string) => void;
  /** A name does not resolve, or does again (empty problem); told once per turn. */
  readonly failing?: (name: string, problem: string) => void;
  /** Calls back later; the answer cancels. */
  readonly schedule?: (callback: () => void, delayMs: number) => () => void;
}

/**
 * Follows the addresses of names (ExternalName Services). A name is asked for again when its TTL has run out, at least 1 s
 * apart. While the name servers do not answer, the last good addresses stay; when they say that there is no such name, they go.
 */
export interface NameWatcher {
  /** Follows these names and no others. Names without a final dot go through the search list. */
  watch(names: Iterable<string>): void;
  /** Addresses as known now; empty while unresolved. */
  addressesOf(name: string): readonly string[];
  /** Resolves when every name followed now has been asked for once. */
  settled(): Promise<void>;
  stop(): void;
}

interface Watched {
  addresses: readonly string[];
  problem: string;
  failures: number;
  cancel: (() => void) | undefined;
  /** Resolves after the first answer. */
  readonly first: Promise<void>;
  readonly resolveFirst: () => void;
}

const TTL_MIN_MS = 1_000;
const TTL_MAX_MS = 3_600_000;
const RETRY_MIN_MS = 1_000;
const RETRY_MAX_MS = 10_000;

export function createNameWatcher(deps: NameWatcherDeps): NameWatcher {
  const watched = new Map<string, Watched>();
  const schedule = deps.schedule ?? scheduleByTimer;

  async function ask(name: string, state: Watched): Promise<void> {
    state.cancel = undefined;
    const result = await deps.lookup.look(name);
    // Dropped, or dropped and followed anew, while the question was under way.
    if (watched.get(name) !== state) return;
    let delayMs: number;
    if (result.kind === 'found') {
      state.failures = 0;
      delayMs = Math.min(Math.max(result.ttlMs, TTL_MIN_MS), TTL_MAX_MS);
      setAddresses(name, state, result.addresses);
      tell(name, state, '');
    } else {
      delayMs = Math.min(RETRY_MIN_MS * 2 ** state.failures, RETRY_MAX_MS);
      state.failures++;
      if (result.kind !== 'failed') setAddresses(name, state, []);
      tell(name, state, problemOf(result));
    }
    state.resolveFirst();
    state.cancel = schedule(() => void ask(name, state), delayMs);
  }

  function setAddresses(name: string, state: Watched, addresses: readonly string[]): void {
    const isSame =
      addresses.length === state.addresses.length &&
      addresses.every((address, index) => address === state.addresses[index]);
    if (isSame) return;
    state.addresses = addresses;
    deps.changed(name);
  }

  function tell(name: string, state: Watched, problem: string): void {
    if (problem === state.problem) return;
    state.problem = problem;
    deps.failing?.(name, problem);
  }

  function drop(name: string, state: Watched): void {
    watched.delete(name);
    state.cancel?.();
    state.resolveFirst();
  }

  return {
    watch(names) {
      const wanted = new Set(names);
      for (const [name, state] of watched) if (!wanted.has(name)) drop(name, state);
      for (const name of wanted) {
        if (watched.has(name)) continue;
        const { promise: first, resolve: resolveFirst } = Promise.withResolvers<void>();
        const state: Watched = {
          addresses: [],
          problem: '',
          failures: 0,
          cancel: undefined,
          first,
          resolveFirst,
        };
        watched.set(name, state);
        void ask(name, state);
      }
    },
    addressesOf: (name) => watched.get(name)?.addresses ?? [],
    async settled() {
      await Promise.all([...watched.values()].map(({ first }) => first));
    },
    stop() {
      for (const [name, state] of watched) drop(name, state);
      deps.lookup.cancel();
    },
  };
}

function problemOf(result: Exclude<LookupResult, { readonly kind: 'found' }>): string {
  switch (result.kind) {
    case 'none':
      return 'has no address';
    case 'closed':
      return 'leads to this Pod, its link or a metadata service';
    case 'failed':
      return `is not answered for (${result.problem})`;
  }
}

function scheduleByTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
