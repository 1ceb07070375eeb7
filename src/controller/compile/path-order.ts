import { asksForRegex } from '../../features/kit/rewrite-in-force.ts';
import { toByteText } from '../../lib/byte-text.ts';
import { toRegex } from '../../lib/pcre.ts';
import { escapePattern, plainPrefixOf } from '../../lib/plain-prefix.ts';
import type { RouteModel } from '../../model/model.ts';
import type { PathMatch } from '../../table/table.ts';

/** A route with how it is matched. */
export interface PlacedRoute {
  readonly route: RouteModel;
  readonly match: PathMatch;
  readonly isSlashRedirected: boolean;
}

/** Whether a host's paths are regular expressions, all of them (docs/reference/routing.md §4). */
export function isRegexHost(routes: readonly RouteModel[]): boolean {
  return routes.some(({ path, policies }) => asksForRegex(policies.rewrite, path));
}

/**
 * Routes of a host in the order in which they are tried. Regex hosts: longest path first, by bytes, equal lengths in
 * descending order (docs/reference/routing.md §4). Others: exact ones, then prefixes, longest first (docs/reference/routing.md §3).
 */
export function placeRoutes(routes: readonly RouteModel[]): PlacedRoute[] {
  return isRegexHost(routes) ? placeRegexes(routes) : placePlain(routes);
}

interface Keyed {
  readonly route: RouteModel;
  readonly text: string;
}

/** Byte texts compare as Go compares strings. */
function longestFirst(a: Keyed, b: Keyed): number {
  if (a.text.length !== b.text.length) return b.text.length - a.text.length;
  return a.text < b.text ? 1 : a.text > b.text ? -1 : 0;
}

function keyed(routes: readonly RouteModel[]): Keyed[] {
  return routes.map((route) => ({ route, text: toByteText(route.path) }));
}

function placePlain(routes: readonly RouteModel[]): PlacedRoute[] {
  const ordered = keyed(routes).toSorted(longestFirst);
  const isTaken = new Set(ordered.map(({ text }) => text));
  const place = ({ route, text }: Keyed, kind: 'exact' | 'prefix'): PlacedRoute => ({
    route,
    match: { kind, value: text },
    // Without its slash it is another route's: an exact one's, or the exact twin of a prefix.
    isSlashRedirected:
      text.length > 1 &&
      text.endsWith('/') &&
      !isTaken.has(text.slice(0, -1)) &&
      route.deniedStatus === undefined,
  });
  return [
    ...ordered.filter(({ route }) => route.pathType === 'exact').map((entry) => place(entry, 'exact')),
    ...ordered.filter(({ route }) => route.pathType === 'prefix').map((entry) => place(entry, 'prefix')),
  ];
}

function placeRegexes(routes: readonly RouteModel[]): PlacedRoute[] {
  const ordered = keyed(routes).toSorted(longestFirst);
  const exactPaths = new Set(routes.filter(({ pathType }) => pathType === 'exact').map(({ path }) => path));
  const placed: PlacedRoute[] = [];
  for (const { route } of ordered) {
    const value = patternOf(route, exactPaths.has(route.path));
    const result = toRegex(value);
    // A finding of translate; the other paths of the host are not to suffer for it.
    if (!result.ok) continue;
    const { ok: _, ...pattern } = result;
    placed.push({ route, match: { kind: 'regex', value, pattern }, isSlashRedirected: false });
  }
  return placed;
}

/**
 * A prefix that is a regex only for its neighbours' sake is split into `^/foo/` and `^/foo`, which is `^/foo`; but an
 * exact `/foo` of its own takes the place of the second.
 */
function patternOf(route: RouteModel, hasExactTwin: boolean): string {
  const { path, pathType } = route;
  if (route.isPatternRefused === true) return escapePattern(plainPrefixOf(path));
  const isSplit = pathType === 'prefix' && path !== '/' && !asksForRegex(route.policies.rewrite, path);
  return isSplit && hasExactTwin && !path.endsWith('/') ? `${path}/` : path;
}
