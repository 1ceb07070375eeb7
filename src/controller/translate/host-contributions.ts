import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { IngressEntry } from './entries.ts';
import type { Contribution } from './host-routes.ts';

/** All that Ingresses say about one host, oldest first. */
export interface HostContributions {
  readonly mains: Contribution[];
  readonly canaries: Contribution[];
}

/** What each host is told, oldest first. The catch-all host is always there. */
export function groupByHost(served: readonly IngressEntry[]): Map<string, HostContributions> {
  const hosts = new Map<string, HostContributions>();
  const at = (name: string): HostContributions => {
    let contributions = hosts.get(name);
    if (contributions === undefined) hosts.set(name, (contributions = { mains: [], canaries: [] }));
    return contributions;
  };
  at(CATCH_ALL);
  for (const entry of served) {
    const { defaultBackend, rules } = entry.ingress;
    const isCatchAll = defaultBackend?.kind === 'service' && (entry.isCanary || rules.length === 0);
    if (isCatchAll) at(CATCH_ALL)[entry.isCanary ? 'canaries' : 'mains'].push({ entry, rule: -1 });
    for (const { name, rule } of entry.hosts) {
      const contributions = at(name);
      contributions[entry.isCanary ? 'canaries' : 'mains'].push({ entry, rule });
    }
  }
  return hosts;
}

/** True when the same entries say the same, in the same order. */
export function isSameContributions(a: HostContributions, b: HostContributions): boolean {
  return isSameList(a.mains, b.mains) && isSameList(a.canaries, b.canaries);
}

function isSameList(a: readonly Contribution[], b: readonly Contribution[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (a[index]!.entry !== b[index]!.entry || a[index]!.rule !== b[index]!.rule) return false;
  }
  return true;
}
