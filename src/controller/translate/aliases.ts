import { toRegex } from '../../lib/pcre.ts';
import type { Findings } from '../../model/finding.ts';
import type { HostModel } from '../../model/model.ts';
import type { HostResult } from './hosts.ts';
import type { CertificateReader } from '../certificates/certificate-reader.ts';

/** Gives hosts their aliases: one that is a host of its own is dropped, one of two hosts goes to the first by name. */
export interface AliasSettler {
  settle(results: Iterable<HostResult>, reader: CertificateReader, findings: Findings): HostModel[];
}

/** Creates a settler that keeps the identity of hosts whose aliases stay as they were. */
export function createAliasSettler(): AliasSettler {
  const settled = new WeakMap<HostModel, HostModel>();
  return {
    settle(results, reader, findings) {
      const models: HostModel[] = [];
      const wanting: HostResult[] = [];
      const names = new Map<string, number>();
      for (const result of results) {
        if (result.model === undefined) continue;
        names.set(result.model.name, models.length);
        models.push(result.model);
        if (result.aliases.length > 0 || result.wwwAlias !== undefined) wanting.push(result);
      }
      const owners = new Map<string, string>();
      const claimed = wanting.map((result) => claimAliases(result, names, owners, findings));
      for (const [i, { model, wwwAlias, certificate }] of wanting.entries()) {
        const host = model!.name;
        const kept = claimed[i]!;
        // A name that someone wrote down comes before one that only follows from another.
        if (wwwAlias !== undefined && !names.has(wwwAlias) && !owners.has(wwwAlias)) {
          owners.set(wwwAlias, host);
          kept.push(wwwAlias);
        }
        const covered =
          certificate === undefined
            ? []
            : kept.filter((alias) => reader.covers(certificate.facts.names, alias));
        const before = settled.get(model!);
        if (before !== undefined && isSame(before.aliases, kept)) {
          models[names.get(host)!] = before;
          continue;
        }
        const next: HostModel = { ...model!, aliases: kept, certificateNames: covered };
        settled.set(model!, next);
        models[names.get(host)!] = next;
      }
      return models;
    },
  };
}

/** The aliases of a host that are free; the others are findings. */
function claimAliases(
  { model, aliases, aliasSource }: HostResult,
  names: ReadonlyMap<string, unknown>,
  owners: Map<string, string>,
  findings: Findings,
): string[] {
  const host = model!.name;
  const consequence = `it is no alias of ${host}`;
  const kept: string[] = [];
  for (const alias of [...new Set(aliases)].toSorted()) {
    const owner = names.has(alias) ? alias : owners.get(alias);
    const problemOfAlias = checkAlias(alias);
    if (problemOfAlias !== undefined) {
      findings.warn(aliasSource!, 'InvalidAlias', { value: alias, problem: problemOfAlias, consequence });
    } else if (owner === undefined) {
      owners.set(alias, host);
      kept.push(alias);
    } else if (owner !== host) {
      const problem = names.has(alias) ? 'is a host of its own' : `is already an alias of host ${owner}`;
      findings.warn(aliasSource!, 'AliasConflict', { value: alias, problem, consequence });
    }
  }
  return kept;
}

const WILDCARD = /^(?:\*\.|\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$|^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.\*$/i;

/** Why an alias is none: neither a name, a wildcard at one end, nor a regex behind `~`. */
function checkAlias(alias: string): string | undefined {
  if (!alias.startsWith('~')) {
    return WILDCARD.test(alias) ? undefined : 'is neither a host name nor a wildcard';
  }
  const regex = toRegex(alias.slice(1));
  return regex.ok ? undefined : regex.problem;
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}
