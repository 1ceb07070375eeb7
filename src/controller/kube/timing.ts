/** Clock, chance and timers as arguments, so that tests decide about time. */
export interface Timing {
  /** Milliseconds since 1970, for what is written down: somebody may set the clock. */
  nowMs(): number;
  /** Milliseconds since some moment, for how long a thing takes: they pass evenly, whatever is done to the clock. */
  elapsedMs(): number;
  /** In [0, 1). */
  random(): number;
  /** Runs `task` once after `delayMs`; the answer cancels it. */
  after(delayMs: number, task: () => void): () => void;
}

/** As long as a timer can count, 24 days: a longer one would be over at once. */
export const LONGEST_WAIT_MS = 2_147_000_000;

/** The process's own clock. */
export function createSystemTiming(): Timing {
  return {
    nowMs: () => Date.now(),
    elapsedMs: () => performance.now(),
    random: () => Math.random(),
    after(delayMs, task) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
  };
}

/** Resolves after `delayMs`, or as soon as `signal` aborts; never rejects. */
export function sleep(timing: Timing, delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) return Promise.resolve();
  return new Promise((resolve) => {
    const finish = () => {
      cancel();
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const cancel = timing.after(delayMs, finish);
    signal?.addEventListener('abort', finish);
  });
}

export interface BackoffBounds {
  readonly firstMs: number;
  readonly capMs: number;
}

/** Delays that double from `firstMs` to `capMs`, each with a jitter of up to half of itself. */
export interface Backoff {
  /** The delay before the next try. */
  nextMs(): number;
  /** Starts over: something worked. */
  reset(): void;
}

export function createBackoff(bounds: BackoffBounds, timing: Timing): Backoff {
  let tries = 0;
  return {
    nextMs() {
      const fullMs = Math.min(bounds.capMs, bounds.firstMs * 2 ** tries);
      if (fullMs < bounds.capMs) tries++;
      return fullMs * (0.5 + timing.random() / 2);
    },
    reset() {
      tries = 0;
    },
  };
}
