const WINDOW_MS = 10_000;
const FAULTS_MAX = 100;

/** Creates a counter of faults; each call is one. True when there were too many of them in a short time to go on. */
export function createFaultLimit(nowMs: () => number): () => boolean {
  let windowStartMs = -Infinity;
  let count = 0;
  return () => {
    const now = nowMs();
    if (now - windowStartMs > WINDOW_MS) {
      windowStartMs = now;
      count = 0;
    }
    count++;
    return count > FAULTS_MAX;
  };
}
