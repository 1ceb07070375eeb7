import { byText, editsBetween, relateLists, withEdits } from '../../lib/edited-list.ts';
import { Pace, type Steps } from '../../lib/steps.ts';

/**
 * Makes one thing of each item of a list, sorted by key, and remembers it for as long as `circumstances` are the same. A list with a known way
 * from the last one costs its edits; the same content is the same list.
 */
export function createAlignedMap<T extends object, U extends object>(
  make: (item: T) => U,
  keyOf: (made: U) => string,
): (items: readonly T[], circumstances?: unknown) => Steps<readonly U[]> {
  const compare = byText(keyOf);
  let last: readonly T[] = [];
  let sorted: readonly U[] = [];
  let madeUnder: unknown;
  let known = new WeakMap<T, U>();
  const madeOf = (item: T): U => {
    let made = known.get(item);
    if (made === undefined) known.set(item, (made = make(item)));
    return made;
  };
  return function* (items, circumstances) {
    const pace = new Pace();
    const isSameUnder = madeUnder === circumstances;
    const edits = isSameUnder ? editsBetween(last, items) : undefined;
    if (!isSameUnder) known = new WeakMap();
    last = items;
    madeUnder = circumstances;
    if (edits !== undefined) {
      const made = edits.map(({ before, after }) => ({
        before: before && known.get(before),
        after: after && madeOf(after),
      }));
      sorted = withEdits(sorted, made, compare);
      return sorted;
    }
    const next: U[] = [];
    for (const item of items) {
      if (!known.has(item) && pace.isDue()) yield;
      next.push(madeOf(item));
    }
    const isSorted = next.every((item, i) => i === 0 || compare(next[i - 1]!, item) <= 0);
    if (!isSorted) next.sort(compare);
    const isSame = next.length === sorted.length && next.every((item, i) => item === sorted[i]);
    if (isSame) return sorted;
    relateLists(sorted, next, compare);
    sorted = next;
    return sorted;
  };
}
