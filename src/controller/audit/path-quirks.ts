import { asksForRegex } from '../../features/kit/rewrite-in-force.ts';
import { looksLikeRegex } from '../../features/kit/vain.ts';
import type { HostEntry, RouteEntry } from '../../table/table.ts';

export type QuirkCode = 'RegexContagion' | 'RegexExact' | 'RegexPrefix';

/** A path that matches what its reader would not expect, as in ingress-nginx. */
export interface Quirk {
  readonly code: QuirkCode;
  readonly host: string;
  readonly path: string;
  readonly text: string;
}

/**
 * Paths that match only thanks to what one `use-regex` or `rewrite-target` does to a whole host (docs/reference/routing.md §4), by
 * `namespace/name` of their Ingress.
 */
export function findPathQuirks(hosts: readonly HostEntry[]): ReadonlyMap<string, readonly Quirk[]> {
  const found = new Map<string, Quirk[]>();
  for (const { name, isRegex, routes } of hosts) {
    if (!isRegex) continue;
    const asking = routes.filter(isAsking);
    for (const route of routes) {
      const { ingress, namespace } = route.labels;
      if (ingress === '') continue;
      const key = `${namespace}/${ingress}`;
      const text = textOf(route, asking);
      if (text === undefined) continue;
      const quirks = found.get(key);
      const quirk = { ...text, host: name, path: route.path };
      if (quirks === undefined) found.set(key, [quirk]);
      else quirks.push(quirk);
    }
  }
  return found;
}

function textOf(route: RouteEntry, asking: readonly RouteEntry[]): Pick<Quirk, 'code' | 'text'> | undefined {
  const { path, pathType } = route;
  if (path === '/' && pathType === 'prefix') return undefined;
  if (!isAsking(route)) {
    const others = [...new Set(asking.map(({ labels }) => `${labels.namespace}/${labels.ingress}`))];
    return {
      code: 'RegexContagion',
      text: `is matched as a regular expression, in any case and at the beginning of the path, since Ingress ${others[0]} asks for that on this host`,
    };
  }
  if (pathType === 'exact') {
    return {
      code: 'RegexExact',
      text: `is of type Exact, but matches all paths that begin so: a regular expression ends where a $ stands`,
    };
  }
  if (!looksLikeRegex(path) && !path.endsWith('/')) {
    return {
      code: 'RegexPrefix',
      text: `matches ${path}x as well as ${path}/x: a regular expression knows no path elements`,
    };
  }
  return undefined;
}

/** Whether its own Ingress makes the host one of regular expressions. */
function isAsking({ path, policies }: RouteEntry): boolean {
  return asksForRegex(policies.rewrite, path);
}
