import type { Findings } from '../../model/finding.ts';
import { printSource } from '../../model/source.ts';
import { asksForRegex } from '../../features/kit/rewrite-in-force.ts';
import { TIMED } from '../../features/kit/timed-pattern.ts';
import { plainPrefixOf } from '../../lib/plain-prefix.ts';
import { toRegex } from '../../lib/pcre.ts';
import { toBackendRef, type BackendRef } from './backends.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { IngressEntry } from './entries.ts';
import type { HostRecord, Party } from './host-record.ts';
import type { CanaryModel } from '../../model/model.ts';

/** One rule of an Ingress that names the host; rule -1 is a rule-less Ingress with a default backend, on the catch-all. */
export interface Contribution {
  readonly entry: IngressEntry;
  readonly rule: number;
}

/** A route while its host is put together. */
export interface RouteDraft {
  readonly path: string;
  readonly pathType: 'exact' | 'prefix';
  /** Undefined: the `/` of the catch-all host that no Ingress claimed. */
  entry: IngressEntry | undefined;
  /** Undefined: the global default backend. */
  backend: BackendRef | undefined;
  /** Field of the path in its Ingress. */
  field: string;
  /** Made by the host, not by a path; an explicit `/` of type Prefix replaces it. */
  isImplicit: boolean;
  /** Made by a rule-less Ingress with a default backend: nothing replaces it. */
  isCatchAll: boolean;
  /** Its regex costs too much: what begins as it does is answered 503. */
  isPatternRefused?: true;
  readonly canaries: CanaryModel[];
  /** The canary that gets requests: the oldest. */
  splitBy?: { readonly entry: IngressEntry; readonly field: string };
}

/** As long as a request's path may be by default: none that is longer would ever match. */
const PATH_LENGTH_MAX = 4_096;
/** Regular expressions of a host. */
const REGEXES_MAX = 2_000;
/** Those of them that are matched under a time limit: trying them all takes 3 ms each at worst. */
const TIMED_REGEXES_MAX = 16;

/**
 * The routes of a host, keyed by path and type, as docs/reference/routing.md §2.1-2.3 composes them. `mains` make the host and its `/`,
 * `sources` give the paths; both come oldest first.
 */
export function draftRoutes(
  name: string,
  mains: readonly Contribution[],
  sources: readonly Contribution[],
  isSkipped: (ref: BackendRef) => boolean,
  record: HostRecord,
  findings: Findings,
): Map<string, RouteDraft> {
  const drafts = new Map<string, RouteDraft>();
  const root = createRoot(name, mains, record, findings);
  drafts.set(keyOfRoute(root.path, root.pathType), root);
  for (const { entry, rule } of sources) {
    if (rule < 0) continue;
    for (const { path: written, pathType: type, backend: named, field } of entry.ingress.rules[rule]!.paths) {
      const backend = toBackendRef(entry.ingress.namespace, named);
      if (backend === undefined) {
        findings.warn(entry.source, 'UnsupportedBackend', {
          field: `${field}.backend.resource`,
          value: named.kind === 'resource' ? named.resource : '',
          problem: 'is a resource, and only Services are served',
          consequence: 'the path is not served',
        });
        continue;
      }
      const path = written === '' ? '/' : written;
      const pathType = type === 'Exact' ? 'exact' : 'prefix';
      if (!isPathUsable(path, field, entry, findings) || isSkipped(backend)) continue;
      const key = keyOfRoute(path, pathType);
      const present = drafts.get(key);
      if (present === undefined) {
        drafts.set(key, {
          path,
          pathType,
          entry,
          backend,
          field,
          isImplicit: false,
          isCatchAll: false,
          canaries: [],
        });
      } else if (present.isImplicit) {
        if (present.backend !== undefined) {
          const consequence = 'its default backend gets no requests of this host';
          recordTaken(name, path, { source: entry.source, field }, present, consequence, record);
        }
        Object.assign(present, { entry, backend, field, isImplicit: false });
      } else {
        reportConflict(name, path, entry, field, present, record, findings);
      }
    }
  }
  return drafts;
}

/** Field of what an Ingress says about a host. */
export function fieldOfContribution({ entry, rule }: Contribution): string {
  return rule < 0 ? 'spec.defaultBackend' : entry.ingress.rules[rule]!.field;
}

function recordTaken(
  host: string,
  path: string,
  taker: Party,
  from: Pick<RouteDraft, 'entry' | 'field'>,
  consequence: string,
  record: HostRecord,
): void {
  if (from.entry === undefined) return;
  const value = pathOfHost(host, path);
  const what = `who serves ${value}`;
  const loser = { source: from.entry.source, field: from.field, value };
  record.takes({ ...taker, value, what, consequence }, loser);
}

/** A path as findings name it. */
export function pathOfHost(host: string, path: string): string {
  return host === CATCH_ALL ? path : `${host}${path}`;
}

export function keyOfRoute(path: string, pathType: 'exact' | 'prefix'): string {
  return `${pathType} ${path}`;
}

