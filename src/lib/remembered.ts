/** A value with what it was made from. */
export interface Made<V> {
  readonly inputs: readonly unknown[];
  readonly value: V;
}

/** A Map, or a WeakMap where a value is of no use without its key. Whoever made it forgets what is no longer asked for. */
export interface Shelf<K, V> {
  get(key: K): Made<V> | undefined;
  set(key: K, made: Made<V>): unknown;
}

/** Makes the value of a key once, for as long as it is made from the same: inputs that are one and the same, item by item. */
export class Remembered<K, V> {
  readonly #shelf: Shelf<K, V>;

  constructor(shelf: Shelf<K, V>) {
    this.#shelf = shelf;
  }

  /** `isGood` asks a value that is there for what its inputs do not tell. */
  of(key: K, inputs: readonly unknown[], make: () => V, isGood?: (value: V) => boolean): V {
    const known = this.#shelf.get(key);
    if (known !== undefined && isSame(known.inputs, inputs) && isGood?.(known.value) !== false) {
      return known.value;
    }
    const value = make();
    this.#shelf.set(key, { inputs, value });
    return value;
  }
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
