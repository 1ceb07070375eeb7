import type { Endpoint, EndpointOutcome } from './upstream.ts';
import type { HealthPolicy } from './health.ts';

/** State of one address of this worker. Shared by all upstreams that have the address; outlives table swaps. */
export class EndpointState implements Endpoint {
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly pools = new Map<string, { destroy(): void }>();
  inFlight = 0;
  isRemoved = false;
  /** Upstreams that have it. */
  holders = 0;
  /** Peak EWMA of response times in ms, and when it was last updated. */
  ewmaMs = 0;
  touchedMs = 0;
  /** Not chosen before this time while others are healthy; 0: healthy. */
  failedUntilMs = 0;
  #failures = 0;
  #firstFailureMs = 0;
  readonly #policy: HealthPolicy;
  readonly #nowMs: () => number;

  constructor(address: string, port: number, policy: HealthPolicy, nowMs: () => number) {
    this.key = address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
    this.address = address;
    this.port = port;
    this.#policy = policy;
    this.#nowMs = nowMs;
  }

  started(): void {
    this.inFlight++;
    // One request probes a failed endpoint; the others wait for what becomes of it.
    if (this.failedUntilMs !== 0) this.failedUntilMs = this.#nowMs() + this.#policy.failTimeoutMs;
  }

  finished(outcome: EndpointOutcome, responseMs: number): void {
    this.inFlight--;
    if (outcome === 'aborted') return;
    if (outcome !== 'ok') {
      if (outcome === 'connect-failed') this.#fail();
      return;
    }
    this.#failures = 0;
    this.failedUntilMs = 0;
    this.#observe(responseMs);
  }

  /** Score for EWMA now: decays with the time since the last response (annotations.md §3.2). */
  score(nowMs: number): number {
    return this.ewmaMs * Math.exp(-(nowMs - this.touchedMs) / DECAY_MS);
  }

  #observe(responseMs: number): void {
    const nowMs = this.#nowMs();
    const weight = Math.exp(-(nowMs - this.touchedMs) / DECAY_MS);
    this.ewmaMs = this.ewmaMs * weight + responseMs * (1 - weight);
    this.touchedMs = nowMs;
  }

  #fail(): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#firstFailureMs > this.#policy.failTimeoutMs) {
      this.#failures = 0;
      this.#firstFailureMs = nowMs;
    }
    this.#failures++;
    if (this.#failures >= this.#policy.maxFails) this.failedUntilMs = nowMs + this.#policy.failTimeoutMs;
  }
}

/** Decay time of the EWMA, as ingress-nginx has it. */
const DECAY_MS = 10_000;