/** The `/` that every host has: its first Ingress's default backend, else the global one. */
function createRoot(
  name: string,
  contributions: readonly Contribution[],
  record: HostRecord,
  findings: Findings,
): RouteDraft {
  const root: RouteDraft = {
    path: '/',
    pathType: 'prefix',
    entry: undefined,
    backend: undefined,
    field: 'spec.defaultBackend',
    isImplicit: true,
    isCatchAll: false,
    canaries: [],
  };
  if (name !== CATCH_ALL) {
    const first = contributions[0]!;
    root.entry = first.entry;
    root.backend = defaultBackendOf(first.entry);
    if (root.backend === undefined) root.field = fieldOfContribution(first);
    return root;
  }
  for (const { entry, rule } of contributions) {
    if (rule >= 0) continue;
    if (root.entry === undefined) {
      Object.assign(root, {
        entry,
        backend: defaultBackendOf(entry),
        isImplicit: false,
        isCatchAll: true,
      });
    } else reportConflict(name, '/', entry, 'spec.defaultBackend', root, record, findings);
  }
  return root;
}

function defaultBackendOf(entry: IngressEntry): BackendRef | undefined {
  const backend = entry.ingress.defaultBackend;
  return backend && toBackendRef(entry.ingress.namespace, backend);
}

function reportConflict(
  host: string,
  path: string,
  loser: IngressEntry,
  field: string,
  winner: RouteDraft,
  record: HostRecord,
  findings: Findings,
): void {
  const where =
    winner.entry === undefined ? '' : printSource({ ...winner.entry.source, field: winner.field });
  findings.warn(loser.source, 'PathConflict', {
    field,
    value: pathOfHost(host, path),
    problem: `is already served by ${where}`,
    consequence: 'this one is ignored',
  });
  if (winner.entry === undefined) return;
  const taker = { source: winner.entry.source, field: winner.field };
  recordTaken(host, path, taker, { entry: loser, field }, 'the older of two equal paths is served', record);
}

function isPathUsable(path: string, field: string, entry: IngressEntry, findings: Findings): boolean {
  let problem: string | undefined;
  if (!path.startsWith('/')) problem = 'does not begin with /';
  else if (path.length > PATH_LENGTH_MAX) problem = `is longer than ${PATH_LENGTH_MAX} characters`;
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused here
  else if (/[\0-\x1f\x7f]/.test(path)) problem = 'contains control characters';
  if (problem === undefined) return true;
  const consequence = 'the path is not served';
  findings.warn(entry.source, 'InvalidPath', { field: `${field}.path`, value: path, problem, consequence });
  return false;
}

/** Whether the path is a regex by its own Ingress's doing, which does not count for a default backend without rules. */
function isAskingForRegex({ entry, path, isCatchAll }: RouteDraft): boolean {
  return !isCatchAll && asksForRegex(entry?.annotations.route.rewrite, path);
}

/** Whether the paths of a host are regular expressions, all of them. */
function isRegexHost(drafts: ReadonlyMap<string, RouteDraft>): boolean {
  return drafts.values().some(isAskingForRegex);
}

/**
 * Takes out the paths that cannot be used as regexes, and closes those that cost too much, where the host matches by regex
 * (docs/reference/routing.md §4): first those that ask
 * for it, then, if the host is still in regex mode, those that share the host with them.
 */
export function removeBadRegexes(drafts: Map<string, RouteDraft>, findings: Findings): void {
  let regexes = 0;
  let timed = 0;
  const check = (isChecked: (draft: RouteDraft) => boolean) => {
    for (const [key, draft] of drafts) {
      if (draft.isImplicit || draft.entry === undefined || !isChecked(draft)) continue;
      const { path } = draft;
      const about = { field: `${draft.field}.path`, value: path };
      const regex = toRegex(path);
      if (!regex.ok && !regex.isCostly) {
        drafts.delete(key);
        const consequence = 'the path is not served';
        findings.error(draft.entry.source, 'InvalidPath', { ...about, problem: regex.problem, consequence });
        continue;
      }
      if (plainPrefixOf(path) !== path) regexes++;
      if (regex.ok && regex.isTimed) timed++;
      const problem = !regex.ok
        ? regex.problem
        : regexes > REGEXES_MAX
          ? `comes after ${REGEXES_MAX} regular expressions of its host`
          : regex.isTimed && timed > TIMED_REGEXES_MAX
            ? `comes after ${TIMED_REGEXES_MAX} others of its host that cannot be matched in linear time either`
            : undefined;
      if (problem !== undefined) {
        const consequence = refusePattern(key, draft, drafts);
        findings.error(draft.entry.source, 'SlowPattern', { ...about, problem, consequence });
      } else if (regex.ok && regex.isTimed) {
        findings.warn(draft.entry.source, 'SlowPattern', { ...about, ...TIMED });
      }
    }
  };
  if (!isRegexHost(drafts)) {
    reportUnmatchable(drafts, findings);
    return;
  }
  check(isAskingForRegex);
  if (isRegexHost(drafts)) check((draft) => !isAskingForRegex(draft));
}

