import { constants, createContext, Script } from 'node:vm';

/** A pattern took too long for a text: whose text it is gets no answer from it. */
export class PatternTimeout extends Error {
  override readonly name = 'PatternTimeout';

  constructor() {
    super('a pattern took too long');
  }
}

/** One match may take this long, and all together as long as there is credit. */
const CREDIT_MS = 50;
/** What comes back for each millisecond that goes by. */
const REFILL = 0.25;
/** Without credit a match still has this long, which is enough for what is meant in earnest. */
const LEAST_MS = 3;
/** Shorter ones cost no credit. */
const FREE_MS = 1;
/** A limit is by the clock: on a busy machine it can be up before the match had its share of the processor. */
const TRIES = 5;

export interface TimedRunClocks {
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Processor time of this thread. */
  readonly cpuMs: () => number;
}

/**
 * Runs what may take too long, one after the other, and ends it when its time is up. Those that take long share a small part of the
 * thread's time, so that many of them at once do not hold up the rest.
 */
export class TimedRun {
  readonly #clocks: TimedRunClocks;
  readonly #script = new Script('run()');
  readonly #context = createContext(constants.DONT_CONTEXTIFY);
  #creditMs = CREDIT_MS;
  #creditedAtMs: number;
  #task: (() => unknown) | undefined;
  #result: unknown;

  constructor(clocks: TimedRunClocks = THREAD_CLOCKS) {
    this.#clocks = clocks;
    this.#creditedAtMs = clocks.nowMs();
    this.#context['run'] = () => {
      this.#result = this.#task!();
    };
  }

  /** Throws PatternTimeout, or what the task throws. */
  run<T>(task: () => T): T {
    this.#task = task;
    try {
      for (let tries = 1; !this.#finish(tries === TRIES); tries++);
      return this.#result as T;
    } finally {
      this.#task = undefined;
      this.#result = undefined;
    }
  }

  /** Whether the task ended; false: it is to be tried again. */
  #finish(isLast: boolean): boolean {
    const nowMs = this.#clocks.nowMs();
    this.#creditMs = Math.min(CREDIT_MS, this.#creditMs + (nowMs - this.#creditedAtMs) * REFILL);
    this.#creditedAtMs = nowMs;
    const startedMs = this.#clocks.cpuMs();
    const timeout = Math.max(LEAST_MS, Math.floor(this.#creditMs));
    try {
      this.#script.runInContext(this.#context, { timeout });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
      const isTreatedFairly = this.#clocks.cpuMs() - startedMs >= timeout / 2;
      if (isTreatedFairly || isLast) throw new PatternTimeout();
      return false;
    } finally {
      const tookMs = this.#clocks.cpuMs() - startedMs;
      if (tookMs > FREE_MS) this.#creditMs = Math.max(0, this.#creditMs - tookMs);
    }
  }
}

export const THREAD_CLOCKS: TimedRunClocks = {
  nowMs: () => performance.now(),
  cpuMs: () => {
    // What Linux says of a thread is a tick of the scheduler old, 4 ms, unless it was asked for the process just before.
    process.cpuUsage();
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  },
};
