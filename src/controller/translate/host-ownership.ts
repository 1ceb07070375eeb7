import type { Findings } from '../../model/finding.ts';
import { printSource } from '../../model/source.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { IngressEntry } from './entries.ts';
import type { HostContributions } from './host-contributions.ts';
import { fieldOfContribution, type Contribution } from './host-routes.ts';

/**
 * Leaves on each host what the namespace says that owns it: that of its oldest main Ingress, or of the wildcard host that has the
 * name, where that one is older. What others say is a finding on each of them. `served` are all Ingresses, oldest first.
 */
export function keepOwners(
  hosts: ReadonlyMap<string, HostContributions>,
  served: readonly IngressEntry[],
  findings: Findings,
): Map<string, HostContributions> {
  const ages = new Map(served.map((entry, age) => [entry, age]));
  const ageOf = (first: Contribution | undefined) =>
    first === undefined ? Infinity : ages.get(first.entry)!;
  const kept = new Map<string, HostContributions>();
  for (const name of [...hosts.keys()].toSorted()) {
    const { mains, canaries } = hosts.get(name)!;
    const own = mains[0];
    const wildcard = `*${name.slice(name.indexOf('.'))}`;
    const wider = name.indexOf('.') > 0 && name !== wildcard ? hosts.get(wildcard)?.mains[0] : undefined;
    const first = ageOf(wider) < ageOf(own) ? wider : own;
    if (first === undefined) {
      kept.set(name, { mains, canaries });
      continue;
    }
    const { namespace } = first.entry.ingress;
    const by = first === own ? '' : ` by its host ${wildcard}`;
    const isOwned = (contribution: Contribution) => {
      if (contribution.entry.ingress.namespace === namespace) return true;
      findings.error(contribution.entry.source, 'HostNotOwned', {
        field: fieldOfContribution(contribution),
        value: name,
        problem: `is a host of namespace ${namespace}${by}: ${printSource(first.entry.source)} was first`,
        consequence: 'what this Ingress says of the host is not taken',
      });
      return false;
    };
    const next = { mains: mains.filter(isOwned), canaries: canaries.filter(isOwned) };
    if (name === CATCH_ALL || next.mains.length + next.canaries.length > 0) kept.set(name, next);
  }
  return kept;
}
