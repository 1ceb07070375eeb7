import { addressFamily, canonicalAddress } from '../../lib/address-text.ts';
import { parseGoBool, splitList } from '../../lib/nginx-values.ts';
import { createFindings, type Finding } from '../../model/finding.ts';
import type { ListenerModel } from '../../model/model.ts';
import type { Listener } from '../../model/ports.ts';
import type { SourceRef } from '../../model/source.ts';
import type { ConfigMapObject } from '../store/objects.ts';

/** ConfigMap keys that say where ports are open. */
export const LISTEN_KEYS: readonly string[] = ['bind-address', 'disable-ipv6'];

/** Each one is a socket per port and worker. */
const MAX_ADDRESSES = 32;

const FLAGS: SourceRef = { kind: 'Controller', namespace: '', name: 'flags' };

export interface Listening {
  readonly listeners: readonly ListenerModel[];
  /** One for each address that a port is to be open at. */
  readonly placesOf: (listener: Listener) => readonly ListenerModel[];
  readonly findings: readonly Finding[];
}

/** The ports of the flags, at the addresses that the ConfigMap names (docs/reference/settings.md §2.2). */
export function listenAt(flagged: readonly Listener[], configMap: ConfigMapObject | undefined): Listening {
  const findings = createFindings();
  const source: SourceRef = {
    kind: 'ConfigMap',
    namespace: configMap?.namespace ?? '',
    name: configMap?.name ?? '',
  };
  const text = (key: string) => configMap?.data.get(key)?.trim() ?? '';
  const tell = (key: string, value: string, problem: string, consequence: string) =>
    findings.warn(source, 'InvalidSetting', { field: `data.${key}`, value, problem, consequence });

  const disabled = text('disable-ipv6');
  const isIPv4Only = parseGoBool(disabled);
  if (isIPv4Only === undefined && disabled !== '')
    tell('disable-ipv6', disabled, 'is not a boolean', 'the default is used');

  const addresses = new Set<string>();
  for (const item of splitList(text('bind-address'))) {
    const family = addressFamily(item);
    const consequence = 'nothing listens at it';
    if (family === 0) tell('bind-address', item, 'is not an IP address', consequence);
    else if (family === 6 && isIPv4Only === true)
      tell('bind-address', item, 'is an IPv6 address, and disable-ipv6 is set', consequence);
    else if (addresses.size === MAX_ADDRESSES)
      tell('bind-address', item, `stands behind ${MAX_ADDRESSES} addresses`, consequence);
    else addresses.add(canonicalAddress(item));
  }
  const placesOf = (listener: Listener): readonly ListenerModel[] => {
    if (addresses.size === 0) {
      const host = isIPv4Only === true && listener.host === '::' ? '0.0.0.0' : listener.host;
      return [{ ...listener, host, source: host === listener.host ? FLAGS : source }];
    }
    return Array.from(addresses, (host, index) => ({
      ...listener,
      // The first keeps the name that the port is known by.
      name: index === 0 ? listener.name : `${listener.name} ${host}`,
      host,
      source,
    }));
  };
  return { listeners: flagged.flatMap(placesOf), placesOf, findings: findings.list() };
}
