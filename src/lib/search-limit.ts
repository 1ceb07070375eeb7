import { MEASURED_FROM_CHARACTERS, patternTime } from './pattern-time.ts';
import { PatternTimeout } from './timed-run.ts';

/** Trying patterns for one text may take this long in all. */
const LIMIT_MS = 50;
/** The clock is read for every so many of them, and for each of them where the text is longer than that. */
const STEP = 16;
const SHORT = 1_024;

/** Ends a search through many patterns that takes too long. */
export class SearchLimit {
  #startedMs = 0;
  #readAtMs = 0;
  #isRunning = false;

  /** Call it before each try; `tried` counts them from 1. Throws PatternTimeout. */
  check(tried: number, length: number): void {
    if (tried === 1) this.#isRunning = false;
    if (length <= SHORT && tried % STEP !== 0) return;
    const nowMs = performance.now();
    if (!this.#isRunning) {
      this.#isRunning = true;
      this.#startedMs = nowMs;
      this.#readAtMs = nowMs;
      return;
    }
    // Patterns measure longer texts themselves.
    if (length <= MEASURED_FROM_CHARACTERS) patternTime.totalMs += nowMs - this.#readAtMs;
    this.#readAtMs = nowMs;
    if (nowMs - this.#startedMs > LIMIT_MS) throw new PatternTimeout();
  }
}
