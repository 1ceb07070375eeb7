import type { HealthCheckPolicy } from '../../model/policy.ts';
import type { EndpointState } from './endpoint.ts';

/** One check of an endpoint: resolves with what is wrong, undefined when it passed; never rejects. */
export type HealthCheck = (endpoint: EndpointState, policy: HealthCheckPolicy) => Promise<string | undefined>;

export interface ActiveChecksDeps {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly check: HealthCheck;
  /** Told when an endpoint goes out (with the problem) and when it comes back. */
  readonly changed: (endpoint: EndpointState, problem: string | undefined) => void;
}

/** Failures in a row that take an endpoint out. */
const FAILS = 2;

/** The active checks of one upstream: every endpoint in its own time, so that they do not come in bursts. */
export class ActiveChecks {
  readonly #policy: HealthCheckPolicy;
  readonly #deps: ActiveChecksDeps;
  readonly #rounds = new Map<EndpointState, Round>();

  constructor(policy: HealthCheckPolicy, deps: ActiveChecksDeps) {
    this.#policy = policy;
    this.#deps = deps;
  }

  /** Begins with endpoints that are new, and lets go of those that are gone. */
  update(endpoints: readonly EndpointState[]): void {
    const wanted = new Set(endpoints);
    for (const [endpoint, round] of this.#rounds) {
      if (wanted.has(endpoint)) continue;
      round.stop();
      this.#rounds.delete(endpoint);
    }
    for (const endpoint of wanted) {
      if (!this.#rounds.has(endpoint))
        this.#rounds.set(endpoint, new Round(endpoint, this.#policy, this.#deps));
    }
  }

  stop(): void {
    this.update([]);
  }
}

/** The checks of one endpoint, one after the other. */
class Round {
  readonly #endpoint: EndpointState;
  readonly #policy: HealthCheckPolicy;
  readonly #deps: ActiveChecksDeps;
  #timer: NodeJS.Timeout;
  #isStopped = false;
  #fails = 0;

  constructor(endpoint: EndpointState, policy: HealthCheckPolicy, deps: ActiveChecksDeps) {
    this.#endpoint = endpoint;
    this.#policy = policy;
    this.#deps = deps;
    this.#timer = this.#after(policy.intervalMs * deps.random());
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    if (this.#fails >= FAILS) this.#endpoint.health.failingChecks--;
  }

  #after(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => void this.#run(), delayMs).unref();
  }

  async #run(): Promise<void> {
    const problem = await this.#deps.check(this.#endpoint, this.#policy);
    if (this.#isStopped) return;
    this.#judge(problem);
    this.#timer = this.#after(this.#policy.intervalMs);
  }

  #judge(problem: string | undefined): void {
    const { health } = this.#endpoint;
    const wasOut = this.#fails >= FAILS;
    this.#fails = problem === undefined ? 0 : this.#fails + 1;
    const isOut = this.#fails >= FAILS;
    if (isOut === wasOut) return;
    health.failingChecks += isOut ? 1 : -1;
    this.#deps.changed(this.#endpoint, problem);
  }
}
