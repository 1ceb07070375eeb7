import { DEFAULT_TABLE_SIZE } from './static-table.ts';

/** What a table holds. */
export interface TableEntry {
  /** Octets that it counts for (RFC 7541 §4.1). */
  readonly size: number;
}

const FIRST_PLACES = 16;

/** The dynamic table of one direction, at either end of it (RFC 7541 §2.3.2, §4). */
export class DynamicTable<Entry extends TableEntry> {
  count = 0;
  size = 0;
  maxSize = DEFAULT_TABLE_SIZE;
  /** Grows with every change of what an index means. */
  changes = 0;
  /** A ring, a power of two long; `#newest` is the place of the first entry. */
  #entries: (Entry | undefined)[] = [];
  #newest = 0;

  /** 0 is the newest. */
  at(index: number): Entry | undefined {
    return index < this.count
      ? this.#entries[(this.#newest + index) & (this.#entries.length - 1)]
      : undefined;
  }

  /** Where that very entry is; -1: nowhere. */
  indexOf(entry: Entry): number {
    const entries = this.#entries;
    const mask = entries.length - 1;
    const newest = this.#newest;
    for (let i = 0; i < this.count; i++) if (entries[(newest + i) & mask] === entry) return i;
    return -1;
  }

  /** Makes room, and adds it; one that is larger than the table empties it (RFC 7541 §4.4). */
  insert(entry: Entry): void {
    const { size } = entry;
    this.#evict(this.maxSize - size);
    this.changes++;
    if (size > this.maxSize) return;
    if (this.count === this.#entries.length) this.#grow();
    this.#newest = (this.#newest - 1) & (this.#entries.length - 1);
    this.#entries[this.#newest] = entry;
    this.count++;
    this.size += size;
  }

  resize(maxSize: number): void {
    this.maxSize = maxSize;
    this.changes++;
    this.#evict(maxSize);
  }

  /** Drops the oldest until no more than that is left. */
  #evict(size: number): void {
    const entries = this.#entries;
    while (this.size > size && this.count > 0) {
      this.count--;
      const place = (this.#newest + this.count) & (entries.length - 1);
      this.size -= entries[place]!.size;
      entries[place] = undefined;
    }
  }

  #grow(): void {
    const entries: (Entry | undefined)[] = [];
    for (let i = 0; i < this.count; i++) entries.push(this.at(i));
    const places = Math.max(FIRST_PLACES, this.count * 2);
    while (entries.length < places) entries.push(undefined);
    this.#entries = entries;
    this.#newest = 0;
  }
}
