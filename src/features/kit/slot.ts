/** What the filters of one exchange remember. The core keeps it; a filter reaches its own place through a `Slot`. */
export class Slots {
  readonly #values: unknown[] = [];

  read(index: number): unknown {
    return index < this.#values.length ? this.#values[index] : undefined;
  }

  write(index: number, value: unknown): void {
    const values = this.#values;
    while (values.length <= index) values.push(undefined);
    values[index] = value;
  }

  /** Forgets all; costs nothing where nothing was written. */
  clear(): void {
    // Setting the length would leave the compiled code.
    while (this.#values.length > 0) this.#values.pop();
  }
}

/**
 * A place on the exchange that one filter alone reads and writes; empty when a request begins. A hook that waits must not write after it
 * has waited: the exchange may be that of another request by then.
 */
export class Slot<T> {
  readonly #index: number;

  constructor(index: number) {
    this.#index = index;
  }

  get({ slots }: { readonly slots: Slots }): T | undefined {
    return slots.read(this.#index) as T | undefined;
  }

  set({ slots }: { readonly slots: Slots }, value: T | undefined): void {
    slots.write(this.#index, value);
  }
}

/** Gives out the places of one host or route, from `first` on. */
export class SlotPlan {
  #next: number;

  constructor(first = 0) {
    this.#next = first;
  }

  /** Places given out so far, those before `first` included. */
  get size(): number {
    return this.#next;
  }

  readonly slot = <T>(): Slot<T> => new Slot<T>(this.#next++);
}
