import type { RequestView } from '../../features/kit/filter.ts';
import type { AffinityPolicy } from '../../model/policy.ts';
import type { UpstreamEntry } from '../../table/table.ts';
import type { UpstreamPool } from './stream.ts';

/** A named backend group. Lives in the registry, outlives table swaps; endpoints change under it. */
export interface Upstream {
  readonly id: string;
  readonly entry: UpstreamEntry;
  /** Whether any endpoint may take a request; false is a 503. */
  hasEndpoints(): boolean;
  /**
   * Chooses an endpoint for a try: affinity, else the balancer, over healthy endpoints (all of them when none is healthy).
   * `tried` are those of earlier tries. Sets `pick.setCookie` when affinity issues a cookie.
   */
  pick(request: RequestView, pick: PickState): Endpoint | undefined;
  /** Chooses in rotation, over healthy endpoints, for what is no request; one of `tried` only when there is no other. */
  next(tried: readonly Endpoint[]): Endpoint | undefined;
  /** Whether the request has an affinity cookie that this upstream issued, whatever became of the endpoint (docs/reference/annotations.md §1.1). */
  holdsSession(request: RequestView, affinity: AffinityPolicy): boolean;
}

/** One per exchange, reused over its tries. */
export interface PickState {
  readonly tried: Endpoint[];
  /** Set-Cookie value to add to the response; undefined: none. */
  setCookie: string | undefined;
  /** Path text of the matched Ingress path and host entry name, for the cookie. */
  readonly cookiePath: string;
  readonly hostName: string;
  /** Whether a cookie may be set: the Ingress of the route asks for affinity (docs/reference/annotations.md §4.1). */
  readonly isAffinityAsked: boolean;
  /** Affinity in force: the primary's for a canary that inherits it; undefined: none. */
  readonly affinity: AffinityPolicy | undefined;
}

/** One address. State hangs here, never on a route; identity is `address:port`, and it outlives table swaps. */
export interface Endpoint {
  readonly key: string;
  readonly address: string;
  readonly port: number;
  /** Requests in flight from this worker. */
  inFlight: number;
  /** Told at the beginning of every try, when a new connection was made for it, and at its end; for balancers and passive health. */
  started(): void;
  connected(): void;
  finished(outcome: EndpointOutcome, responseMs: number): void;
  /** Set when it left the upstream: idle connections are closed, no new request begins. */
  readonly isRemoved: boolean;
  /** Its connections by the text of their wire key; owned by the pools (proxy/upstream/pools.ts). */
  readonly pools: Map<string, UpstreamPool>;
}

export type EndpointOutcome = 'ok' | 'connect-failed' | 'timed-out' | 'reset' | 'bad-response' | 'aborted';
