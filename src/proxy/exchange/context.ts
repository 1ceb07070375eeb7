import type { FairTurns } from '../../lib/fair-turns.ts';
import type { Timers } from '../../lib/timer-wheel.ts';
import type { AccessLog, WorkerMetrics } from '../../observe/sinks.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import type { Router } from '../router/linked.ts';
import type { Connection } from '../transport/transport.ts';
import type { Pools } from '../upstream/pools.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { BodyStorage } from './body-store.ts';
import type { EngineStats } from './connection-gauge.ts';
import type { CompressorRoom } from './compressor-room.ts';
import type { Copies } from './copies.ts';
import type { Subrequests } from './subrequests.ts';
import type { PatternTurns } from './pattern-turns.ts';

/** What the engine is given by its worker. */
export interface EngineOptions {
  /** The router in force; an exchange keeps the one it began with. */
  router(): Router;
  /** The upstream of that id, whether a route has it or not. */
  upstreamOf(id: string): Upstream;
  readonly accessLog: AccessLog;
  readonly metrics: WorkerMetrics;
  /** Where request bodies are held. */
  readonly bodies: BodyStorage;
  /** Milliseconds since the epoch; fractions allowed. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Told of every exception that one exchange, connection or filter caused; the worker goes on. */
  report(fault: unknown): void;
  /** Default: a wheel of its own. */
  readonly timers?: Timers;
}

/** A client's connection, whatever its wire, as far as a worker that ends wants something of it. */
export interface ClientConnection {
  /** The worker drains: without a request under way it waits for one no longer than it has to. */
  startDraining(): void;
  /** A port is closed, perhaps the one that it came in by. Whose wire has no word for that goes on. */
  onPortClosed?(listener: string, port: number): void;
  destroy(): void;
}

/** What exchanges and client connections of one worker share; made by `createServeContext`. */
export interface ServeContext extends EngineOptions {
  readonly timers: Timers;
  readonly pools: Pools;
  readonly subrequests: Subrequests;
  readonly copies: Copies;
  readonly turns: PatternTurns;
  /** Of what clients' connections bring. */
  readonly inputTurns: FairTurns;
  readonly compressors: CompressorRoom;
  readonly stats: EngineStats;
  readonly connections: Set<ClientConnection>;
  /** Goes on with a connection that speaks HTTP/2; `begun` is what was read of it. */
  takeHttp2(connection: Connection, info: ConnectionInfo, begun: Buffer | undefined): void;
  /** From now on every response ends its connection, and an idle one is closed soon. */
  isDraining: boolean;
}
