import type { EndpointState } from './endpoint.ts';

/** Steps in which a share grows. */
const STEPS = 20;
/** Share at the beginning, of the full one. */
const LEAST_FACTOR = 0.1;

/** Nobody starts slowly. */
const NOBODY: Map<EndpointState, number> = new Map();

/** Lets endpoints that join others take their full share bit by bit. The first endpoints of an upstream have nobody to spare them. */
export class SlowStart {
  /** Whether an endpoint is still on its way. */
  isOn = false;
  readonly #durationMs: number;
  readonly #joinedAtMs: Map<EndpointState, number>;
  #nextStepAtMs = 0;

  /** Milliseconds until the full share; 0: from the start. */
  constructor(durationMs: number) {
    this.#durationMs = durationMs;
    this.#joinedAtMs = durationMs === 0 ? NOBODY : new Map();
  }

  update(before: readonly EndpointState[], now: readonly EndpointState[], nowMs: number): void {
    if (this.#durationMs === 0) return;
    for (const endpoint of this.#joinedAtMs.keys())
      if (!now.includes(endpoint)) this.#joinedAtMs.delete(endpoint);
    if (before.length > 0) {
      const known = new Set(before);
      for (const endpoint of now) if (!known.has(endpoint)) this.#joinedAtMs.set(endpoint, nowMs);
    }
    this.#step(nowMs);
  }

  /** True once per step: the shares are to be asked for again. */
  isStepDue(nowMs: number): boolean {
    if (nowMs < this.#nextStepAtMs) return false;
    this.#step(nowMs);
    return true;
  }

  factorOf(endpoint: EndpointState, nowMs: number): number {
    const joinedAtMs = this.#joinedAtMs.get(endpoint);
    if (joinedAtMs === undefined) return 1;
    return Math.min(Math.max((nowMs - joinedAtMs) / this.#durationMs, LEAST_FACTOR), 1);
  }

  #step(nowMs: number): void {
    for (const [endpoint, joinedAtMs] of this.#joinedAtMs) {
      if (nowMs - joinedAtMs >= this.#durationMs) this.#joinedAtMs.delete(endpoint);
    }
    this.isOn = this.#joinedAtMs.size > 0;
    this.#nextStepAtMs = nowMs + this.#durationMs / STEPS;
  }
}
