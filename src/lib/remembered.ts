/** A value with what it was made from. */
export interface Made<V, I = readonly unknown[]> {
  readonly inputs: I;
  readonly value: V;
}

/** A Map, or a WeakMap where a value is of no use without its key. Whoever made it forgets what is no longer asked for. */
export interface Shelf<K, V, I = readonly unknown[]> {
  get(key: K): Made<V, I> | undefined;
  set(key: K, made: Made<V, I>): unknown;
}

/** Keeps the value of a key for as long as it is made from the same. */
export class Remembered<K, V, I = readonly unknown[]> {
  readonly #shelf: Shelf<K, V, I>;
  readonly #isSame: (a: I, b: I) => boolean;

  constructor(shelf: Shelf<K, V, I>, isSame: (a: I, b: I) => boolean) {
    this.#shelf = shelf;
    this.#isSame = isSame;
  }

  get(key: K, inputs: I): V | undefined {
    const known = this.#shelf.get(key);
    return known !== undefined && this.#isSame(known.inputs, inputs) ? known.value : undefined;
  }

  /** Gives the value back. */
  set(key: K, inputs: I, value: V): V {
    this.#shelf.set(key, { inputs, value });
    return value;
  }

  /** The value that is there, else the one that is made. */
  of(key: K, inputs: I, make: () => V): V {
    return this.get(key, inputs) ?? this.set(key, inputs, make());
  }
}

/** Inputs that are one and the same, item by item. */
export function isSameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
