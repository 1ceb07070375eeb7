import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { Transport } from '../router/linked.ts';
import type { Timers } from '../../lib/timer-wheel.ts';
import type { Connector } from './connector.ts';
import type { ReadBuffers } from './read-buffers.ts';
import { createTlsClient, type TlsClient } from './tls-client.ts';
import type { Endpoint } from './upstream.ts';
import type { ConnectionHome } from '../http1/connection-home.ts';
import { UpstreamConnection } from '../http1/upstream-connection.ts';
import type { UpstreamHandler } from './upstream-handler.ts';

/** Connections to one endpoint over one transport; the most recently used one is taken first. */
export class EndpointPool implements ConnectionHome {
  readonly timers: Timers;
  readonly buffers: ReadBuffers;
  isClosed = false;
  readonly #connector: Connector;
  readonly #endpoint: Endpoint;
  readonly #tls: TlsClient | undefined;
  readonly #idle: UpstreamConnection[] = [];
  readonly #key: string;

  constructor(connector: Connector, endpoint: Endpoint, key: string, transport: Transport, isTls: boolean) {
    this.#connector = connector;
    this.#endpoint = endpoint;
    this.#key = key;
    this.#tls = isTls ? createTlsClient(transport.tls) : undefined;
    this.timers = connector.timers;
    this.buffers = connector.buffers;
  }

  get settings(): DataPlaneSettings {
    return this.#connector.settings();
  }

  now(): number {
    return this.#connector.now();
  }

  report(fault: unknown): void {
    this.#connector.report(fault);
  }

  /** A connection at rest, ready to be written to; undefined when there is none. */
  acquire(): UpstreamConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) return undefined;
      this.#connector.leaveIdle(connection);
      if (connection.isUsable) return connection;
      connection.destroy();
    }
  }

  /** Opens a connection; the handler is told when it can be used, or that it failed. */
  open(handler: UpstreamHandler, connectTimeoutMs: number): UpstreamConnection {
    const { address, port } = this.#endpoint;
    const tls = this.#tls;
    return new UpstreamConnection(
      this,
      handler,
      (onread): Socket =>
        tls === undefined
          ? connectTcp({ host: address, port, noDelay: true, allowHalfOpen: true, onread })
          : tls.watch(connectTls(tls.options(address, port, onread))),
      tls === undefined ? 'connect' : 'secureConnect',
      connectTimeoutMs,
    );
  }

  release(connection: UpstreamConnection): void {
    const { settings } = this;
    if (
      this.isClosed ||
      this.#endpoint.isRemoved ||
      settings.upstreamKeepAliveConnections === 0 ||
      connection.requestCount >= settings.upstreamKeepAliveRequests ||
      // What it just read was the end of a response.
      connection.readAtMs - connection.createdAtMs >= settings.upstreamKeepAliveTimeMs
    ) {
      connection.destroy();
      return;
    }
    connection.becomeIdle(settings.upstreamKeepAliveTimeoutMs);
    this.#idle.push(connection);
    this.#connector.enterIdle(connection, settings.upstreamKeepAliveConnections);
  }

  remove(connection: UpstreamConnection): void {
    if (!connection.isIdleListed) return;
    this.#connector.leaveIdle(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
  }

  /** Closes what is idle; what is in use ends with its exchange. */
  destroy(): void {
    this.isClosed = true;
    if (this.#endpoint.pools.get(this.#key) === this) this.#endpoint.pools.delete(this.#key);
    while (this.#idle.length > 0) this.#idle.at(-1)!.destroy();
  }
}
