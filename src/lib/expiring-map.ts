export interface ExpiringLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
  readonly endsAtMs: number;
}

/** Remembers values for a while, within bounds of number and size: the oldest go first. */
export class ExpiringMap<T> {
  readonly #limits: ExpiringLimits;
  readonly #entries = new Map<string, Entry<T>>();
  #bytes = 0;

  constructor(limits: ExpiringLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string, nowMs: number): T | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (nowMs < entry.endsAtMs) return entry.value;
    this.#remove(key, entry);
    return undefined;
  }

  /** One that is larger than all the room there is is not kept. */
  set(key: string, value: T, bytes: number, endsAtMs: number): void {
    this.delete(key);
    if (bytes > this.#limits.maxBytes) return;
    this.#entries.set(key, { value, bytes, endsAtMs });
    this.#bytes += bytes;
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#limits.maxEntries && this.#bytes <= this.#limits.maxBytes) return;
      this.#remove(oldest, entry);
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(key, entry);
  }

  #remove(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}
