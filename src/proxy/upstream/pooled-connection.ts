import type { Timers } from '../../lib/timer-wheel.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { Connector } from './connector.ts';
import type { UpstreamHandler, UpstreamStream } from './stream.ts';
import type { WireName } from './wire-key.ts';

/** A connection to an endpoint, whatever its wire; one wire has one stream at a time on it, another one many. */
export interface PooledConnection {
  /** Whether the pool lists it as having room; the pool's own. */
  isOffered: boolean;
  /** Whether it is listed as idle, and its neighbours there; the idle list's own. */
  isIdleListed: boolean;
  olderIdle: PooledConnection | undefined;
  newerIdle: PooledConnection | undefined;

  readonly createdAtMs: number;
  /** Streams begun on it. */
  readonly requestCount: number;
  /** When it last brought something. */
  readonly readAtMs: number;
  /** Whether a stream may begin on it: false when it is gone. */
  readonly isUsable: boolean;
  /** Whether another stream may begin beside those that it has. */
  readonly hasRoom: boolean;
  /** Whether it has no stream. */
  readonly isIdle: boolean;
  /** Begins a stream; one of a connection that does not stand yet waits for so long. */
  take(handler: UpstreamHandler, connectTimeoutMs: number): UpstreamStream;
  /** Has no stream for now; closes itself when that lasts so long. */
  rest(timeoutMs: number): void;
  /** Takes no more streams: closes as soon as it has none. */
  retire(): void;
  /** Closes it at once; the handlers of its streams hear nothing more. */
  destroy(): void;
}

/** What a connection needs of the pool it lives in. */
export interface ConnectionHome {
  readonly timers: Timers;
  readonly settings: DataPlaneSettings;
  /** Streams that a connection is known to carry at once, where the wire has more than one on it. */
  streamLimit: number;
  now(): number;
  /** It can be written to, for the first time. */
  opened(): void;
  /** Another stream may begin on it: one ended, or it can carry many. */
  offer(connection: PooledConnection): void;
  /** It is closed: forget it. */
  remove(connection: PooledConnection): void;
  report(fault: unknown): void;
}

/** The client's side of a wire. */
export interface UpstreamWire {
  /** Opens a connection with a stream on it. */
  open(
    home: ConnectionHome,
    connector: Connector,
    handler: UpstreamHandler,
    connectTimeoutMs: number,
  ): UpstreamStream;
}

/** The wires that there are clients for. Whoever puts a worker together hands them in: no wire is imported here. */
export type UpstreamWires = Readonly<Partial<Record<WireName, UpstreamWire>>>;
