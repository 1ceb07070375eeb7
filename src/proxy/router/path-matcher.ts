import type { LinkedRoute, SlashRedirect } from './linked.ts';
import { literalPrefixOf } from './literal-prefix.ts';
import { PrefixTree } from './prefix-tree.ts';

export type PathMatcher = (path: string) => LinkedRoute | SlashRedirect | undefined;

/** Up to this many routes, trying each costs less than looking them up. */
const FEW = 8;
const SLASH = 47;

/** Matcher for a host's routes, which are given in matching order (routing.md §3, §4). */
export function createPathMatcher(routes: readonly LinkedRoute[], isRegex: boolean): PathMatcher {
  return isRegex ? createRegexMatcher(routes) : createPlainMatcher(routes);
}

interface Prefix {
  /** Ends in `/`: what continues the path. */
  readonly text: string;
  readonly route: LinkedRoute;
}

function createPlainMatcher(routes: readonly LinkedRoute[]): PathMatcher {
  const equal = new Map<string, LinkedRoute | SlashRedirect>();
  const prefixes = new Map<string, LinkedRoute>();
  for (const route of routes) {
    const { kind, value } = route.entry.match;
    // Exact routes come first in the table, so they keep their place before the twin of a prefix.
    if (!equal.has(value)) equal.set(value, route);
    if (kind !== 'prefix') continue;
    const text = value.endsWith('/') ? value : `${value}/`;
    if (!prefixes.has(text)) prefixes.set(text, route);
  }
  for (const { entry } of routes) {
    if (!entry.isSlashRedirected) continue;
    const path = entry.match.value.slice(0, -1);
    if (!equal.has(path)) equal.set(path, { kind: 'slash-redirect', path: entry.match.value });
  }
  // `/` takes everything that is left: no need to look for it.
  const root = prefixes.get('/');
  prefixes.delete('/');
  if (prefixes.size === 0) return (path) => equal.get(path) ?? root;
  const findPrefix = prefixes.size <= FEW ? tryEach(prefixes) : lookUp(prefixes);
  return (path) => equal.get(path) ?? findPrefix(path) ?? root;
}

function tryEach(prefixes: ReadonlyMap<string, LinkedRoute>): (path: string) => LinkedRoute | undefined {
  const ordered: Prefix[] = [...prefixes].map(([text, route]) => ({ text, route }));
  ordered.sort((a, b) => b.text.length - a.text.length);
  return (path) => {
    for (let i = 0; i < ordered.length; i++) {
      const { text, route } = ordered[i]!;
      if (path.startsWith(text)) return route;
    }
    return undefined;
  };
}

/** Cuts the path at its slashes, longest first, where a prefix of that length exists. */
function lookUp(prefixes: ReadonlyMap<string, LinkedRoute>): (path: string) => LinkedRoute | undefined {
  const lengths = new Set<number>();
  for (const text of prefixes.keys()) lengths.add(text.length);
  const longest = Math.max(...lengths);
  return (path) => {
    for (let at = Math.min(path.length, longest) - 1; at > 0; at--) {
      if (path.charCodeAt(at) !== SLASH || !lengths.has(at + 1)) continue;
      const route = prefixes.get(path.slice(0, at + 1));
      if (route !== undefined) return route;
    }
    return undefined;
  };
}

interface RankedRegex {
  readonly route: LinkedRoute;
  readonly literal: string;
  /** Undefined: the literal is all there is to match. */
  readonly regex: RegExp | undefined;
}

function createRegexMatcher(routes: readonly LinkedRoute[]): PathMatcher {
  const ranked: RankedRegex[] = routes.map((route) => {
    const source = route.entry.match.value;
    const { text, isWhole } = literalPrefixOf(source);
    return { route, literal: text, regex: isWhole ? undefined : new RegExp(`^${source}`, 'i') };
  });
  if (ranked.length <= FEW) {
    return (path) => {
      const lower = path.toLowerCase();
      for (let i = 0; i < ranked.length; i++) {
        const { literal, regex, route } = ranked[i]!;
        if (lower.startsWith(literal) && (regex === undefined || regex.test(path))) return route;
      }
      return undefined;
    };
  }
  const tree = new PrefixTree();
  ranked.forEach(({ literal }, rank) => tree.add(literal, rank));
  const candidates: number[] = [];
  return (path) => {
    candidates.length = 0;
    tree.collect(path.toLowerCase(), candidates);
    if (candidates.length > 1) candidates.sort(ascending);
    for (let i = 0; i < candidates.length; i++) {
      const { regex, route } = ranked[candidates[i]!]!;
      if (regex === undefined || regex.test(path)) return route;
    }
    return undefined;
  };
}

function ascending(a: number, b: number): number {
  return a - b;
}
