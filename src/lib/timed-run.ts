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

/**
 * Runs what may take too long, one after the other, and ends it when its time is up. Those that take long share a small part of the
 * thread's time, so that many of them at once do not hold up the rest.
 */
export class TimedRun {
  readonly #nowMs: () => number;
  readonly #script = new Script('run()');
  readonly #context = createContext(constants.DONT_CONTEXTIFY);
  #creditMs = CREDIT_MS;
  #creditedAtMs: number;
  #task: (() => unknown) | undefined;
  #result: unknown;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#creditedAtMs = nowMs();
    this.#context['run'] = () => {
      this.#result = this.#task!();
    };
  }

  /** Throws PatternTimeout, or what the task throws. */
  run<T>(task: () => T): T {
    const startedMs = this.#nowMs();
    this.#creditMs = Math.min(CREDIT_MS, this.#creditMs + (startedMs - this.#creditedAtMs) * REFILL);
    this.#creditedAtMs = startedMs;
    this.#task = task;
    try {
      const timeout = Math.max(LEAST_MS, Math.floor(this.#creditMs));
      this.#script.runInContext(this.#context, { timeout });
      return this.#result as T;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
        throw new PatternTimeout();
      throw error;
    } finally {
      this.#task = undefined;
      this.#result = undefined;
      const tookMs = this.#nowMs() - startedMs;
      if (tookMs > FREE_MS) this.#creditMs = Math.max(0, this.#creditMs - tookMs);
    }
  }
}
