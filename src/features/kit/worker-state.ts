import type { FilterContext } from './filter.ts';

/** Creates what a worker's filters keep their lasting state in. */
export function createWorkerState(): FilterContext['ofWorker'] {
  const made = new Map<() => unknown, unknown>();
  return <T>(create: () => T): T => {
    if (!made.has(create)) made.set(create, create());
    return made.get(create) as T;
  };
}
