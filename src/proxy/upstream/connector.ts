import type { DataPlaneSettings } from '../../table/settings.ts';
import type { Transport } from '../router/linked.ts';
import type { Timers } from '../../lib/timer-wheel.ts';
import { EndpointPool } from './pool.ts';
import { ReadBuffers } from './read-buffers.ts';
import type { UpstreamConnection } from '../http1/upstream-connection.ts';
import type { Endpoint } from './upstream.ts';

export interface ConnectorOptions {
  readonly timers: Timers;
  readonly now: () => number;
  settings(): DataPlaneSettings;
  report(fault: unknown): void;
}

/** Finds the pool of an endpoint and keeps the number of idle connections of the worker within its limit. */
export class Connector {
  readonly timers: Timers;
  readonly buffers: ReadBuffers = new ReadBuffers();
  readonly #options: ConnectorOptions;
  #oldestIdle: UpstreamConnection | undefined = undefined;
  #newestIdle: UpstreamConnection | undefined = undefined;
  #idleCount = 0;

  constructor(options: ConnectorOptions) {
    this.#options = options;
    this.timers = options.timers;
  }

  get idleCount(): number {
    return this.#idleCount;
  }

  now(): number {
    return this.#options.now();
  }

  settings(): DataPlaneSettings {
    return this.#options.settings();
  }

  report(fault: unknown): void {
    this.#options.report(fault);
  }

  /** Pool of an endpoint for a transport; `scheme` is that of the client's connection, which AUTO_HTTP follows. */
  poolOf(endpoint: Endpoint, transport: Transport, scheme: 'http' | 'https'): EndpointPool {
    const isAuto = transport.protocol === 'auto';
    const key = isAuto ? (scheme === 'https' ? `${transport.key}|https` : 'http') : transport.key;
    const known = endpoint.pools.get(key);
    if (known !== undefined) return known as EndpointPool;
    const isTls = isAuto ? scheme === 'https' : transport.protocol === 'https';
    const pool = new EndpointPool(this, endpoint, key, transport, isTls);
    endpoint.pools.set(key, pool);
    return pool;
  }

  /** Counts one more at rest; the one that rested longest goes when there are too many. */
  enterIdle(connection: UpstreamConnection, maxIdle: number): void {
    connection.isIdleListed = true;
    connection.olderIdle = this.#newestIdle;
    connection.newerIdle = undefined;
    if (this.#newestIdle === undefined) this.#oldestIdle = connection;
    else this.#newestIdle.newerIdle = connection;
    this.#newestIdle = connection;
    this.#idleCount++;
    while (this.#idleCount > maxIdle) this.#oldestIdle!.destroy();
  }

  leaveIdle(connection: UpstreamConnection): void {
    if (!connection.isIdleListed) return;
    const { olderIdle, newerIdle } = connection;
    if (olderIdle === undefined) this.#oldestIdle = newerIdle;
    else olderIdle.newerIdle = newerIdle;
    if (newerIdle === undefined) this.#newestIdle = olderIdle;
    else newerIdle.olderIdle = olderIdle;
    connection.isIdleListed = false;
    connection.olderIdle = undefined;
    connection.newerIdle = undefined;
    this.#idleCount--;
  }

  /** Closes all that is idle. */
  close(): void {
    while (this.#oldestIdle !== undefined) this.#oldestIdle.destroy();
  }
}
