/** One place of a list that is not as it was. No before: the item came; no after: it went. */
export interface Edit<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export type Compare<T> = (a: T, b: T) => number;

/** What led from one list to the next. */
interface Step {
  /** Stands for the list of before without holding it. */
  readonly from: object;
  readonly edits: readonly Edit<object>[];
}

interface History {
  /** Stands for the list. */
  readonly id: object;
  /** Newest first. */
  readonly steps: readonly Step[];
}

/** Steps back that are remembered, and edits of all of them: whoever looks more seldom looks at the whole list. */
const STEPS_MAX = 16;
const EDITS_MAX = 256;
/** Edits that are looked for. */
const RELATED_MAX = 64;

/**
 * Lists carry their history themselves, unseen. A WeakMap of all of them would keep what they hold until the old generation is collected: a
 * collection of the young one takes the values of such a map for alive.
 */
const HISTORY = Symbol('history');

interface Historic {
  [HISTORY]?: History;
}

function historyOf(list: readonly object[]): History | undefined {
  return (list as Historic)[HISTORY];
}

function setHistory(list: readonly object[], history: History): void {
  if (Object.isExtensible(list)) Object.defineProperty(list, HISTORY, { value: history, configurable: true });
}

/** Remembers what leads from a list to another. Neither is edited from now on. */
export function recordEdits<T extends object>(
  from: readonly T[],
  to: readonly T[],
  edits: readonly Edit<T>[],
): void {
  let before = historyOf(from);
  if (before === undefined) setHistory(from, (before = { id: {}, steps: [] }));
  const { id, steps } = before;
  const kept: Step[] = [];
  let count = 0;
  for (const step of [{ from: id, edits }, ...steps]) {
    count += step.edits.length;
    if (kept.length === STEPS_MAX || count > EDITS_MAX) break;
    kept.push(step);
  }
  setHistory(to, { id: {}, steps: kept });
}

/** What leads from a list to a later one, each item named once; undefined: that is not known. */
export function editsBetween<T extends object>(
  from: readonly T[],
  to: readonly T[],
): readonly Edit<T>[] | undefined {
  if (from === to) return [];
  const start = historyOf(from)?.id;
  const steps = start === undefined ? undefined : historyOf(to)?.steps;
  const at = steps?.findIndex((step) => step.from === start) ?? -1;
  if (steps === undefined || at < 0) return undefined;
  // What led here from a list of such items are edits of such items.
  const path = steps.slice(0, at + 1).map(({ edits }) => edits as readonly Edit<T>[]);
  return path.length === 1 ? path[0]! : joinSteps(path);
}

/** Edits of several steps, newest first, as those of one. */
function joinSteps<T extends object>(steps: readonly (readonly Edit<T>[])[]): Edit<T>[] {
  const joined = new Set<Edit<T>>();
  /** By the item that they brought. */
  const open = new Map<T, Edit<T>>();
  for (const edits of steps.toReversed()) {
    const come: Edit<T>[] = [];
    for (const edit of edits) {
      const earlier = edit.before && open.get(edit.before);
      if (earlier !== undefined) {
        joined.delete(earlier);
        open.delete(edit.before!);
      }
      const one = earlier === undefined ? edit : { before: earlier.before, after: edit.after };
      if (one.before !== one.after) come.push(one);
    }
    for (const edit of come) {
      joined.add(edit);
      if (edit.after !== undefined) open.set(edit.after, edit);
    }
  }
  return [...joined];
}

/** The sorted list with the edits made, which it remembers; the list itself where there are none. */
export function withEdits<T extends object>(
  list: readonly T[],
  edits: readonly Edit<T>[],
  compare: Compare<T>,
): readonly T[] {
  const next = list.slice();
  const made: Edit<T>[] = [];
  const come: T[] = [];
  for (const { before, after } of edits) {
    if (before === after) continue;
    made.push({ before, after });
    if (before === undefined) {
      come.push(after!);
      continue;
    }
    const at = indexOf(next, before, compare);
    if (at >= 0 && after !== undefined && compare(before, after) === 0) next[at] = after;
    else {
      if (at >= 0) next.splice(at, 1);
      if (after !== undefined) come.push(after);
    }
  }
  if (made.length === 0) return list;
  for (const item of come) next.splice(placeOf(next, item, compare), 0, item);
  recordEdits(list, next, made);
  return next;
}

function indexOf<T extends object>(sorted: readonly T[], item: T, compare: Compare<T>): number {
  const at = placeOf(sorted, item, compare);
  return sorted[at] === item ? at : sorted.indexOf(item);
}

/** Looks for what leads from one sorted list to another, and remembers it where it is little. */
export function relateLists<T extends object>(
  from: readonly T[],
  to: readonly T[],
  compare: Compare<T>,
): void {
  const edits: Edit<T>[] = [];
  let old = 0;
  for (const item of to) {
    let before = from[old];
    if (before !== item) {
      for (; before !== undefined && compare(before, item) < 0; before = from[++old])
        edits.push({ before, after: undefined });
      const isReplaced = before !== undefined && compare(before, item) === 0;
      if (before !== item) edits.push({ before: isReplaced ? before : undefined, after: item });
      if (!isReplaced) old--;
    }
    old++;
    if (edits.length > RELATED_MAX) return;
  }
  for (; old < from.length; old++) edits.push({ before: from[old], after: undefined });
  if (edits.length <= RELATED_MAX) recordEdits(from, to, edits);
}

