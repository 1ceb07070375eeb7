import { asksForRegex } from '../../features/kit/rewrite-in-force.ts';
import { escapePattern, plainPrefixOf } from '../../lib/plain-prefix.ts';
import type { RouteModel } from '../../model/model.ts';

/** A route of which only the author's words are known. */
export type WrittenRoute = Omit<RouteModel, 'match' | 'isSlashRedirected'>;

/**
 * How the routes of one host match, which Ingresses decide for each other: a path that is a regex makes all paths of the host
 * regexes (docs/reference/routing.md §4). What `isRefused` holds of has a regex that is not run: it stands for all paths that begin as it does.
 */
export function matchPaths(
  routes: readonly WrittenRoute[],
  isRefused: (route: WrittenRoute) => boolean,
): RouteModel[] {
  return routes.some(isAsking) ? matchRegexes(routes, isRefused) : matchPlain(routes);
}

function isAsking({ path, policies }: WrittenRoute): boolean {
  return asksForRegex(policies.rewrite, path);
}

function matchPlain(routes: readonly WrittenRoute[]): RouteModel[] {
  const isTaken = new Set(routes.map(({ path }) => path));
  return routes.map((route) => {
    const { path, pathType, deniedStatus } = route;
    return {
      ...route,
      match: { path: { kind: pathType, value: path } },
      // Without its slash it is another route's: an exact one's, or the exact twin of a prefix.
      isSlashRedirected:
        path.length > 1 &&
        path.endsWith('/') &&
        !isTaken.has(path.slice(0, -1)) &&
        deniedStatus === undefined,
    };
  });
}

function matchRegexes(
  routes: readonly WrittenRoute[],
  isRefused: (route: WrittenRoute) => boolean,
): RouteModel[] {
  const exactPaths = new Set(routes.filter(({ pathType }) => pathType === 'exact').map(({ path }) => path));
  return routes.map((route) => {
    const { path } = route;
    const value = isRefused(route)
      ? escapePattern(plainPrefixOf(path))
      : patternOf(route, exactPaths.has(path));
    return { ...route, match: { path: { kind: 'regex', value } }, isSlashRedirected: false };
  });
}

/**
 * A prefix that is a regex only for its neighbours' sake is split into `^/foo/` and `^/foo`, which is `^/foo`; but an
 * exact `/foo` of its own takes the place of the second.
 */
function patternOf(route: WrittenRoute, hasExactTwin: boolean): string {
  const { path, pathType } = route;
  const isSplit = pathType === 'prefix' && path !== '/' && !isAsking(route);
  return isSplit && hasExactTwin && !path.endsWith('/') ? `${path}/` : path;
}
