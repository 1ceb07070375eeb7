import { EndpointHealth, type HealthPolicy } from './health.ts';
import { Latency } from './latency.ts';
import type { UpstreamPool } from './stream.ts';
import type { Endpoint, EndpointOutcome } from './upstream.ts';

/** `address:port`, as it is written in logs and URLs. */
export function endpointKey(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** State of one address of this worker. Shared by all upstreams that have the address; outlives table swaps. */
export class EndpointState implements Endpoint {
  readonly key: string;
  readonly address: string;
  readonly port: number;
  readonly health: EndpointHealth;
  inFlight = 0;
  isRemoved = false;
  /** Upstreams that have it. */
  holders = 0;
  readonly #nowMs: () => number;
  /** Made when asked for: a worker knows thousands of endpoints that it never sends anything. */
  #pools: Map<string, UpstreamPool> | undefined = undefined;
  #latency: Latency | undefined = undefined;

  /** `key` is what `endpointKey` gives. */
  constructor(key: string, address: string, port: number, policy: HealthPolicy, nowMs: () => number) {
    this.key = key;
    this.address = address;
    this.port = port;
    this.health = new EndpointHealth(policy);
    this.#nowMs = nowMs;
  }

  get pools(): Map<string, UpstreamPool> {
    return (this.#pools ??= new Map());
  }

  get latency(): Latency {
    return (this.#latency ??= new Latency());
  }

  started(): void {
    this.inFlight++;
    if (this.health.isOut) this.health.started(this.#nowMs());
  }

  connected(): void {
    if (this.health.isOut) this.health.succeeded(this.#nowMs());
  }

  finished(outcome: EndpointOutcome, responseMs: number): void {
    this.inFlight--;
    if (outcome === 'aborted') {
      if (this.health.isOut) this.health.aborted(this.#nowMs());
      return;
    }
    // Most of the time there is nothing to make good and nobody who measures: not even the clock is asked.
    if (outcome === 'ok' && !this.health.isTroubled && this.#latency?.hasBegun !== true) return;
    const nowMs = this.#nowMs();
    if (outcome === 'connect-failed') {
      this.health.failed(nowMs, responseMs);
      return;
    }
    if (outcome === 'ok') this.health.succeeded(nowMs - responseMs);
    // One that fails at once must not look fast: it would draw all requests.
    this.#latency?.observe(outcome === 'ok' ? responseMs : Math.max(responseMs, FAILURE_MS), nowMs);
  }
}

/** What a failed try counts as at least, as a response time. */
const FAILURE_MS = 1_000;
