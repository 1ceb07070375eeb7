import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { NetworkMatcher } from '../../lib/cidr.ts';
import { createNameLookup, withoutClosed, type NameLookup } from './name-lookup.ts';
import { createNameWatcher } from './name-watcher.ts';
import { parseResolvConf } from './resolv-conf.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { ControlLog } from '../../observe/log.ts';

/** Follows the names behind upstreams of ExternalName Services, and of hosts that annotations name. */
export interface ExternalNames {
  watch(upstreams: readonly UpstreamModel[]): void;
  addressesOf(name: string): readonly string[];
  /** Asks once for a name that is not followed. */
  readonly look: NameLookup['look'];
  stop(): void;
}

export interface ExternalNamesDeps {
  readonly store: ObjectStore;
  readonly log: ControlLog;
  /** Addresses that no name may lead to. */
  readonly isAddressClosed: NetworkMatcher;
  /** The addresses of an upstream are others now. */
  readonly moved: (upstreamId: string) => void;
}

/** Starts with the name servers of /etc/resolv.conf; without that file nothing resolves, and the log says so. */
export function createExternalNames({
  store,
  log,
  isAddressClosed,
  moved,
}: ExternalNamesDeps): ExternalNames {
  let text = '';
  try {
    text = readFileSync('/etc/resolv.conf', 'utf8');
  } catch (error) {
    log.warn(
      { error },
      '/etc/resolv.conf cannot be read: names of ExternalName Services and of hosts do not resolve',
    );
  }
  const lookup = createNameLookup(parseResolvConf(text));
  let idsByName = new Map<string, string[]>();
  const watcher = createNameWatcher({
    lookup: withoutClosed(lookup, isAddressClosed),
    changed: (name) => idsByName.get(name)?.forEach(moved),
    failing: (name, problem) => {
      if (problem === '') log.info({ name }, 'an external name resolves again');
      else log.warn({ name, problem }, 'an external name does not resolve');
    },
  });
  return {
    watch(upstreams) {
      const next = new Map<string, string[]>();
      for (const { id, namespace, service, host } of upstreams) {
        const name = host ?? store.get('Service', { namespace, name: service })?.externalName ?? '';
        if (name !== '' && isIP(name) === 0) next.set(name, [...(next.get(name) ?? []), id]);
      }
      idsByName = next;
      watcher.watch(next.keys());
    },
    addressesOf: (name) => watcher.addressesOf(name),
    look: (name) => lookup.look(name),
    stop() {
      watcher.stop();
      lookup.cancel();
    },
  };
}
