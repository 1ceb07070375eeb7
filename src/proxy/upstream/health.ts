/**
 * When an endpoint is passed over. ingress-nginx ejects nothing; Serin passes over an endpoint that cannot be connected to while there
 * are others, and tries it again after a while. When all fail, all are tried.
 */
export interface HealthPolicy {
  /** Failed connects within `failTimeoutMs` that take an endpoint out of rotation; 0: never. */
  readonly maxFails: number;
  /** How long it stays out before one request probes it; longer when its failures were long in coming. */
  readonly failTimeoutMs: number;
}

export const DEFAULT_HEALTH: HealthPolicy = { maxFails: 1, failTimeoutMs: 1_000 };

/** A probe of which nothing is heard for so long is followed by another. */
const PROBE_TIMEOUT_MS = 10_000;
/** An endpoint rests this many times as long as the failed try had to wait for it: of requests, few wait for what does not answer. */
const REST_PER_WAIT = 4;

/** Long before any start. No -Infinity: a number that is no small integer takes memory of its own in each of thousands of endpoints. */
const NEVER_MS = -1_000_000_000;

/** What is known of one endpoint from connects to it, and from active checks. Times are monotonic, in ms. */
export class EndpointHealth {
  policy: HealthPolicy;
  /** Upstreams whose active checks of it fail. */
  failingChecks = 0;
  /** When the next probe is due; 0 while connects succeed. */
  #outUntilMs = 0;
  #isProbed = false;
  #lastFailureMs = NEVER_MS;
  #firstFailureMs = NEVER_MS;
  #failures = 0;

  constructor(policy: HealthPolicy) {
    this.policy = policy;
  }

  get isOut(): boolean {
    return this.#outUntilMs !== 0 || this.failingChecks > 0;
  }

  /** Whether connects to it have failed since one went well. */
  get isTroubled(): boolean {
    return this.#failures > 0 || this.#outUntilMs !== 0;
  }

  /** Whether a request may go there: it is in rotation, or a probe is due. */
  mayTake(nowMs: number): boolean {
    return this.#outUntilMs <= nowMs && this.failingChecks === 0;
  }

  /** A request goes there. If it is the probe that was due, the others wait for what becomes of it. */
  started(nowMs: number): void {
    if (this.#outUntilMs === 0 || this.#outUntilMs > nowMs) return;
    this.#isProbed = true;
    this.#outUntilMs = nowMs + Math.max(this.policy.failTimeoutMs, PROBE_TIMEOUT_MS);
  }

  /** What began at `sinceMs` went well. What began before the last failure may have used an older connection, and proves nothing. */
  succeeded(sinceMs: number): void {
    if (sinceMs < this.#lastFailureMs) return;
    this.#failures = 0;
    this.#outUntilMs = 0;
    this.#isProbed = false;
  }

  /** A request ended without telling anything: if it was the probe, another is due after the usual while. */
  aborted(nowMs: number): void {
    if (!this.#isProbed) return;
    this.#isProbed = false;
    this.#outUntilMs = nowMs + this.policy.failTimeoutMs;
  }

  /** It could not be connected to, which took `tookMs` to find out. */
  failed(nowMs: number, tookMs: number): void {
    const { maxFails, failTimeoutMs } = this.policy;
    this.#lastFailureMs = nowMs;
    if (nowMs - this.#firstFailureMs > failTimeoutMs) {
      this.#failures = 0;
      this.#firstFailureMs = nowMs;
    }
    this.#failures++;
    this.#isProbed = false;
    // While it is out, one failed probe is enough to stay out.
    if (maxFails > 0 && (this.#outUntilMs !== 0 || this.#failures >= maxFails)) {
      this.#outUntilMs = nowMs + Math.max(failTimeoutMs, tookMs * REST_PER_WAIT);
    }
  }
}
