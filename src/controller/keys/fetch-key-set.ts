import { isIP, type LookupFunction } from 'node:net';
import { Agent, request } from 'undici';
import type { NetworkMatcher } from '../../lib/cidr.ts';
import { readKeySet, type PublicJwk } from '../../lib/key-set.ts';
import { isClosedAddress } from '../dns/closed-addresses.ts';
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
  const agent = new Agent({
    connect: { timeout: timeoutMs, lookup: guardedLookup(look, isAddressClosed) },
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: BYTES_MAX,
    pipelining: 0,
  });
  return {
    async fetch(url, signal) {
      try {
        const { hostname } = new URL(url);
        const literal = hostname.replace(/^\[|\]$/g, '');
        // A literal address is never looked up.
        if (isIP(literal) !== 0 && isAddressClosed(literal)) return { ok: false, problem: FORBIDDEN };
        const { statusCode, headers, body } = await request(url, {
          dispatcher: agent,
          headers: { accept: 'application/jwk-set+json, application/json' },
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
        if (statusCode !== 200) {
          await body.dump();
          return { ok: false, problem: `answers with status ${statusCode}` };
        }
        const read = readKeySet(await body.text());
        if (!read.ok) return { ok: false, problem: `answers with what ${read.problem}` };
        return { ok: true, keys: read.keys, freshMs: freshOf(headers['cache-control']) };
      } catch (error) {
        return { ok: false, problem: problemOf(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

const FORBIDDEN = 'has an address from which no keys are taken';

function guardedLookup(look: NameLookup['look'], isAddressClosed: NetworkMatcher): LookupFunction {
  return (hostname, options, callback) => {
    void look(hostname).then((result) => {
      if (result.kind !== 'found') return callback(failure('does not resolve'), []);
      const open = result.addresses.filter((address) => !isAddressClosed(address));
      const [first] = open;
      if (first === undefined) callback(failure(FORBIDDEN), []);
      else if (options.all === true)
        callback(
          null,
          open.map((address) => ({ address, family: isIP(address) })),
        );
      else callback(null, first, isIP(first));
    });
  };
}

const OURS = 'ERR_KEY_SERVER';

function failure(problem: string): NodeJS.ErrnoException {
  return Object.assign(new Error(problem), { code: OURS });
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

function problemOf(error: unknown): string {
  const { code, message, cause } = error as NodeJS.ErrnoException;
  if (code === OURS) return message;
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return `answers with more than ${BYTES_MAX} bytes`;
  if (cause !== undefined && cause !== error) return problemOf(cause);
  if ((error as Error).name === 'TimeoutError' || TIMEOUTS.has(code ?? '')) return 'does not answer in time';
  return `cannot be asked (${code ?? (error as Error).name})`;
}

function freshOf(cacheControl: string | string[] | undefined): number {
  const said = /(?:^|[\s,])max-age=(\d{1,9})/i.exec(String(cacheControl ?? ''))?.[1];
  const ms = said === undefined ? FRESH_DEFAULT_MS : Number(said) * 1_000;
  return Math.min(Math.max(ms, FRESH_MIN_MS), FRESH_MAX_MS);
}
