import type { HostModel } from '../../model/model.ts';

/** Hosts kept for one name: enough to tell whether any is of another namespace, and to name some. */
const KEPT_MAX = 4;

/** Wildcard hosts, found by the aliases that would take names from them (docs/reference/routing.md §2: aliases come before wildcard hosts). */
export interface WildcardHosts {
  /** Those some of whose names an exact or wildcard alias takes; at most a few, of different namespaces. */
  takenBy(alias: string): readonly HostModel[];
}

/** Indexes the wildcard hosts, so that a look-up costs the same for one of them as for thousands. */
export function indexWildcards(hosts: Iterable<HostModel>): WildcardHosts {
  /** By what is behind the first label: `.b.test`. */
  const bySuffix = new Map<string, HostModel>();
  /** By each end of that, `.test` too. */
  const byEnd = new Map<string, HostModel[]>();
  /** By each beginning of it that goes on: empty, `b.`. */
  const byBeginning = new Map<string, HostModel[]>();
  for (const host of hosts) {
    if (!host.name.startsWith('*.')) continue;
    const suffix = host.name.slice(1);
    bySuffix.set(suffix, host);
    for (let dot = 0; dot >= 0; dot = suffix.indexOf('.', dot + 1)) {
      keep(byEnd, suffix.slice(dot), host);
      keep(byBeginning, suffix.slice(1, dot + 1), host);
    }
  }
  const exactly = (name: string): readonly HostModel[] => {
    const dot = name.indexOf('.');
    const host = dot > 0 ? bySuffix.get(name.slice(dot)) : undefined;
    return host === undefined ? [] : [host];
  };
  return {
    takenBy(alias) {
      if (alias.startsWith('*.')) return byEnd.get(alias.slice(1)) ?? [];
      if (alias.startsWith('.')) return [...(byEnd.get(alias) ?? []), ...exactly(alias.slice(1))];
      if (!alias.endsWith('.*')) return exactly(alias);
      const firstDot = alias.indexOf('.');
      return byBeginning.get(alias.slice(firstDot + 1, -1)) ?? [];
    },
  };
}

function keep(map: Map<string, HostModel[]>, key: string, host: HostModel): void {
  const kept = map.get(key);
  if (kept === undefined) {
    map.set(key, [host]);
    return;
  }
  if (kept.length >= KEPT_MAX) return;
  if (kept.every(({ source }) => source.namespace !== host.source.namespace)) kept.push(host);
}
