import { TIMED } from '../../features/kit/timed-pattern.ts';
import { ANY_CASE, toRegex } from '../../lib/pcre.ts';
import { CountedTexts } from '../../lib/counted-texts.ts';
import {
  byText,
  createDerivedList,
  createSelection,
  editsBetween,
  KeyedList,
  placeOf,
  relateLists,
  withEdits,
  type Edit,
} from '../../lib/edited-list.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import { createFindings, type Finding } from '../../model/finding.ts';
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
  /** `results` are sorted by name; a host that changes costs itself, where nobody else asks for a name of it or has a say in one. */
  settle(results: readonly HostResult[], reader: CertificateReader): SettledAliases;
}

export interface SettledAliases {
  /** Sorted by name. */
  readonly models: readonly HostModel[];
  readonly findings: readonly Finding[];
}

/** What became of the aliases of a host. */
interface Outcome {
  readonly name: string;
  readonly model: HostModel;
  readonly ofWritten: readonly Finding[];
  readonly ofImplied: readonly Finding[];
}

/** Why a host may not have an alias; undefined: it may. */
type WhyNot = (alias: string, model: HostModel, host: string) => string | undefined;

/** Who has a say in aliases. */
interface Rivals {
  readonly hosts: readonly HostModel[];
  readonly claims: Map<string, AliasClaim>;
  readonly refused: ReadonlySet<string>;
  readonly whyNot: WhyNot;
}

const NO_ALIASES: readonly Finding[] = [];
const NONE_REFUSED: ReadonlySet<string> = new Set();
const byName = byText(({ name }: { readonly name: string }) => name);

/** Creates a settler that keeps the identity of hosts whose aliases stay as they were. */
export function createAliasSettler(ownership: TranslateOptions['hostOwnership']): AliasSettler {
  const remembered = new Remembered<HostModel, HostModel>(new WeakMap(), isSameItems);
  const hostsOf = createDerivedList(({ model }: HostResult) => model, byName);
  const wantingAmong = createSelection<HostResult>(isWanting, byName);
  const wildcardsAmong = createSelection<HostModel>(({ name }) => name.startsWith('*.'), byName);
  let wildcards = indexWildcards([]);
  let wildcardsOf: readonly HostModel[] = [];
  let last: readonly HostResult[] = [];
  let models: readonly HostModel[] = [];
  let claims = new Map<string, AliasClaim>();
  let asked = new CountedTexts();
  let outcomes = new WeakMap<HostResult, Outcome>();
  let telling = new KeyedList<Outcome>(({ name }) => name);
  let ofRecord = NO_ALIASES;
  /** A host's aliases depend on nothing but who asks for them and who has their names. */
  let isSimple = false;

  const whyNot: WhyNot = (alias, { source }, host) => {
    if (ownership === 'none') return undefined;
    if (alias.startsWith('~')) {
      return host.startsWith('*.') ? 'could take names of the wildcard hosts behind its own' : undefined;
    }
    const other = wildcards.takenBy(alias).find((taken) => taken.source.namespace !== source.namespace);
    return other && `has names of host ${other.name}, which ${printSource(other.source)} owns`;
  };

  function conclude(
    result: HostResult,
    kept: readonly string[],
    ofWritten: readonly Finding[],
    ofImplied: readonly Finding[],
    reader: CertificateReader,
  ): HostModel {
    const { name, certificate } = result;
    const host = result.model!;
    const model = remembered.of(host, [certificate, ...kept], () => ({
      ...host,
      aliases: kept,
      certificateNames: kept.filter(
        (alias) => certificate !== undefined && reader.covers(certificate.facts.names, alias),
      ),
    }));
    const outcome: Outcome = { name, model, ofWritten, ofImplied };
    outcomes.set(result, outcome);
    telling.set(name, ofWritten.length + ofImplied.length > 0 ? outcome : undefined);
    return model;
  }

  function settleAll(
    hosts: readonly HostModel[],
    wanting: readonly HostResult[],
    reader: CertificateReader,
  ): void {
    claims = new Map();
    asked = new CountedTexts();
    outcomes = new WeakMap();
    telling = new KeyedList<Outcome>(({ name }) => name);
    const rivals: Rivals = { hosts, claims, refused: crowdedOut(wanting), whyNot };
    const next = hosts.slice();
    const claimed = wanting.map((result) => claimWritten(result, rivals));
    for (const [i, result] of wanting.entries()) {
      for (const name of namesAsked(result)) asked.add(name);
      const { kept, findings } = claimed[i]!;
      // A name that someone wrote down comes before one that only follows from another.
      const implied = claimImplied(result, rivals);
      const at = placeOf(next, result.model!, byName);
      next[at] = conclude(result, [...kept, ...implied.kept], findings, implied.findings, reader);
    }
    ofRecord = recorded([...claims.values()], next);
    isSimple =
      ownership === 'none' && ofRecord.length === 0 && !wanting.some((one) => namesAsked(one).some(isRegex));
    relateLists(models, next, byName);
    models = next;
  }

  /** What is to be told of names that aliases take from others. */
  function recorded(ofThese: readonly AliasClaim[], hosts: readonly HostModel[]): readonly Finding[] {
    const findings = createFindings();
    recordAliases(ofThese, claims, hosts, wildcards).report(findings);
    return findings.list();
  }

  /** Settles the hosts that changed; answers whether that is all: nobody else had, or has, a say. */
  function settleEdited(
    edits: readonly Edit<HostResult>[],
    hosts: readonly HostModel[],
    reader: CertificateReader,
  ): boolean {
    const sides = edits.flatMap(({ before, after }) => [before ?? [], after ?? []].flat());
    if (sides.some((result) => result.name.startsWith('*.') || namesAsked(result).some(isPattern)))
      return false;
    const befores = edits.flatMap(({ before }) => before ?? []).filter(isWanting);
    const afters = edits.flatMap(({ after }) => after ?? []).filter(isWanting);
    for (const before of befores) for (const name of namesAsked(before)) asked.drop(name);
    if (befores.some((before) => namesAsked(before).some((name) => asked.has(name)))) return false;
    for (const after of afters) {
      const names = namesAsked(after);
      if (names.some((name) => asked.has(name))) return false;
      for (const name of names) asked.add(name);
    }
    const isAsked = ({ before, after }: Edit<HostResult>) =>
      (before?.model === undefined) !== (after?.model === undefined) && asked.has((after ?? before)!.name);
    if (edits.some(isAsked)) return false;
    for (const before of befores) {
      telling.set(before.name, undefined);
      for (const name of namesAsked(before))
        if (claims.get(name)?.host.name === before.name) claims.delete(name);
    }
    const rivals: Rivals = { hosts, claims, refused: NONE_REFUSED, whyNot };
    const settledBefore = edits.map(({ before }) => before && settledOf(before));
    for (const after of afters) {
      const written = claimWritten(after, rivals);
      const implied = claimImplied(after, rivals);
      const kept = [...written.kept, ...implied.kept];
      conclude(after, kept, written.findings, implied.findings, reader);
      const own = kept.map((alias) => claims.get(alias)!);
      if (recorded(own, hosts).length > 0) return false;
    }
    models = withEdits(
      models,
      edits.map(({ after }, i) => ({ before: settledBefore[i], after: after && settledOf(after) })),
      byName,
    );
    return true;
  }

  function settledOf(result: HostResult): HostModel | undefined {
    return outcomes.get(result)?.model ?? result.model;
  }

  function tell(): readonly Finding[] {
    const told = telling.list();
    if (told.length + ofRecord.length === 0) return NO_ALIASES;
    const ofWritten = told.flatMap((outcome) => outcome.ofWritten);
    return [...ofWritten, ...told.flatMap(({ ofImplied }) => ofImplied), ...ofRecord];
  }

  return {
    settle(results, reader) {
      const hosts = hostsOf(results);
      const wanting = wantingAmong(results);
      const edits = isSimple ? editsBetween(last, results) : undefined;
      last = results;
      if (wanting.length === 0) {
        isSimple = false;
        if (models !== hosts && editsBetween(models, hosts) === undefined) relateLists(models, hosts, byName);
        models = hosts;
        return { models, findings: NO_ALIASES };
      }
      const wild = wildcardsAmong(hosts);
      if (wild !== wildcardsOf) wildcards = indexWildcards(wild);
      wildcardsOf = wild;
      if (edits === undefined || !settleEdited(edits, hosts, reader)) settleAll(hosts, wanting, reader);
      return { models, findings: tell() };
    },
  };
}

