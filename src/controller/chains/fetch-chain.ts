import { X509Certificate } from 'node:crypto';
import type { NetworkMatcher } from '../../lib/cidr.ts';
import { createGuardedFetch } from '../dns/guarded-fetch.ts';
import type { NameLookup } from '../dns/name-lookup.ts';
import { accessUrl, hasIssued, isEnd, isRoot, lastOf } from './missing-issuer.ts';

export type FetchedChain =
  /** PEM of what is missing, in order; empty: nothing is, or nothing more is to be had. */
  { readonly ok: true; readonly missing: string } | { readonly ok: false; readonly problem: string };

/** Fetches the intermediate certificates that a chain lacks. Never rejects. */
export type FetchChain = (chain: string, signal: AbortSignal) => Promise<FetchedChain>;

export interface ChainFetcherDeps {
  readonly look: NameLookup['look'];
  /** Addresses that no certificate may lead to. */
  readonly isAddressClosed: NetworkMatcher;
  readonly timeoutMs?: number;
}

const BYTES_MAX = 65_536;
/** Real chains have one or two. */
const MISSING_MAX = 4;

export function createChainFetcher({ look, isAddressClosed, timeoutMs = 5_000 }: ChainFetcherDeps): {
  readonly fetch: FetchChain;
  close(): Promise<void>;
} {
  const guarded = createGuardedFetch({
    look,
    isAddressClosed,
    timeoutMs,
    forbidden: 'has an address that no certificate may lead to',
    maxBytes: BYTES_MAX,
  });

  return {
    async fetch(chain, signal) {
      let last = lastOf(chain);
      let missing = '';
      for (let i = 0; i < MISSING_MAX && last !== undefined && !isEnd(last); i++) {
        const url = accessUrl(last, 'CA Issuers');
        if (url === undefined) break;
        const fetched = await guarded.ask(url, { method: 'GET' }, signal);
        if (!fetched.ok) return fetched;
        const issuer = readCertificate(fetched.body);
        if (issuer === undefined) return { ok: false, problem: 'answers with what is no certificate' };
        if (!hasIssued(issuer, last)) return { ok: false, problem: 'answers with another certificate' };
        // Clients have the root, or do not trust it.
        if (isRoot(issuer)) break;
        missing += issuer.toString();
        last = issuer;
      }
      return { ok: true, missing };
    },
    close: () => guarded.close(),
  };
}

/** DER, as RFC 5280 has it, or PEM. */
function readCertificate(bytes: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}
