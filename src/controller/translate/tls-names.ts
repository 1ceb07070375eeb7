import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { HostModel } from '../../model/model.ts';
import type { TlsName } from '../../model/ports.ts';

/**
 * Names with a certificate of their own, and those that are passed through, sorted; the bare catch-all never has one
 * (docs/reference/annotations.md §2.2).
 */
export function tlsNamesOf(hosts: readonly HostModel[], passedThrough: Iterable<string> = []): TlsName[] {
  const names = new Map<string, TlsName>();
  for (const name of passedThrough) names.set(name, { kind: 'passthrough', name });
  const add = (name: string, { certificateId }: HostModel) => {
    if (certificateId === undefined || names.has(name)) return;
    names.set(name, { kind: 'terminate', name, certificateId });
  };
  for (const host of hosts) if (host.name !== CATCH_ALL) add(host.name, host);
  // A host's own name comes before another's alias.
  for (const host of hosts) for (const alias of host.certificateNames) add(alias, host);
  return [...names.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The list of before where it says the same. */
export function keepSame(before: readonly TlsName[], now: readonly TlsName[]): readonly TlsName[] {
  const isSame = (a: TlsName, b: TlsName | undefined): boolean =>
    a.name === b?.name &&
    (a.kind === 'passthrough'
      ? b.kind === 'passthrough'
      : b.kind === 'terminate' && a.certificateId === b.certificateId);
  return before.length === now.length && now.every((name, at) => isSame(name, before[at])) ? before : now;
}
