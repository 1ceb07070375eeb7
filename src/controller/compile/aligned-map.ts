import { Pace, type Steps } from '../../lib/steps.ts';

/**
 * Makes one thing of each item of a list, sorted by key, and remembers it for as long as `circumstances` are the same. An item that
 * stands where it stood in the list before is not even looked up; the same list gives the same list.
 */
export function createAlignedMap<T extends object, U extends object>(
  make: (item: T) => U,
  keyOf: (made: U) => string,
): (items: readonly T[], circumstances?: unknown) => Steps<readonly U[]> {
  let last: readonly T[] = [];
  /** In the order of `last`. */
  let made: readonly U[] = [];
  let sorted: readonly U[] = [];
  let madeUnder: unknown;
  let known = new WeakMap<T, U>();
  return function* (items, circumstances) {
    const pace = new Pace();
    const isSameUnder = madeUnder === circumstances;
    if (!isSameUnder) known = new WeakMap();
    if (items === last && isSameUnder) return sorted;
    const next: U[] = [];
    let isSame = isSameUnder && items.length === last.length;
    /** Where the next item stood. */
    let at = 0;
    for (const item of items) {
      if (last[at] !== item) at = resume(last, at, item);
      if (isSameUnder && last[at] === item) next.push(made[at]!);
      else {
        isSame = false;
        const before = known.get(item);
        const now = before ?? make(item);
        if (before === undefined) known.set(item, now);
        next.push(now);
        if (pace.isDue()) yield;
      }
      at++;
    }
    last = items;
    madeUnder = circumstances;
    if (isSame) return sorted;
    made = next;
    const isSorted = next.every((item, i) => i === 0 || keyOf(next[i - 1]!) <= keyOf(item));
    sorted = isSorted ? next : next.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    return sorted;
  };
}

/** Items that came or went in between shift the rest by little. */
const LOOKED_AROUND = 4;

function resume<T>(last: readonly T[], at: number, item: T): number {
  for (let away = 1; away <= LOOKED_AROUND; away++) {
    if (last[at + away] === item) return at + away;
    if (last[at - away] === item) return at - away;
  }
  return at;
}
