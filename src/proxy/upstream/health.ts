/**
 * When an endpoint is passed over. ingress-nginx ejects nothing; Serin passes over an endpoint that cannot be connected to while there
 * are others, and tries it again after a while. When all fail, all are tried.
 */
export interface HealthPolicy {
  /** Failed connects within `failTimeoutMs` that take an endpoint out of rotation; 0: never. */
  readonly maxFails: number;
  /** How long it stays out before one request probes it. */
  readonly failTimeoutMs: number;
}

export const DEFAULT_HEALTH: HealthPolicy = { maxFails: 1, failTimeoutMs: 1_000 };

/** What the connects to one endpoint tell of it. Times are monotonic, in ms. */
export class PassiveHealth {
  policy: HealthPolicy;
  /** When the next probe is due; 0 while in rotation. */
  #outUntilMs = 0;
  #lastFailureMs = -Infinity;
  #firstFailureMs = -Infinity;
  #failures = 0;

  constructor(policy: HealthPolicy) {
    this.policy = policy;
  }

  get isOut(): boolean {
    return this.#outUntilMs !== 0;
  }

  /** Whether a request may go there: it is in rotation, or a probe is due. */
  mayTake(nowMs: number): boolean {
    return this.#outUntilMs <= nowMs;
  }

  /** A request goes there. If it is the probe that was due, the others wait for what becomes of it. */
  started(nowMs: number): void {
    if (this.#outUntilMs !== 0 && this.#outUntilMs <= nowMs)
      this.#outUntilMs = nowMs + this.policy.failTimeoutMs;
  }

  /** What began at `sinceMs` went well. What began before the last failure may have used an older connection, and proves nothing. */
  succeeded(sinceMs: number): void {
    if (sinceMs < this.#lastFailureMs) return;
    this.#failures = 0;
    this.#outUntilMs = 0;
  }

  failed(nowMs: number): void {
    const { maxFails, failTimeoutMs } = this.policy;
    this.#lastFailureMs = nowMs;
    if (nowMs - this.#firstFailureMs > failTimeoutMs) {
      this.#failures = 0;
      this.#firstFailureMs = nowMs;
    }
    this.#failures++;
    // While it is out, one failed probe is enough to stay out.
    if (maxFails > 0 && (this.isOut || this.#failures >= maxFails)) this.#outUntilMs = nowMs + failTimeoutMs;
  }
}
