import type { RequestView } from '../../../features/kit/filter.ts';
import type { EndpointState } from '../endpoint.ts';

/** An endpoint in one upstream. Its state is shared with other upstreams, its weight is not. */
export interface Member {
  readonly endpoint: EndpointState;
  /** A positive integer. */
  readonly weight: number;
  /** The weight, less while the endpoint starts slowly; above 0. Hashes go by the weight, so that keys stay where they are. */
  readonly share: number;
}

/** Endpoints a request should not go to while there is another. */
export type Avoid = (endpoint: EndpointState) => boolean;

/** Chooses among the members of one upstream; keeps what state it needs between requests. */
export interface Balancer {
  /** Takes the members, at least one; called before the first `pick` and whenever they or their shares change. */
  update(members: readonly Member[]): void;
  /** A member's endpoint: none that `avoid` names as long as there is another. */
  pick(request: RequestView, avoid: Avoid | undefined): EndpointState;
}

export interface BalancerDeps {
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Monotonic. */
  readonly nowMs: () => number;
}
