import { setFlagsFromString } from 'node:v8';

/** Backtracks after which V8 goes over to its linear engine: seldom reached by what is written in earnest, 2 ms of most patterns over 8 KiB. */
const BACKTRACKS = 1_000;

let isUsed = false;

/**
 * Has V8 match what backtracks too much by its linear engine, in all threads. It counts for expressions that run for the first time
 * after it, and that the engine can take: see `isLinear`.
 */
export function useLinearEngine(): void {
  if (isUsed) return;
  isUsed = true;
  setFlagsFromString('--enable-experimental-regexp-engine');
  setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  setFlagsFromString(`--regexp-backtracks-before-fallback=${BACKTRACKS}`);
}

/** Whether the linear engine can take an expression without flags. Throws what is wrong with its syntax. */
export function isLinear(source: string): boolean {
  useLinearEngine();
  try {
    // oxlint-disable-next-line no-invalid-regexp -- the flag of the linear engine, which nothing else is run by
    void new RegExp(source, 'l');
    return true;
  } catch {
    void new RegExp(source);
    return false;
  }
}