function isWanting({ model, written, implied }: HostResult): boolean {
  return model !== undefined && (written !== undefined || implied.length > 0);
}

/** The names that a host would like to have. */
function namesAsked({ written, implied }: HostResult): readonly string[] {
  return [...new Set([...(written?.names ?? []), ...implied.map(({ name }) => name)])];
}

function isRegex(alias: string): boolean {
  return alias.startsWith('~');
}

/** Whether more than one name may be it. */
function isPattern(alias: string): boolean {
  return isRegex(alias) || alias.includes('*') || alias.startsWith('.');
}

function isHost(name: string, { hosts }: Rivals): boolean {
  return hosts[placeOf<{ readonly name: string }>(hosts, { name }, byName)]?.name === name;
}

/** What a host has of the names that it asks for. */
interface Claimed {
  readonly kept: readonly string[];
  readonly findings: readonly Finding[];
}

/** The aliases of a host that are free; the others are findings. */
function claimWritten({ model, written }: HostResult, rivals: Rivals): Claimed {
  const { claims, refused, whyNot } = rivals;
  const host = model!.name;
  const consequence = `it is no alias of ${host}`;
  if (written === undefined) return { kept: [], findings: [] };
  const kept: string[] = [];
  const findings = createFindings();
  const source = { ...written.entry.source, field: written.field };
  for (const alias of [...new Set(written.names)].toSorted()) {
    const owner = isHost(alias, rivals) ? alias : claims.get(alias)?.host.name;
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
      const problem = isHost(alias, rivals) ? 'is a host of its own' : `is already an alias of host ${owner}`;
      findings.warn(source, 'AliasConflict', { value: alias, problem, consequence });
    }
  }
  return { kept, findings: findings.list() };
}

/** What follows from others, of a host. */
function claimImplied({ model, implied }: HostResult, rivals: Rivals): Claimed {
  const { claims, whyNot } = rivals;
  const kept: string[] = [];
  const findings = createFindings();
  const host = model!.name;
  for (const { name: alias, source } of implied) {
    const problem = isHost(alias, rivals)
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
  return { kept, findings: findings.list() };
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
