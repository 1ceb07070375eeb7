import { TIMED } from '../../features/kit/timed-pattern.ts';
import { ANY_CASE, toRegex } from '../../lib/pcre.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import type { Findings } from '../../model/finding.ts';
import type { HostModel } from '../../model/model.ts';
import { recordAliases, type AliasClaim } from './alias-record.ts';
import { compareAge } from '../store/objects.ts';
import type { HostResult } from './hosts.ts';
import { indexWildcards } from './wildcard-hosts.ts';
import { printSource } from '../../model/source.ts';
import type { TranslateOptions } from './options.ts';
import type { CertificateReader } from '../certificates/certificate-reader.ts';

/**
 * Gives hosts their aliases: one that is a host of its own is dropped, one of two hosts goes to the first by name. Under
 * --host-ownership=namespace one that would take names from a wildcard host of another namespace is dropped, too.
 */
export interface AliasSettler {
  settle(results: Iterable<HostResult>, reader: CertificateReader, findings: Findings): HostModel[];
}

/** Creates a settler that keeps the identity of hosts whose aliases stay as they were. */
export function createAliasSettler(ownership: TranslateOptions['hostOwnership']): AliasSettler {
  const settled = new Remembered<HostModel, HostModel>(new WeakMap(), isSameItems);
  return {
    settle(results, reader, findings) {
      const models: HostModel[] = [];
      const wanting: HostResult[] = [];
      for (const result of results) {
        if (result.model === undefined) continue;
        models.push(result.model);
        if (result.written !== undefined || result.implied.length > 0) wanting.push(result);
      }
      if (wanting.length === 0) return models;
      const names = new Map(models.map(({ name }, at) => [name, at]));
      const wildcards = indexWildcards(models);
      const claims = new Map<string, AliasClaim>();
      const whyNot = (alias: string, { source }: HostModel, host: string): string | undefined => {
        if (ownership === 'none') return undefined;
        if (alias.startsWith('~')) {
          return host.startsWith('*.') ? 'could take names of the wildcard hosts behind its own' : undefined;
        }
        const other = wildcards.takenBy(alias).find((taken) => taken.source.namespace !== source.namespace);
        return other && `has names of host ${other.name}, which ${printSource(other.source)} owns`;
      };
      const refused = crowdedOut(wanting);
      const claimed = wanting.map((result) => claimAliases(result, names, claims, refused, whyNot, findings));
      for (const [i, { model, implied, certificate }] of wanting.entries()) {
        const host = model!.name;
        const kept = claimed[i]!;
        // A name that someone wrote down comes before one that only follows from another.
        for (const { name: alias, source } of implied) {
          const problem = names.has(alias)
            ? 'is a host of its own'
            : claims.has(alias)
              ? `is already an alias of host ${claims.get(alias)!.host.name}`
              : whyNot(alias, model!, host);
          if (problem === undefined) {
            claims.set(alias, { alias, host: model!, source });
            kept.push(alias);
          } else {
            const consequence = `it is not redirected to ${host}`;
            findings.warn(source, 'AliasConflict', { value: alias, problem, consequence });
          }
        }
        models[names.get(host)!] = settled.of(model!, [certificate, ...kept], () => ({
          ...model!,
          aliases: kept,
          certificateNames: kept.filter(
            (alias) => certificate !== undefined && reader.covers(certificate.facts.names, alias),
          ),
        }));
      }
      recordAliases([...claims.values()], models, wildcards).report(findings);
      return models;
    },
  };
}

/** The aliases of a host that are free; the others are findings. */
function claimAliases(
  { model, written }: HostResult,
  names: ReadonlyMap<string, unknown>,
  claims: Map<string, AliasClaim>,
  refused: ReadonlySet<string>,
  whyNot: (alias: string, model: HostModel, host: string) => string | undefined,
  findings: Findings,
): string[] {
  const host = model!.name;
  const consequence = `it is no alias of ${host}`;
  const kept: string[] = [];
  if (written === undefined) return kept;
  const source = { ...written.entry.source, field: written.field };
  for (const alias of [...new Set(written.names)].toSorted()) {
    const owner = names.has(alias) ? alias : claims.get(alias)?.host.name;
    const { problem: problemOfAlias, isCostly } = checkAlias(alias);
    const problemOfOwner = problemOfAlias === undefined ? whyNot(alias, model!, host) : undefined;
    if (problemOfAlias !== undefined) {
      const reason = isCostly ? 'SlowPattern' : 'InvalidAlias';
      findings.warn(source, reason, { value: alias, problem: problemOfAlias, consequence });
    } else if (problemOfOwner !== undefined) {
      findings.error(source, 'HostNotOwned', { value: alias, problem: problemOfOwner, consequence });
    } else if (refused.has(`${host} ${alias}`)) {
      const problem = `comes after ${REGEXES_MAX} older aliases that are regular expressions`;
      findings.warn(source, 'SlowPattern', { value: alias, problem, consequence });
    } else if (owner === undefined) {
      claims.set(alias, { alias, host: model!, source });
      kept.push(alias);
    } else if (owner !== host) {
      const problem = names.has(alias) ? 'is a host of its own' : `is already an alias of host ${owner}`;
      findings.warn(source, 'AliasConflict', { value: alias, problem, consequence });
    }
  }
  return kept;
}

/** Every request for a host that nobody has is held against all of them. */
const REGEXES_MAX = 256;
/** Characters that one of them may ask for: 3 ms for the longest name. */
const WEIGHT_MAX = 512;
const WILDCARD = /^(?:\*\.|\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$|^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.\*$/i;

interface AliasProblem {
  /** Undefined: there is none. */
  readonly problem?: string;
  /** See RegexProblem. */
  readonly isCostly?: boolean;
}

/** Why an alias is none: neither a name, a wildcard at one end, nor a regex behind `~` that every request may be held against. */
function checkAlias(alias: string): AliasProblem {
  if (!alias.startsWith('~')) {
    return WILDCARD.test(alias) ? {} : { problem: 'is neither a host name nor a wildcard' };
  }
  const regex = toRegex(alias.slice(1), ANY_CASE);
  if (!regex.ok) return regex;
  if (regex.isTimed) return { problem: TIMED.problem, isCostly: true };
  if (regex.weight > WEIGHT_MAX) return { problem: 'is too large for a name', isCostly: true };
  return {};
}

/** Regex aliases, each behind its host and a blank, that come after as many older ones as there may be. */
function crowdedOut(wanting: readonly HostResult[]): ReadonlySet<string> {
  const regexes = wanting
    .filter(({ written }) => written?.names.some((alias) => alias.startsWith('~')))
    .toSorted((a, b) => compareAge(a.written!.entry.ingress, b.written!.entry.ingress))
    .flatMap(({ model, written }) =>
      written!.names
        .filter((alias) => alias.startsWith('~') && checkAlias(alias).problem === undefined)
        .map((alias) => `${model!.name} ${alias}`),
    );
  return new Set(regexes.slice(REGEXES_MAX));
}
