import type { RequestView } from '../../features/kit/filter.ts';
import type { EndpointEntry, UpstreamEndpoints, UpstreamEntry } from '../../table/table.ts';
import type { Balancer, BalancerDeps } from './balancers/balancer.ts';
import { createRoundRobin } from './balancers/round-robin.ts';
import { createTwoChoices } from './balancers/two-choices.ts';
import { EndpointState } from './endpoint.ts';
import { DEFAULT_HEALTH, type HealthPolicy } from './health.ts';
import type { Endpoint, PickState, Upstream } from './upstream.ts';

export interface RegistryDeps extends BalancerDeps {
  readonly health?: HealthPolicy;
}

/** The upstreams of a worker and their endpoints, whatever table they came with. */
export interface UpstreamRegistry {
  /** The upstream of that id, created without endpoints when it is not known yet. */
  upstreamOf(id: string): Upstream;
  /** Takes in an upstream's policies; its endpoints stay. */
  set(entry: UpstreamEntry): void;
  /** Forgets an upstream; endpoints that no other one has lose their idle connections. */
  remove(id: string): void;
  setEndpoints(change: UpstreamEndpoints): void;
}

export function createUpstreamRegistry(deps: RegistryDeps): UpstreamRegistry {
  const health = deps.health ?? DEFAULT_HEALTH;
  const upstreams = new Map<string, UpstreamState>();
  const endpoints = new Map<string, EndpointState>();

  const stateOf = (id: string): UpstreamState => {
    let state = upstreams.get(id);
    if (state === undefined) upstreams.set(id, (state = new UpstreamState(id, deps)));
    return state;
  };
  const hold = ({ address, port }: EndpointEntry): EndpointState => {
    const key = `${address} ${port}`;
    let endpoint = endpoints.get(key);
    if (endpoint === undefined) {
      endpoint = new EndpointState(address, port, health, deps.nowMs);
      endpoints.set(key, endpoint);
    }
    endpoint.holders++;
    return endpoint;
  };
  const release = (endpoint: EndpointState): void => {
    endpoint.holders--;
    if (endpoint.holders > 0) return;
    endpoints.delete(`${endpoint.address} ${endpoint.port}`);
    endpoint.isRemoved = true;
    for (const pool of [...endpoint.pools.values()]) pool.destroy();
  };

  return {
    upstreamOf: stateOf,
    set: (entry) => stateOf(entry.id).configure(entry),
    remove(id) {
      const state = upstreams.get(id);
      if (state === undefined) return;
      upstreams.delete(id);
      for (const endpoint of state.replace([])) release(endpoint);
    },
    setEndpoints({ upstreamId, endpoints: entries }) {
      // Held before the old ones are let go, so that an endpoint that stays is never removed in between.
      const held = entries.filter(({ isReady }) => isReady).map(hold);
      for (const endpoint of stateOf(upstreamId).replace(held)) release(endpoint);
    },
  };
}

class UpstreamState implements Upstream {
  readonly id: string;
  entry: UpstreamEntry;
  #endpoints: readonly EndpointState[] = [];
  #balancer: Balancer;
  readonly #deps: BalancerDeps;

  constructor(id: string, deps: BalancerDeps) {
    this.id = id;
    this.entry = { id, digest: '', policies: {} };
    this.#deps = deps;
    this.#balancer = createRoundRobin(deps);
  }

  configure(entry: UpstreamEntry): void {
    const before = this.entry.policies['load-balance']?.algorithm;
    this.entry = entry;
    const algorithm = entry.policies['load-balance']?.algorithm;
    if (algorithm !== before) this.#balancer = createBalancer(algorithm ?? 'round_robin', this.#deps);
  }

  /** Takes the new endpoints and gives back the old ones. */
  replace(endpoints: readonly EndpointState[]): readonly EndpointState[] {
    const before = this.#endpoints;
    this.#endpoints = endpoints;
    return before;
  }

  hasEndpoints(): boolean {
    return this.#endpoints.length > 0;
  }

  pick(request: RequestView, pick: PickState): Endpoint | undefined {
    const all = this.#endpoints;
    if (all.length === 0) return undefined;
    const { tried } = pick;
    let chosen = this.#balancer.pick(all, request, tried);
    if (chosen.failedUntilMs === 0 && tried.length === 0) return chosen;
    // Passes over what failed or was tried while there is anything else; when there is not, all are tried.
    const nowMs = this.#deps.nowMs();
    const isGood = (one: EndpointState) => one.failedUntilMs <= nowMs && !tried.includes(one);
    for (let i = 1; i < all.length && !isGood(chosen); i++) chosen = this.#balancer.pick(all, request, tried);
    return isGood(chosen) ? chosen : (all.find(isGood) ?? chosen);
  }
}

function createBalancer(algorithm: string, deps: BalancerDeps): Balancer {
  switch (algorithm) {
    case 'ewma':
      return createTwoChoices(deps, (endpoint, nowMs) => endpoint.score(nowMs));
    case 'random_two':
    case 'least_conn':
      return createTwoChoices(deps, (endpoint) => endpoint.inFlight);
    default:
      return createRoundRobin(deps);
  }
}
