import type { HostEntry } from '../../table/table.ts';
import { createPathMatcher, type PathMatcher } from './path-matcher.ts';

/**
 * One matcher for all hosts with the same paths, and most hosts have the same: that saves their making, their memory, and the time
 * to reach memory that no other request has just warmed. It keeps no matcher alive: those are their hosts'.
 */
export class MatcherCache {
  readonly #matchers = new Map<string, WeakRef<PathMatcher>>();
  readonly #ended = new FinalizationRegistry<string>((key) => {
    if (this.#matchers.get(key)?.deref() === undefined) this.#matchers.delete(key);
  });

  /** Throws what a regular expression throws that cannot be compiled. */
  matcherOf({ routes, isRegex }: Pick<HostEntry, 'routes' | 'isRegex'>): PathMatcher {
    const key = JSON.stringify([
      isRegex,
      routes.map(({ match, isSlashRedirected }) => [match, isSlashRedirected]),
    ]);
    const known = this.#matchers.get(key)?.deref();
    if (known !== undefined) return known;
    const matcher = createPathMatcher(routes, isRegex);
    this.#matchers.set(key, new WeakRef(matcher));
    this.#ended.register(matcher, key);
    return matcher;
  }
}
