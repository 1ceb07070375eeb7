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

/** All that the contributions say, item by item. */
export function inputsOf({ mains, canaries }: HostContributions): readonly unknown[] {
  const inputs: unknown[] = [mains.length];
  for (const { entry, rule } of mains) inputs.push(entry, rule);
  for (const { entry, rule } of canaries) inputs.push(entry, rule);
  return inputs;
}
