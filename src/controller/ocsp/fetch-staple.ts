import type { NetworkMatcher } from '../../lib/cidr.ts';
import { createGuardedFetch } from '../dns/guarded-fetch.ts';
import type { NameLookup } from '../dns/name-lookup.ts';
import type { OcspSubject } from './ocsp-request.ts';
import { judgeOcspResponse } from './ocsp-response.ts';

export type FetchedStaple =
  | { readonly ok: true; readonly response: Uint8Array; readonly endsAtMs: number }
  | { readonly ok: false; readonly problem: string; readonly isRevoked?: boolean };

/** Asks the responder of a certificate. Never rejects. */
export type FetchStaple = (subject: OcspSubject, signal: AbortSignal) => Promise<FetchedStaple>;

export interface StapleFetcherDeps {
  readonly look: NameLookup['look'];
  /** Addresses that no certificate may lead to. */
  readonly isAddressClosed: NetworkMatcher;
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly timeoutMs?: number;
}

/** Clients are sent it whole with each handshake. */
const BYTES_MAX = 16_384;

/** Creates what asks OCSP responders: bounded in time and size, without redirects, and what they answer is verified. */
export function createStapleFetcher({
  look,
  isAddressClosed,
  epochMs,
  timeoutMs = 5_000,
}: StapleFetcherDeps): {
  readonly fetch: FetchStaple;
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
    async fetch(subject, signal) {
      const headers = {
        'content-type': 'application/ocsp-request',
        accept: 'application/ocsp-response',
      };
      const fetched = await guarded.ask(
        subject.url,
        { method: 'POST', headers, body: subject.request },
        signal,
      );
      if (!fetched.ok) return fetched;
      const verdict = judgeOcspResponse(fetched.body, subject, epochMs());
      // A copy of its own: what goes to workers is not the pool that it was read into.
      return verdict.ok ? { ...verdict, response: new Uint8Array(fetched.body) } : verdict;
    },
    close: () => guarded.close(),
  };
}
