import type { NetworkMatcher } from '../../lib/cidr.ts';
import { readKeySet, type PublicJwk } from '../../lib/key-set.ts';
import { isClosedAddress } from '../dns/closed-addresses.ts';
import { createGuardedFetch } from '../dns/guarded-fetch.ts';
import type { NameLookup } from '../dns/name-lookup.ts';

export type FetchedKeySet =
  | { readonly ok: true; readonly keys: readonly PublicJwk[]; readonly freshMs: number }
  /** Says nothing of what was answered: whoever chose the URL must not read by it. */
  | { readonly ok: false; readonly problem: string };

/** Asks for the keys at a URL. Never rejects. */
export type FetchKeySet = (url: string, signal: AbortSignal) => Promise<FetchedKeySet>;

const BYTES_MAX = 262_144;
const FRESH_DEFAULT_MS = 300_000;
const FRESH_MIN_MS = 60_000;
const FRESH_MAX_MS = 3_600_000;

export interface KeySetFetcherDeps {
  readonly look: NameLookup['look'];
  readonly isAddressClosed?: NetworkMatcher;
  /** For all of it: the name, the connection and the answer. */
  readonly timeoutMs?: number;
}

/** Creates what fetches key sets over HTTP: bounded in time and size, without redirects, and never from this Pod or its link. */
export function createKeySetFetcher({
  look,
  isAddressClosed = isClosedAddress,
  timeoutMs = 5_000,
}: KeySetFetcherDeps): { readonly fetch: FetchKeySet; close(): Promise<void> } {
  const guarded = createGuardedFetch({
    look,
    isAddressClosed,
    timeoutMs,
    forbidden: 'has an address from which no keys are taken',
    maxBytes: BYTES_MAX,
  });
  return {
    async fetch(url, signal) {
      const headers = { accept: 'application/jwk-set+json, application/json' };
      const fetched = await guarded.ask(url, { method: 'GET', headers }, signal);
      if (!fetched.ok) return fetched;
      const read = readKeySet(fetched.body.toString('utf8'));
      if (!read.ok) return { ok: false, problem: `answers with what ${read.problem}` };
      return { ok: true, keys: read.keys, freshMs: freshOf(fetched.cacheControl) };
    },
    close: () => guarded.close(),
  };
}

function freshOf(cacheControl: string): number {
  const said = /(?:^|[\s,])max-age=(\d{1,9})/i.exec(cacheControl)?.[1];
  const ms = said === undefined ? FRESH_DEFAULT_MS : Number(said) * 1_000;
  return Math.min(Math.max(ms, FRESH_MIN_MS), FRESH_MAX_MS);
}
