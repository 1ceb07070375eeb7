import type { RequestView } from '../../../features/kit/filter.ts';
import type { EndpointState } from '../endpoint.ts';

/** Chooses among endpoints; one per upstream, keeps what state it needs between requests. */
export interface Balancer {
  /** `endpoints` is never empty; the same list object as long as the set is the same. */
  pick(endpoints: readonly EndpointState[], request: RequestView, tried: readonly unknown[]): EndpointState;
}

export interface BalancerDeps {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly nowMs: () => number;
}
