import type { Heartbeat } from '../table/heartbeat.ts';

/** How long a worker's event loop may stand still. */
export interface WatchdogLimits {
  /** From then on it is told, and nothing waits for the worker. */
  readonly stuckMs: number;
  /** From then on the worker is replaced. */
  readonly replaceMs: number;
  /** The same while it takes in a table, which with a share of a core and thousands of certificates is not hopeless. */
  readonly linkingReplaceMs: number;
  readonly checkMs: number;
}

export const WATCHDOG_LIMITS: WatchdogLimits = {
  stuckMs: 2_000,
  replaceMs: 10_000,
  linkingReplaceMs: 60_000,
  checkMs: 250,
};

export type Verdict = 'turns' | 'stuck' | 'hopeless';

/** Judges one life of a worker by its heartbeat. */
export class Watch {
  readonly heartbeat: Heartbeat;
  readonly #limits: WatchdogLimits;
  #turns: number;
  #checkedAtMs: number;
  #stillMs = 0;

  constructor(heartbeat: Heartbeat, limits: WatchdogLimits, nowMs: number) {
    this.heartbeat = heartbeat;
    this.#limits = limits;
    this.#turns = heartbeat.turns;
    this.#checkedAtMs = nowMs;
  }

  /** For how long the loop has stood still, as far as this side was there to see it. */
  get stillMs(): number {
    return this.#stillMs;
  }

  check(nowMs: number): Verdict {
    const { turns } = this.heartbeat;
    // A process that was halted, or starved as a whole, says nothing about its workers.
    const sinceMs = Math.min(nowMs - this.#checkedAtMs, 2 * this.#limits.checkMs);
    this.#checkedAtMs = nowMs;
    this.#stillMs = turns === this.#turns ? this.#stillMs + sinceMs : 0;
    this.#turns = turns;
    const { stuckMs, replaceMs, linkingReplaceMs } = this.#limits;
    if (this.#stillMs < stuckMs) return 'turns';
    return this.#stillMs < (this.heartbeat.isLinking ? linkingReplaceMs : replaceMs) ? 'stuck' : 'hopeless';
  }
}
