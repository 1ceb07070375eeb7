/** Sorts the keys of a set or map; the same keys as last time are not sorted again. */
export type SortKeys = (keys: Keys) => readonly string[];

interface Keys {
  readonly size: number;
  has(key: string): boolean;
  keys(): Iterable<string>;
}

/** Creates a sorter that remembers its last answer. */
export function createSortedKeys(): SortKeys {
  let sorted: readonly string[] = [];
  return (keys) => {
    if (keys.size !== sorted.length || !sorted.every((key) => keys.has(key)))
      sorted = [...keys.keys()].toSorted((a, b) => (a < b ? -1 : 1));
    return sorted;
  };
}
