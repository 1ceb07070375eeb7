/** Cells that a worker writes and the main thread reads. */
const CELL = { turns: 0, isLinking: 1 } as const;

/** One life of a worker tells in shared memory that its event loop turns; whoever watches asks nobody. */
export interface Heartbeat {
  /** The loop turned once more. */
  beat(): void;
  /** A slice of taking in a table begins or has ended: should the loop stop in it, the table is the cause. */
  setLinking(isLinking: boolean): void;
  readonly turns: number;
  readonly isLinking: boolean;
}

/** How often a worker's loop shows that it turns, with or without work. */
export const BEAT_MS = 250;

export function createHeartbeatBuffer(): SharedArrayBuffer {
  return new SharedArrayBuffer(Object.keys(CELL).length * Int32Array.BYTES_PER_ELEMENT);
}

/** Either side's view of a heartbeat buffer. */
export function heartbeatOf(buffer: SharedArrayBuffer): Heartbeat {
  const cells = new Int32Array(buffer);
  return {
    beat: () => void Atomics.add(cells, CELL.turns, 1),
    setLinking: (isLinking) => void Atomics.store(cells, CELL.isLinking, isLinking ? 1 : 0),
    get turns() {
      return Atomics.load(cells, CELL.turns);
    },
    get isLinking() {
      return Atomics.load(cells, CELL.isLinking) === 1;
    },
  };
}