/** Where an item stands in a sorted list, or belongs. */
export function placeOf<T>(sorted: readonly T[], item: T, compare: Compare<T>): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare(sorted[middle]!, item) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Sorts by a text of each item, in the order of code units. */
export function byText<T>(textOf: (item: T) => string): Compare<T> {
  return (a, b) => {
    const first = textOf(a);
    const second = textOf(b);
    return first < second ? -1 : first > second ? 1 : 0;
  };
}

/**
 * Makes a list of what each item of a sorted list comes to, where it comes to anything, sorted as well. A list with a known way from the last
 * one costs its edits; `make` gives the same for the same item. The same content is the same list.
 */
export function createDerivedList<T extends object, U extends object>(
  make: (item: T) => U | undefined,
  compare: Compare<U>,
): (list: readonly T[]) => readonly U[] {
  let last: readonly T[] = [];
  let derived: readonly U[] = [];
  return (list) => {
    const edits = editsBetween(last, list);
    last = list;
    if (edits !== undefined) {
      derived = withEdits(
        derived,
        edits.map(({ before, after }) => ({ before: before && make(before), after: after && make(after) })),
        compare,
      );
      return derived;
    }
    const next: U[] = [];
    for (const item of list) {
      const made = make(item);
      if (made !== undefined) next.push(made);
    }
    if (next.length === derived.length && next.every((item, at) => item === derived[at])) return derived;
    relateLists(derived, next, compare);
    derived = next;
    return derived;
  };
}

/** Makes a list of those items of a sorted list that are such, at the price of `createDerivedList`. */
export function createSelection<T extends object>(
  isSuch: (item: T) => boolean,
  compare: Compare<T>,
): (list: readonly T[]) => readonly T[] {
  return createDerivedList((item: T) => (isSuch(item) ? item : undefined), compare);
}

/** Adds up what the items of lists weigh, at the price of their edits. */
export function createSum<T extends object>(weigh: (item: T) => number): (list: readonly T[]) => number {
  let last: readonly T[] = [];
  let sum = 0;
  return (list) => {
    const edits = editsBetween(last, list);
    last = list;
    if (edits === undefined) {
      sum = 0;
      for (const item of list) sum += weigh(item);
      return sum;
    }
    for (const { before, after } of edits)
      sum += (after === undefined ? 0 : weigh(after)) - (before === undefined ? 0 : weigh(before));
    return sum;
  };
}

/** Keeps the keys of the items of lists, each of which is one item's, at the price of their edits: it is the same set each time. */
export function createKeySet<T extends object>(
  keyOf: (item: T) => string,
): (list: readonly T[]) => ReadonlySet<string> {
  let last: readonly T[] = [];
  const keys = new Set<string>();
  return (list) => {
    const edits = editsBetween(last, list);
    last = list;
    if (edits === undefined) keys.clear();
    for (const { before } of edits ?? []) if (before !== undefined) keys.delete(keyOf(before));
    for (const item of edits?.flatMap(({ after }) => after ?? []) ?? list) keys.add(keyOf(item));
    return keys;
  };
}

/** Puts lists of few items behind a long one; the joined list knows its way from the last, as the long one does. */
export function createJoin<T extends object>(): (
  list: readonly T[],
  ...others: readonly (readonly T[])[]
) => readonly T[] {
  let last: readonly T[] = [];
  let lastMore: readonly T[] = [];
  let joined: readonly T[] = last;
  return (list, ...others) => {
    const more = others.flat();
    const isMoreSame = more.length === lastMore.length && more.every((item, at) => item === lastMore[at]);
    const edits = isMoreSame ? editsBetween(last, list) : undefined;
    if (edits?.length === 0) return joined;
    const next = more.length === 0 ? list : [...list, ...more];
    if (edits !== undefined && next !== list && joined !== last) recordEdits(joined, next, edits);
    last = list;
    lastMore = more;
    joined = next;
    return joined;
  };
}

/** Items by their key, of which a sorted list can be had at the price of what changed since the last one. */
export class KeyedList<T extends object> {
  readonly #items = new Map<string, T>();
  readonly #compare: Compare<T>;
  /** What was there when the list was made, of keys that changed since. */
  readonly #before = new Map<string, T | undefined>();
  #list: readonly T[] = [];

  constructor(keyOf: (item: T) => string) {
    this.#compare = byText(keyOf);
  }

  get size(): number {
    return this.#items.size;
  }

  get(key: string): T | undefined {
    return this.#items.get(key);
  }

  keys(): Iterable<string> {
    return this.#items.keys();
  }

  /** Undefined takes it out. */
  set(key: string, item: T | undefined): void {
    const before = this.#items.get(key);
    if (before === item) return;
    if (!this.#before.has(key)) this.#before.set(key, before);
    if (item === undefined) this.#items.delete(key);
    else this.#items.set(key, item);
  }

  /** Sorted by key; the same list for as long as it holds the same. */
  list(): readonly T[] {
    if (this.#before.size > EDITS_MAX) this.#list = [...this.#items.values()].toSorted(this.#compare);
    else if (this.#before.size > 0) {
      const edits = [...this.#before].map(([key, before]) => ({ before, after: this.#items.get(key) }));
      this.#list = withEdits(this.#list, edits, this.#compare);
    }
    this.#before.clear();
    return this.#list;
  }
}
