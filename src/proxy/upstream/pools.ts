import type { Timers } from '../../lib/timer-wheel.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { Transport } from '../transport/transport.ts';
import { IdleList } from './idle-list.ts';
import { EndpointPool, type PoolContext } from './pool.ts';
import type { UpstreamWires } from './pooled-connection.ts';
import type { UpstreamPool } from './stream.ts';
import type { Endpoint } from './upstream.ts';
import type { WireKey } from './wire-key.ts';

export interface PoolsOptions {
  readonly transport: Transport;
  readonly wires: UpstreamWires;
  readonly timers: Timers;
  readonly now: () => number;
  settings(): DataPlaneSettings;
  report(fault: unknown): void;
}

/** The connections of a worker to all endpoints. */
export class Pools {
  readonly #wires: UpstreamWires;
  readonly #context: PoolContext;

  constructor({ wires, ...context }: PoolsOptions) {
    this.#wires = wires;
    this.#context = { ...context, idle: new IdleList() };
  }

  get idleCount(): number {
    return this.#context.idle.count;
  }

  /** Where streams to an endpoint come from, by a wire. */
  poolOf(endpoint: Endpoint, key: WireKey): UpstreamPool {
    return endpoint.pools.get(key.text) ?? this.#open(endpoint, key);
  }

  /** Closes all that is idle. */
  close(): void {
    this.#context.idle.close();
  }

  #open(endpoint: Endpoint, key: WireKey): UpstreamPool {
    const wire = this.#wires[key.wire];
    if (wire === undefined) throw new Error(`there is no client for the wire "${key.wire}"`);
    const pool = new EndpointPool(this.#context, endpoint, key, wire);
    endpoint.pools.set(key.text, pool);
    return pool;
  }
}
