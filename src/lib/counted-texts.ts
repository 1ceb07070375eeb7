/** Texts that come or go at once, beyond which the list is sorted anew. */
const INSERTED_MAX = 64;

/** Texts that several may ask for: each is there for as long as anybody asks. Listing them, sorted, costs what came and went. */
export class CountedTexts {
  readonly #counts = new Map<string, number>();
  readonly #touched = new Set<string>();
  #list: readonly string[] = [];

  add(text: string): void {
    const count = this.#counts.get(text) ?? 0;
    this.#counts.set(text, count + 1);
    if (count === 0) this.#touched.add(text);
  }

  drop(text: string): void {
    const count = this.#counts.get(text) ?? 0;
    if (count > 1) this.#counts.set(text, count - 1);
    else if (this.#counts.delete(text)) this.#touched.add(text);
  }

  has(text: string): boolean {
    return this.#counts.has(text);
  }

  get size(): number {
    return this.#counts.size;
  }

  /** Texts that may have come or gone since this was last asked. Ask for these or for the list, not for both. */
  takeTouched(): readonly string[] {
    const touched = [...this.#touched];
    this.#touched.clear();
    return touched;
  }

  /** All of them in the order of code units; the same list for as long as it holds the same. */
  list(): readonly string[] {
    if (this.#touched.size === 0) return this.#list;
    let next: string[] | undefined;
    if (this.#touched.size > INSERTED_MAX) next = [...this.#counts.keys()].toSorted(compare);
    else {
      for (const text of this.#touched) {
        const at = placeOf(next ?? this.#list, text);
        const isListed = (next ?? this.#list)[at] === text;
        if (isListed === this.#counts.has(text)) continue;
        next ??= this.#list.slice();
        if (isListed) next.splice(at, 1);
        else next.splice(at, 0, text);
      }
    }
    this.#touched.clear();
    this.#list = next ?? this.#list;
    return this.#list;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function placeOf(sorted: readonly string[], text: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < text) low = middle + 1;
    else high = middle;
  }
  return low;
}
