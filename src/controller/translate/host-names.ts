import type { Feature } from '../../features/kit/feature.ts';
import type { Findings } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import type { IngressEntry } from './entries.ts';
import { fieldOfFeature } from './feature-field.ts';
import type { Contribution } from './host-routes.ts';

/** Names that someone wrote down for a host besides its own. */
export interface WrittenNames {
  readonly names: readonly string[];
  readonly entry: IngressEntry;
  readonly field: string;
}

/** A name that follows from the host's own, and who asks for it. */
export interface ImpliedName {
  readonly name: string;
  readonly source: SourceRef;
}

/** The names of the oldest Ingress that writes any; those of the others are findings. */
export function writtenNames(
  host: string,
  mains: readonly Contribution[],
  features: readonly Feature[],
  findings: Findings,
): WrittenNames | undefined {
  let first: WrittenNames | undefined;
  for (const feature of features) {
    if (feature.names?.kind !== 'written') continue;
    const field = fieldOfFeature(feature.name, features);
    for (const { entry, rule } of mains) {
      const policy = entry.annotations.host[feature.name];
      if (rule < 0 || policy === undefined) continue;
      const names = feature.names.of(policy, host);
      if (names.length === 0) continue;
      first ??= { names, entry, field };
      if (entry === first.entry) continue;
      findings.warn(entry.source, 'AliasConflict', {
        field,
        value: names.join(','),
        problem: `comes after that of Ingress ${first.entry.ingress.namespace}/${first.entry.ingress.name} for host ${host}`,
        consequence: 'the older list is used',
      });
    }
  }
  return first;
}

/** The names that follow from the policies in force; `winners` are the Ingresses that decided them, by feature. */
export function impliedNames(
  host: string,
  winners: ReadonlyMap<string, IngressEntry>,
  features: readonly Feature[],
): readonly ImpliedName[] {
  return features.flatMap(({ name: feature, names }) => {
    const entry = winners.get(feature);
    if (names?.kind !== 'implied' || entry === undefined) return [];
    const source = { ...entry.source, field: fieldOfFeature(feature, features) };
    return names.of(entry.annotations.host[feature], host).map((name) => ({ name, source }));
  });
}
