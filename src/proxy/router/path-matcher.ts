import { Pattern } from '../../lib/pattern.ts';
import { SearchLimit } from '../../lib/search-limit.ts';
import { TextMap } from '../../lib/text-map.ts';
import type { PathMatch } from '../../table/table.ts';
import { literalPrefixOf } from './literal-prefix.ts';
import { PrefixTree } from './prefix-tree.ts';

/** What a host's paths look like; hosts that look alike share a matcher. */
export interface PathShape {
  readonly match: PathMatch;
  readonly isSlashRedirected: boolean;
}

/** Place of the route for a normalised path in the list given; NO_MATCH, or below it what `redirectedBy` reads. */
export type PathMatcher = (path: string) => number;

export const NO_MATCH = -1;

/** Place of the route that a path lacks only the last slash of; for answers below NO_MATCH. */
export function redirectedBy(answer: number): number {
  return NO_MATCH - 1 - answer;
}

/** Up to this many routes, trying each costs less than looking them up. */
const FEW = 8;
const SLASH = 47;

/** Matcher for a host's paths, which are given in matching order (docs/reference/routing.md §3, §4). */
export function createPathMatcher(shapes: readonly PathShape[], isRegex: boolean): PathMatcher {
  return isRegex ? createRegexMatcher(shapes) : createPlainMatcher(shapes);
}

function createPlainMatcher(shapes: readonly PathShape[]): PathMatcher {
  const equal = new Map<string, number>();
  const prefixes = new Map<string, number>();
  for (const [place, { match }] of shapes.entries()) {
    const { kind, value } = match;
    // Exact routes come first in the table, so they keep their place before the twin of a prefix.
    if (!equal.has(value)) equal.set(value, place);
    if (kind !== 'prefix') continue;
    const text = value.endsWith('/') ? value : `${value}/`;
    if (!prefixes.has(text)) prefixes.set(text, place);
  }
  for (const [place, { match, isSlashRedirected }] of shapes.entries()) {
    const path = match.value.slice(0, -1);
    if (isSlashRedirected && !equal.has(path)) equal.set(path, redirectedBy(place));
  }
  // `/` takes everything that is left: no need to look for it.
  const root = prefixes.get('/') ?? NO_MATCH;
  prefixes.delete('/');
  if (equal.get('/') === root) equal.delete('/');
  const findEqual = equal.size <= FEW ? tryEqual(equal) : lookUp(equal);
  const findPrefix = prefixes.size <= FEW ? tryPrefixes(prefixes) : cutAtSlashes(prefixes);
  return (path) => {
    let found = findEqual(path);
    if (found === NO_MATCH) found = findPrefix(path);
    return found === NO_MATCH ? root : found;
  };
}

type Finder = (path: string) => number;

function tryEqual(places: ReadonlyMap<string, number>): Finder {
  const texts = [...places.keys()];
  const found = [...places.values()];
  return (path) => {
    for (let i = 0; i < texts.length; i++) if (path === texts[i]) return found[i]!;
    return NO_MATCH;
  };
}

/** Tries the longest first. */
function tryPrefixes(places: ReadonlyMap<string, number>): Finder {
  const ordered = [...places].toSorted(([a], [b]) => b.length - a.length);
  const texts = ordered.map(([text]) => text);
  const found = ordered.map(([, place]) => place);
  return (path) => {
    for (let i = 0; i < texts.length; i++) if (path.startsWith(texts[i]!)) return found[i]!;
    return NO_MATCH;
  };
}

function lookUp(places: ReadonlyMap<string, number>): Finder {
  const texts = new TextMap(places);
  return (path) => texts.get(path) ?? NO_MATCH;
}

/** Cuts the path at its slashes, longest first, where a prefix of that length exists. */
function cutAtSlashes(prefixes: ReadonlyMap<string, number>): Finder {
  const texts = new TextMap(prefixes);
  const lengths = new Set<number>();
  for (const text of prefixes.keys()) lengths.add(text.length);
  const longest = Math.max(...lengths);
  return (path) => {
    for (let at = Math.min(path.length, longest) - 1; at > 0; at--) {
      if (path.charCodeAt(at) !== SLASH || !lengths.has(at + 1)) continue;
      const place = texts.get(path.slice(0, at + 1));
      if (place !== undefined) return place;
    }
    return NO_MATCH;
  };
}

interface RankedRegex {
  readonly literal: string;
  /** Undefined: the literal is all there is to match. */
  readonly regex: Pattern | undefined;
}

function createRegexMatcher(shapes: readonly PathShape[]): PathMatcher {
  const ranked: RankedRegex[] = shapes.map(({ match }) => {
    if (match.kind !== 'regex') return { literal: match.value.toLowerCase(), regex: undefined };
    const { text, isWhole } = literalPrefixOf(match.pattern.source);
    const isPlain = isWhole && match.pattern.guards === undefined && match.pattern.isTimed !== true;
    return { literal: text, regex: isPlain ? undefined : new Pattern(match.pattern, true) };
  });
  const limit = new SearchLimit();
  if (ranked.length <= FEW) {
    return (path) => {
      const lower = path.toLowerCase();
      let tried = 0;
      for (let i = 0; i < ranked.length; i++) {
        const { literal, regex } = ranked[i]!;
        if (!lower.startsWith(literal)) continue;
        if (regex === undefined) return i;
        limit.check(++tried, path.length);
        if (regex.test(path)) return i;
      }
      return NO_MATCH;
    };
  }
  const tree = new PrefixTree();
  ranked.forEach(({ literal }, rank) => tree.add(literal, rank));
  const candidates: number[] = [];
  return (path) => {
    candidates.length = 0;
    tree.collect(path.toLowerCase(), candidates);
    if (candidates.length > 1) candidates.sort(ascending);
    let tried = 0;
    for (let i = 0; i < candidates.length; i++) {
      const rank = candidates[i]!;
      const { regex } = ranked[rank]!;
      if (regex === undefined) return rank;
      limit.check(++tried, path.length);
      if (regex.test(path)) return rank;
    }
    return NO_MATCH;
  };
}

function ascending(a: number, b: number): number {
  return a - b;
}
