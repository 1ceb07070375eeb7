import { isIP, type LookupFunction } from 'node:net';
import type { Agent, Dispatcher } from 'undici';
import type { NetworkMatcher } from '../../lib/cidr.ts';
import type { NameLookup } from './name-lookup.ts';

export type Fetched =
  | { readonly ok: true; readonly body: Buffer; readonly cacheControl: string }
  /** Says nothing of what was answered: whoever chose the URL must not read by it. */
  | { readonly ok: false; readonly problem: string };

export interface GuardedFetchDeps {
  readonly look: NameLookup['look'];
  /** Addresses that no URL may lead to. */
  readonly isAddressClosed: NetworkMatcher;
  /** What is told of a URL that leads there. */
  readonly forbidden: string;
  /** For all of it: the name, the connection and the answer. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

/** Asks URLs that somebody else chose: bounded in time and size, without redirects. */
export interface GuardedFetch {
  /** Never rejects. */
  ask(
    url: string,
    options: Pick<Dispatcher.RequestOptions, 'method' | 'headers' | 'body'>,
    signal: AbortSignal,
  ): Promise<Fetched>;
  close(): Promise<void>;
}

export function createGuardedFetch(deps: GuardedFetchDeps): GuardedFetch {
  const { isAddressClosed, forbidden, timeoutMs, maxBytes } = deps;
  let agent: Agent | undefined;
  let isClosed = false;
  const open = async () => {
    // Loaded with the first question: most controllers never ask one.
    const { Agent, request } = await import('undici');
    agent ??= new Agent({
      connect: { timeout: timeoutMs, lookup: guardedLookup(deps) },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      maxResponseSize: maxBytes,
      pipelining: 0,
    });
    if (isClosed) await agent.destroy();
    return { request, dispatcher: agent };
  };
  return {
    async ask(url, options, signal) {
      try {
        const { hostname } = new URL(url);
        const literal = hostname.replace(/^\[|\]$/g, '');
        // A literal address is never looked up.
        if (isIP(literal) !== 0 && isAddressClosed(literal)) return { ok: false, problem: forbidden };
        const { request, dispatcher } = await open();
        const { statusCode, headers, body } = await request(url, {
          ...options,
          dispatcher,
          signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
        });
        if (statusCode !== 200) {
          await body.dump();
          return { ok: false, problem: `answers with status ${statusCode}` };
        }
        const cacheControl = String(headers['cache-control'] ?? '');
        return { ok: true, body: Buffer.from(await body.arrayBuffer()), cacheControl };
      } catch (error) {
        return { ok: false, problem: problemOf(error, maxBytes) };
      }
    },
    async close() {
      isClosed = true;
      await agent?.destroy();
    },
  };
}

function guardedLookup({ look, isAddressClosed, forbidden }: GuardedFetchDeps): LookupFunction {
  return (hostname, options, callback) => {
    void look(hostname).then((result) => {
      if (result.kind !== 'found') return callback(failure('does not resolve'), []);
      const open = result.addresses.filter((address) => !isAddressClosed(address));
      const [first] = open;
      if (first === undefined) callback(failure(forbidden), []);
      else if (options.all === true)
        callback(
          null,
          open.map((address) => ({ address, family: isIP(address) })),
        );
      else callback(null, first, isIP(first));
    });
  };
}

const OURS = 'ERR_GUARDED';

function failure(problem: string): NodeJS.ErrnoException {
  return Object.assign(new Error(problem), { code: OURS });
}

const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

function problemOf(error: unknown, maxBytes: number): string {
  const { code, message, cause } = error as NodeJS.ErrnoException;
  if (code === OURS) return message;
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return `answers with more than ${maxBytes} bytes`;
  if (cause !== undefined && cause !== error) return problemOf(cause, maxBytes);
  if ((error as Error).name === 'TimeoutError' || TIMEOUTS.has(code ?? '')) return 'does not answer in time';
  return `cannot be asked (${code ?? (error as Error).name})`;
}
