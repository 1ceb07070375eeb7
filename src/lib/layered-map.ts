/** Entries that lie over the base before both become one map. */
const LAYER_MAX = 128;

/**
 * A map that is never edited: the next one shares all that did not change, so that it costs what changed and not what is there. Entries come
 * in the order of the base, then as they were added.
 */
export class LayeredMap<V extends object> implements ReadonlyMap<string, V> {
  readonly size: number;
  readonly #base: ReadonlyMap<string, V>;
  /** What is not as in the base; undefined: it is gone. */
  readonly #layer: ReadonlyMap<string, V | undefined>;

  private constructor(base: ReadonlyMap<string, V>, layer: ReadonlyMap<string, V | undefined>, size: number) {
    this.#base = base;
    this.#layer = layer;
    this.size = size;
  }

  /** `entries` belong to the map from now on. */
  static of<V extends object>(entries: ReadonlyMap<string, V>): LayeredMap<V> {
    return new LayeredMap(entries, new Map(), entries.size);
  }

  /** The same with these values in place of theirs; undefined takes an entry out. */
  with(changes: ReadonlyMap<string, V | undefined>): LayeredMap<V> {
    const layer = new Map(this.#layer);
    let { size } = this;
    for (const [key, value] of changes) {
      size += (value === undefined ? 0 : 1) - (this.has(key) ? 1 : 0);
      layer.set(key, value);
    }
    const next = new LayeredMap(this.#base, layer, size);
    return layer.size <= LAYER_MAX ? next : LayeredMap.of(new Map(next));
  }

  get(key: string): V | undefined {
    return this.#layer.size > 0 && this.#layer.has(key) ? this.#layer.get(key) : this.#base.get(key);
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  *entries(): MapIterator<[string, V]> {
    const layer = this.#layer;
    for (const entry of this.#base) {
      if (!layer.has(entry[0])) yield entry;
      else {
        const value = layer.get(entry[0]);
        if (value !== undefined) yield [entry[0], value];
      }
    }
    for (const [key, value] of layer) if (value !== undefined && !this.#base.has(key)) yield [key, value];
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<V> {
    for (const [, value] of this.entries()) yield value;
  }

  forEach(visit: (value: V, key: string, map: ReadonlyMap<string, V>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }

  [Symbol.iterator](): MapIterator<[string, V]> {
    return this.entries();
  }
}
