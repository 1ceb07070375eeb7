import { toByteText } from '../../lib/byte-text.ts';
import { toRegex } from '../../lib/pcre.ts';
import type { RouteModel } from '../../model/model.ts';
import type { PathMatch } from '../../table/table.ts';

/** A route with how it is matched. */
export interface PlacedRoute {
  readonly route: RouteModel;
  readonly match: PathMatch;
}

/** Whether a host's paths are regular expressions, all of them. */
export function isRegexHost(routes: readonly RouteModel[]): boolean {
  return routes.some(({ match }) => match.path.kind === 'regex');
}

/**
 * Routes of a host in the order in which they are tried. Regex hosts: longest path first, by bytes, equal lengths in
 * descending order (docs/reference/routing.md §4). Others: exact ones, then prefixes, longest first (docs/reference/routing.md §3).
 */
export function placeRoutes(routes: readonly RouteModel[]): PlacedRoute[] {
  const ordered = routes
    .map((route) => ({ route, text: toByteText(route.path) }))
    .toSorted(longestFirst)
    .flatMap(({ route }): PlacedRoute[] => {
      const match = toMatch(route);
      return match === undefined ? [] : [{ route, match }];
    });
  const of = (kind: PathMatch['kind']) => ordered.filter(({ match }) => match.kind === kind);
  return [...of('regex'), ...of('exact'), ...of('prefix')];
}

/** Byte texts compare as Go compares strings. */
function longestFirst(a: { readonly text: string }, b: { readonly text: string }): number {
  if (a.text.length !== b.text.length) return b.text.length - a.text.length;
  return a.text < b.text ? 1 : a.text > b.text ? -1 : 0;
}

/** Undefined: a pattern that cannot be run, which is a finding of translate; the other paths of the host are not to suffer for it. */
function toMatch({ match: { path } }: RouteModel): PathMatch | undefined {
  if (path.kind !== 'regex') return { kind: path.kind, value: toByteText(path.value) };
  const result = toRegex(path.value);
  if (!result.ok) return undefined;
  const { ok: _, ...pattern } = result;
  return { kind: 'regex', value: path.value, pattern };
}
