import type { Timers } from '../../lib/timer-wheel.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { Transport } from '../transport/transport.ts';
import { type Connector, createConnector } from './connector.ts';
import type { IdleList } from './idle-list.ts';
import type { ConnectionHome, PooledConnection, UpstreamWire } from './pooled-connection.ts';
import type { UpstreamHandler, UpstreamPool, UpstreamStream } from './stream.ts';
import type { Endpoint } from './upstream.ts';
import type { WireKey } from './wire-key.ts';

/** What the pools of a worker share. */
export interface PoolContext {
  readonly transport: Transport;
  readonly timers: Timers;
  readonly idle: IdleList;
  readonly now: () => number;
  settings(): DataPlaneSettings;
  report(fault: unknown): void;
}

/** Connections to one endpoint by one wire; of those that have room the most recently used one is taken. */
export class EndpointPool implements UpstreamPool, ConnectionHome {
  readonly timers: Timers;
  readonly now: () => number;
  streamLimit = 100;
  #isClosed = false;
  readonly #context: PoolContext;
  readonly #endpoint: Endpoint;
  readonly #key: WireKey;
  readonly #wire: UpstreamWire;
  readonly #connector: Connector;
  readonly #offered: PooledConnection[] = [];

  constructor(context: PoolContext, endpoint: Endpoint, key: WireKey, wire: UpstreamWire) {
    this.timers = context.timers;
    this.now = context.now;
    this.#context = context;
    this.#endpoint = endpoint;
    this.#key = key;
    this.#wire = wire;
    this.#connector = createConnector(context.transport, endpoint, key);
  }

  get settings(): DataPlaneSettings {
    return this.#context.settings();
  }

  report(fault: unknown): void {
    this.#context.report(fault);
  }

  acquire(handler: UpstreamHandler, isFreshNeeded: boolean, connectTimeoutMs: number): UpstreamStream {
    const offered = this.#offered;
    while (offered.length > 0) {
      const connection = offered[offered.length - 1]!;
      if (!connection.isUsable) {
        this.remove(connection);
        connection.retire();
        continue;
      }
      if (isFreshNeeded && connection.isIdle) break;
      this.#context.idle.leave(connection);
      const stream = connection.take(handler, connectTimeoutMs);
      if (!connection.hasRoom) this.#withdraw(connection);
      return stream;
    }
    return this.#wire.open(this, this.#connector, handler, connectTimeoutMs);
  }

  opened(): void {
    this.#endpoint.connected();
  }

  offer(connection: PooledConnection): void {
    const { settings } = this;
    if (
      this.#isClosed ||
      this.#endpoint.isRemoved ||
      settings.upstreamKeepAliveConnections === 0 ||
      connection.requestCount >= settings.upstreamKeepAliveRequests ||
      // What it just read was the end of a response.
      connection.readAtMs - connection.createdAtMs >= settings.upstreamKeepAliveTimeMs
    ) {
      this.#withdraw(connection);
      connection.retire();
      return;
    }
    if (!connection.isOffered) {
      connection.isOffered = true;
      this.#offered.push(connection);
    }
    if (!connection.isIdle) return;
    connection.rest(settings.upstreamKeepAliveTimeoutMs);
    this.#context.idle.enter(connection, settings.upstreamKeepAliveConnections);
  }

  remove(connection: PooledConnection): void {
    this.#context.idle.leave(connection);
    this.#withdraw(connection);
  }

  destroy(): void {
    this.#isClosed = true;
    const { pools } = this.#endpoint;
    if (pools.get(this.#key.text) === this) pools.delete(this.#key.text);
    while (this.#offered.length > 0) {
      const connection = this.#offered.at(-1)!;
      this.#withdraw(connection);
      connection.retire();
    }
  }

  #withdraw(connection: PooledConnection): void {
    if (!connection.isOffered) return;
    connection.isOffered = false;
    const offered = this.#offered;
    if (offered[offered.length - 1] === connection) offered.pop();
    else offered.splice(offered.indexOf(connection), 1);
  }
}
