import { editsBetween, KeyedList } from '../../lib/edited-list.ts';
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

/**
 * Lists them, model after model: a list of hosts with a known way from the last costs what changed. No alias is a host of its own or another's, so
 * that each host has its names to itself.
 */
export function createTlsNames(): (
  hosts: readonly HostModel[],
  passedThrough: ReadonlySet<string>,
) => readonly TlsName[] {
  const names = new KeyedList<TlsName>(({ name }) => name);
  let last: readonly HostModel[] = [];
  let lastPassed: ReadonlySet<string> = new Set();

  function set(name: string, now: TlsName | undefined): void {
    const before = names.get(name);
    if (now === undefined || before === undefined || !isSame(before, now)) names.set(name, now);
  }

  return (hosts, passedThrough) => {
    const isPassedSame = passedThrough.size === lastPassed.size && passedThrough.isSubsetOf(lastPassed);
    const edits = isPassedSame ? editsBetween(last, hosts) : undefined;
    last = hosts;
    lastPassed = passedThrough;
    const before = edits?.flatMap((edit) => edit.before ?? []);
    const after = edits?.flatMap((edit) => edit.after ?? []) ?? hosts;
    const now = tlsNamesOf(after, edits === undefined ? passedThrough : []);
    const stays = new Set(now.map(({ name }) => name));
    for (const name of before === undefined ? names.keys() : tlsNamesOf(before).map((one) => one.name))
      if (!stays.has(name) && !(before !== undefined && passedThrough.has(name))) set(name, undefined);
    for (const one of now) if (before === undefined || !passedThrough.has(one.name)) set(one.name, one);
    return names.list();
  };
}

function isSame(a: TlsName, b: TlsName): boolean {
  if (a.kind === 'passthrough' || b.kind === 'passthrough') return a.kind === b.kind;
  return a.certificateId === b.certificateId;
}