/** The first path that puts the host into regex mode, and the Ingresses of other namespaces whose paths are read as regexes for it. */
export function recordRegexMode(
  host: string,
  drafts: ReadonlyMap<string, RouteDraft>,
  record: HostRecord,
): void {
  const asking = [...drafts.values()].find(isAskingForRegex);
  if (asking?.entry === undefined) return;
  const { entry, field } = asking;
  const asked = new Set([...drafts.values()].filter(isAskingForRegex).map((draft) => draft.entry));
  const decision = {
    source: entry.source,
    field,
    value: pathOfHost(host, asking.path),
    what: `how the paths of host ${host} match`,
    consequence:
      'all paths of the host are regular expressions, without regard to case, and match what continues them',
  };
  for (const draft of drafts.values()) {
    if (draft.entry === undefined || asked.has(draft.entry)) continue;
    const value = pathOfHost(host, draft.path);
    record.takes(decision, { source: draft.entry.source, field: draft.field, value });
  }
}

/** Closes what the pattern surely is about, so that no other path takes its requests; says what that is. */
function refusePattern(key: string, draft: RouteDraft, drafts: Map<string, RouteDraft>): string {
  const prefix = plainPrefixOf(draft.path);
  if (prefix === '/') {
    drafts.delete(key);
    return 'the path is not served';
  }
  draft.isPatternRefused = true;
  return `requests for paths that begin with ${prefix} are answered 503`;
}

/** Literal paths that no request can have, since requests are matched by their normalised path (docs/reference/routing.md §5). */
function reportUnmatchable(drafts: ReadonlyMap<string, RouteDraft>, findings: Findings): void {
  for (const { path, field, entry, isImplicit } of drafts.values()) {
    if (entry !== undefined && !isImplicit && looksLikePattern(path)) {
      findings.warn(entry.source, 'LiteralPath', {
        field: `${field}.path`,
        value: path,
        problem: 'looks like a pattern, and no path of the host has use-regex or a rewrite-target',
        consequence: 'only requests with these very characters match it',
      });
    }
    if (entry === undefined || !/\/\/|\/\.{1,2}(?:\/|$)/.test(path)) continue;
    findings.warn(entry.source, 'InvalidPath', {
      field: `${field}.path`,
      value: path,
      problem: 'has empty or dot segments, which no normalised path has',
      consequence: 'no request matches it',
    });
  }
}

/** What no path has that means itself; brackets and dollars alone are in real use, as in `/Orders(1)` and `/$metadata`. */
const SIGNS_OF_PATTERNS = ['*', '|', '\\', '^', '.+', '(?', '[^', '[a-', '[A-', '[0-'];

function looksLikePattern(path: string): boolean {
  return path.endsWith('$') || SIGNS_OF_PATTERNS.some((sign) => path.includes(sign));
}

/**
 * Who serves a path that stands there with both types: the Exact one the requests for just that path; among regular expressions, where both
 * match the same, the older one all of them (docs/reference/routing.md §4).
 */
export function recordEqualPaths(
  host: string,
  drafts: ReadonlyMap<string, RouteDraft>,
  record: HostRecord,
  findings: Findings,
): void {
  const isRegex = isRegexHost(drafts);
  const seen = new Map<string, RouteDraft>();
  for (const draft of drafts.values()) {
    const older = seen.get(draft.path);
    if (older === undefined) seen.set(draft.path, draft);
    else if (!isRegex) recordExact(host, ...inOrder(older, draft), record);
    else if (isWholePattern(older) && isWholePattern(draft))
      reportShadowed(host, older, draft, record, findings);
  }
}

function inOrder(a: RouteDraft, b: RouteDraft): [exact: RouteDraft, prefix: RouteDraft] {
  return a.pathType === 'exact' ? [a, b] : [b, a];
}

function recordExact(host: string, exact: RouteDraft, prefix: RouteDraft, record: HostRecord): void {
  if (exact.entry === undefined || prefix.isImplicit) return;
  const consequence = 'an Exact path comes before an equal Prefix path';
  const taker = { source: exact.entry.source, field: exact.field };
  recordTaken(host, exact.path, taker, prefix, consequence, record);
}

/** Whether an equal path of the other type leaves it the bare path. */
function isWholePattern(draft: RouteDraft): boolean {
  return draft.pathType === 'exact' || draft.path === '/' || isAskingForRegex(draft);
}

function reportShadowed(
  host: string,
  older: RouteDraft,
  draft: RouteDraft,
  record: HostRecord,
  findings: Findings,
): void {
  const { path, entry, field } = draft;
  if (entry === undefined) return;
  const by = older.isImplicit
    ? "the host's own /"
    : `an older one${older.entry === undefined ? '' : ` (${printSource({ ...older.entry.source, field: older.field })})`}`;
  findings.warn(entry.source, 'PathConflict', {
    field,
    value: pathOfHost(host, path),
    problem: `is matched behind ${by}, and as a regular expression matches just the same`,
    consequence: 'this one gets no requests',
  });
  if (older.entry === undefined) return;
  const taker = { source: older.entry.source, field: older.field };
  recordTaken(host, path, taker, draft, 'the older of two equal regular expressions is served', record);
}
