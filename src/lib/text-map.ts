const FREE = -1;
const FIRST_SLOTS = 8;

/**
 * A map from texts for look-ups by what clients send. A `Map` keeps each text it is asked for in a table of the whole isolate (it
 * interns its keys), which costs a copy for every new one and reaches memory that is seldom warm; this one only compares.
 */
export class TextMap<T> {
  /** Each text with its value behind it; one that was taken out has undefined there. */
  #entries: (string | T | undefined)[] = [];
  /** Pairs of a hash and the place of its text; a power of two of them, half of them free. */
  #slots = new Int32Array(FIRST_SLOTS * 2).fill(FREE);
  /** Another map looks texts up in the same slots. */
  #areSlotsShared = false;
  #size = 0;

  constructor(entries: Iterable<readonly [text: string, value: T]> = []) {
    for (const [text, value] of entries) this.set(text, value);
  }

  get size(): number {
    return this.#size;
  }

  /** A map of its own with the same in it. Until a new text is set in one of both, it costs a list. */
  copy(): TextMap<T> {
    const next = new TextMap<T>();
    const isMostlyGone = this.#entries.length > 4 * this.#size + FIRST_SLOTS;
    if (isMostlyGone) {
      for (let place = 0; place < this.#entries.length; place += 2) {
        const value = this.#entries[place + 1];
        if (value !== undefined) next.set(this.#entries[place] as string, value as T);
      }
      return next;
    }
    this.#areSlotsShared = true;
    next.#entries = this.#entries.slice();
    next.#slots = this.#slots;
    next.#areSlotsShared = true;
    next.#size = this.#size;
    return next;
  }

  get(text: string): T | undefined {
    const place = this.#slots[this.#find(text, hashOf(text)) + 1]!;
    return place === FREE ? undefined : (this.#entries[place + 1] as T);
  }

  has(text: string): boolean {
    return this.get(text) !== undefined;
  }

  delete(text: string): void {
    const place = this.#slots[this.#find(text, hashOf(text)) + 1]!;
    if (place === FREE || this.#entries[place + 1] === undefined) return;
    this.#entries[place + 1] = undefined;
    this.#size--;
  }

  set(text: string, value: T): void {
    const hash = hashOf(text);
    const at = this.#find(text, hash);
    const place = this.#slots[at + 1]!;
    if (place !== FREE) {
      if (this.#entries[place + 1] === undefined) this.#size++;
      this.#entries[place + 1] = value;
      return;
    }
    if (this.#areSlotsShared) this.#slots = this.#slots.slice();
    this.#areSlotsShared = false;
    this.#size++;
    this.#slots[at] = hash;
    this.#slots[at + 1] = this.#entries.push(text, value) - 2;
    if (this.#entries.length * 2 > this.#slots.length) this.#grow();
  }

  /** The slot that has the text, or the free one where it belongs. */
  #find(text: string, hash: number): number {
    const slots = this.#slots;
    const last = slots.length - 2;
    let at = (hash << 1) & last;
    for (;;) {
      const place = slots[at + 1]!;
      if (place === FREE || (slots[at] === hash && this.#entries[place] === text)) return at;
      at = (at + 2) & last;
    }
  }

  #grow(): void {
    const before = this.#slots;
    const slots = new Int32Array(before.length * 2).fill(FREE);
    const last = slots.length - 2;
    for (let from = 0; from < before.length; from += 2) {
      if (before[from + 1] === FREE) continue;
      let at = (before[from]! << 1) & last;
      while (slots[at + 1] !== FREE) at = (at + 2) & last;
      slots[at] = before[from]!;
      slots[at + 1] = before[from + 1]!;
    }
    this.#slots = slots;
  }
}

/** FNV-1a over the UTF-16 units, its high bits folded into the low ones, which choose the slot. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash ^ (hash >>> 15);
}
