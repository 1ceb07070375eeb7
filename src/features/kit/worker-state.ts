import type { FilterContext } from './filter.ts';

/** What a worker's filters keep their lasting state in. */
export interface WorkerState {
  readonly ofWorker: FilterContext['ofWorker'];
  /** Closes what has a `close`; resolves when that is done, or after so many milliseconds. */
  close(withinMs: number): Promise<void>;
}

/** Creates an empty one. */
export function createWorkerState(): WorkerState {
  const made = new Map<() => unknown, unknown>();
  return {
    ofWorker: <T>(create: () => T): T => {
      if (!made.has(create)) made.set(create, create());
      return made.get(create) as T;
    },
    async close(withinMs) {
      const closing = [...made.values()].filter(isClosable).map((state) => state.close());
      if (closing.length === 0) return;
      const timeout = new Promise((resolve) => setTimeout(resolve, withinMs).unref());
      await Promise.race([Promise.allSettled(closing), timeout]);
    },
  };
}

function isClosable(state: unknown): state is { close(): Promise<void> } {
  return typeof state === 'object' && state !== null && 'close' in state && typeof state.close === 'function';
}
