import { Resolver } from 'node:dns/promises';
import type { NetworkMatcher } from '../../lib/cidr.ts';
import { candidatesOf, type ResolvConf } from './resolv-conf.ts';

/**
 * What DNS says about a name. `none`: every answer was that there is no such name or address. `failed`: at least one
 * question got no answer (timeout, SERVFAIL), so that nothing is known.
 */
export type LookupResult =
  | { readonly kind: 'found'; readonly addresses: readonly string[]; readonly ttlMs: number }
  | { readonly kind: 'none' }
  /** All of its addresses are closed to names. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly problem: string };

/** Asks for the addresses of a name. Never rejects. */
export interface NameLookup {
  look(name: string): Promise<LookupResult>;
  /** Gives up on questions under way. */
  cancel(): void;
}

/** The same lookup without the addresses that are closed: whoever writes a name decides what it leads to. */
export function withoutClosed(lookup: NameLookup, isClosed: NetworkMatcher): NameLookup {
  return {
    ...lookup,
    async look(name) {
      const result = await lookup.look(name);
      if (result.kind !== 'found') return result;
      const addresses = result.addresses.filter((address) => !isClosed(address));
      return addresses.length === 0 ? { kind: 'closed' } : { ...result, addresses };
    },
  };
}

/** Answers that say: there is nothing, and asking again gives the same. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA']);

/** Creates a lookup over the name servers of resolv.conf. Neither caches nor reads the hosts file. */
export function createNameLookup(conf: ResolvConf): NameLookup {
  const resolver = new Resolver({ timeout: conf.timeoutMs, tries: conf.attempts });
  resolver.setServers(conf.servers);

  async function ask(name: string, family: 4 | 6): Promise<LookupResult> {
    try {
      const records =
        family === 4
          ? await resolver.resolve4(name, { ttl: true })
          : await resolver.resolve6(name, { ttl: true });
      if (records.length === 0) return { kind: 'none' };
      const ttlMs = Math.min(...records.map(({ ttl }) => ttl)) * 1_000;
      const addresses = [...new Set(records.map(({ address }) => address))].toSorted();
      return { kind: 'found', addresses, ttlMs };
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? '';
      return NOTHING.has(code) ? { kind: 'none' } : { kind: 'failed', problem: code };
    }
  }

  return {
    async look(name) {
      let failed: LookupResult | undefined;
      for (const candidate of candidatesOf(name, conf)) {
        // IPv6 addresses only count where there are no IPv4 ones (docs/reference/routing.md §10).
        for (const family of [4, 6] as const) {
          const result = await ask(candidate, family);
          if (result.kind === 'found') return result;
          if (result.kind === 'failed') {
            failed = result;
            break;
          }
        }
      }
      return failed ?? { kind: 'none' };
    },
    cancel: () => resolver.cancel(),
  };
}
