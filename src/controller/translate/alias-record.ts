import { Pattern } from '../../lib/pattern.ts';
import { ANY_CASE, toRegex } from '../../lib/pcre.ts';
import type { HostModel } from '../../model/model.ts';
import type { SourceRef } from '../../model/source.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import { createHostRecord, type HostRecord } from './host-record.ts';
import type { WildcardHosts } from './wildcard-hosts.ts';

/** A name that a host has by an annotation. */
export interface AliasClaim {
  readonly alias: string;
  readonly host: HostModel;
  /** With the field that asks for it. */
  readonly source: SourceRef;
}

/** A name that nobody has: an alias that matches it matches any. */
const PROBE = 'serin-7f3a.invalid';
/** Hosts that are told of one alias that matches any name. */
const HELD_MAX = 16;

/** Tells which aliases take names that Ingresses of other namespaces serve, as host, wildcard, alias or catch-all; `owners` are all, by alias. */
export function recordAliases(
  claims: readonly AliasClaim[],
  owners: ReadonlyMap<string, AliasClaim>,
  hosts: readonly HostModel[],
  wildcards: WildcardHosts,
): HostRecord {
  const record = createHostRecord([]);
  const take = ({ alias, host, source }: AliasClaim, from: HostModel | undefined) => {
    if (from === undefined || from.source.kind !== 'Ingress') return;
    record.takes(
      {
        source,
        field: source.field ?? '',
        value: alias,
        what: `where some names of host ${from.name} lead`,
        consequence: `requests for names that match it go to host ${host.name}`,
      },
      { source: from.source, field: from.source.field ?? '', value: from.name },
    );
  };
  // Regexes are tried in the order of their hosts, wildcard hosts among them: what the first that matches any name leaves is nothing.
  const regexes = claims.filter(({ alias }) => alias.startsWith('~')).toSorted(byHost);
  const first = regexes.find(({ alias }) => matches(alias, PROBE));
  if (first !== undefined) {
    const asking = new Set(regexes.map(({ host }) => host.name));
    const isTakenFrom = ({ name, source }: HostModel) =>
      name === CATCH_ALL ||
      (name > first.host.name &&
        (name.startsWith('*.') || asking.has(name)) &&
        source.namespace !== first.source.namespace);
    for (const host of hosts.filter(isTakenFrom).slice(0, HELD_MAX)) take(first, host);
  }
  for (const claim of claims) {
    if (claim.alias.startsWith('~')) continue;
    for (const host of wildcards.takenBy(claim.alias)) take(claim, host);
    for (const wider of widerAliases(claim.alias)) take(claim, owners.get(wider)?.host);
  }
  return record;
}

function byHost(a: AliasClaim, b: AliasClaim): number {
  return a.host.name < b.host.name ? -1 : 1;
}

/** Wildcard aliases that have the names of this one, too. */
function widerAliases(alias: string): string[] {
  const wider: string[] = [];
  for (let dot = alias.indexOf('.', 1); dot > 0; dot = alias.indexOf('.', dot + 1)) {
    const suffix = alias.slice(dot);
    if (suffix !== '.*' && `*${suffix}` !== alias) wider.push(`*${suffix}`, suffix);
  }
  return wider;
}

/** Whether a regex matches a name; one that cannot be matched in linear time is not tried, and counts as if it did. */
function matches(alias: string, name: string): boolean {
  const regex = toRegex(alias.slice(1), ANY_CASE);
  return regex.ok && (regex.isTimed === true || new Pattern(regex, false).test(name));
}
