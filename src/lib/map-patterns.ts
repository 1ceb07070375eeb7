import { ANY_CASE, EXACT_CASE, toRegex, type RegexProblem } from './pcre.ts';
import { Pattern } from './pattern.ts';
import { SearchLimit } from './search-limit.ts';

export interface MapItem {
  readonly ok: true;
  /** Exact text in lower case, or the pattern that stands in its place. */
  readonly match: string | Pattern;
  /** See ConvertedPattern. */
  readonly isTimed: boolean;
}

/** An item as nginx's `map` reads it: text without regard to case, `~regex`, or `~*regex` without regard to case. */
export function readMapItem(item: string): MapItem | RegexProblem {
  if (!item.startsWith('~')) return { ok: true, match: item.toLowerCase(), isTimed: false };
  const isCaseIgnored = item.startsWith('~*');
  const regex = toRegex(item.slice(isCaseIgnored ? 2 : 1), isCaseIgnored ? ANY_CASE : EXACT_CASE);
  if (!regex.ok) return regex;
  return { ok: true, match: new Pattern(regex, false), isTimed: regex.isTimed === true };
}

/** Whether any of the items takes a value; those that are none take nothing. Undefined when no item takes anything. */
export function createMapTest(items: readonly string[]): ((value: string) => boolean) | undefined {
  const exact = new Set<string>();
  const patterns: Pattern[] = [];
  for (const item of items) {
    const read = readMapItem(item);
    if (!read.ok) continue;
    if (typeof read.match === 'string') exact.add(read.match);
    else patterns.push(read.match);
  }
  if (exact.size + patterns.length === 0) return undefined;
  const limit = new SearchLimit();
  return (value) => {
    if (exact.size > 0 && exact.has(value.toLowerCase())) return true;
    for (let i = 0; i < patterns.length; i++) {
      limit.check(i + 1, value.length);
      if (patterns[i]!.test(value)) return true;
    }
    return false;
  };
}
