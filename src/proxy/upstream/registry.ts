import type { EndpointEntry, UpstreamEndpoints, UpstreamEntry } from '../../table/table.ts';
import { endpointKey, EndpointState } from './endpoint.ts';
import { DEFAULT_HEALTH, type HealthPolicy } from './health.ts';
import type { Upstream } from './upstream.ts';
import { UpstreamState, type Place, type UpstreamDeps } from './upstream-state.ts';

export interface RegistryDeps extends UpstreamDeps {
  /** Of endpoints whose upstreams do not say. */
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
    if (state === undefined) upstreams.set(id, (state = new UpstreamState(id, deps, health)));
    return state;
  };
  const hold = ({ address, port }: EndpointEntry): EndpointState => {
    const key = endpointKey(address, port);
    let endpoint = endpoints.get(key);
    if (endpoint === undefined) {
      endpoint = new EndpointState(key, address, port, health, deps.nowMs);
      endpoints.set(key, endpoint);
    }
    endpoint.holders++;
    return endpoint;
  };
  const release = (endpoint: EndpointState): void => {
    endpoint.holders--;
    if (endpoint.holders > 0) return;
    endpoints.delete(endpoint.key);
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
      for (const { endpoint } of state.replace([])) release(endpoint);
    },
    setEndpoints({ upstreamId, endpoints: entries }) {
      // Held before the old ones are let go, so that an endpoint that stays is never removed in between.
      const held = entries.map((entry): Place => ({ endpoint: hold(entry), entry }));
      for (const { endpoint } of stateOf(upstreamId).replace(held)) release(endpoint);
    },
  };
}
