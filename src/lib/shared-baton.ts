/** Where one of several threads says that it is its turn: plain data, which may be handed to other threads. */
export interface Baton {
  readonly memory: SharedArrayBuffer;
  /** Who takes it: a number of the owner's own, above 0. */
  readonly holder: number;
}

export const BATON_BYTES = 4;

const FREE = 0;
/** However a waker is lost, it is looked again after this. */
const LOOK_MS = 1_000;

/** Waits, and blocks the thread, until nobody else has it. */
export function takeBaton({ memory, holder }: Baton): void {
  const cell = new Int32Array(memory);
  for (;;) {
    const found = Atomics.compareExchange(cell, 0, FREE, holder);
    if (found === FREE) return;
    Atomics.wait(cell, 0, found, LOOK_MS);
  }
}

/** Gives it back; nothing where it has it not. Also for a holder that ended with it. */
export function giveBaton({ memory, holder }: Baton): void {
  const cell = new Int32Array(memory);
  if (Atomics.compareExchange(cell, 0, holder, FREE) === holder) Atomics.notify(cell, 0, 1);
}
