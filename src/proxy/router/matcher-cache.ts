import type { HostEntry } from '../../table/table.ts';
import { createPathMatcher, type PathMatcher } from './path-matcher.ts';

/** Matchers that are remembered: more than most clusters have different sets of paths. */
const MAX_MATCHERS = 10_000;

/**
 * One matcher for all hosts with the same paths, and most hosts have the same: that saves their making, their memory, and the time
 * to reach memory that no other request has just warmed.
 */
export class MatcherCache {
  readonly #matchers = new Map<string, PathMatcher>();

  /** Throws what a regular expression throws that cannot be compiled. */
  matcherOf({ routes, isRegex }: HostEntry): PathMatcher {
    const key = JSON.stringify([
      isRegex,
      routes.map(({ match, isSlashRedirected }) => [match, isSlashRedirected]),
    ]);
    let matcher = this.#matchers.get(key);
    if (matcher === undefined) {
      matcher = createPathMatcher(routes, isRegex);
      if (this.#matchers.size >= MAX_MATCHERS) this.#matchers.clear();
      this.#matchers.set(key, matcher);
    }
    return matcher;
  }
}
