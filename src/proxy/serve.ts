import type { EngineOptions, ServeContext } from './exchange/context.ts';
import type { ConnectionInfo } from './message/connection-info.ts';
import { WAITS } from './exchange/client-waits.ts';
import { DownstreamConnection } from './http1/downstream-connection.ts';
import { Servings } from './http1/serving.ts';
import { Http2ClientConnection } from './http2/client-connection.ts';
import { DownstreamStreams } from './http2/downstream-stream.ts';
import { WireShared } from './http2/wire-shared.ts';
import { createHttp1Wire } from './http1/upstream-wire.ts';
import { createHttp2Wire } from './http2/upstream-wire.ts';
import type { Connection, Transport } from './transport/transport.ts';
import { Timers } from '../lib/timer-wheel.ts';
import { CompressorRoom } from './exchange/compressor-room.ts';
import { Copies } from './exchange/copies.ts';
import { Subrequests } from './exchange/subrequests.ts';
import { PatternTurns } from './exchange/pattern-turns.ts';
import { Pools } from './upstream/pools.ts';
import type { Upstream } from './upstream/upstream.ts';

/** What connections are served with. */
export interface ServeOptions extends EngineOptions {
  /** Opens connections to endpoints. */
  readonly transport: Transport;
}

/** What `serveConnection` serves with. */
export interface Engine extends ServeContext {
  /** For HTTP/1.1. */
  readonly servings: Servings;
}

/** Creates what `serveConnection` needs; nothing runs until a connection comes. */
export function createServeContext(options: ServeOptions): Engine {
  const timers = options.timers ?? new Timers();
  const onBareLineFeeds = (): void => options.metrics.wire.bareLineFeeds();
  const report = (fault: unknown): void => options.report(fault);
  const upstreamOf = (id: string): Upstream => options.upstreamOf(id);
  const shared = new WireShared();
  const pools = new Pools({
    wires: {
      'http/1.0': createHttp1Wire({ minorVersion: 0, onBareLineFeeds }),
      'http/1.1': createHttp1Wire({ minorVersion: 1, onBareLineFeeds }),
      h2: createHttp2Wire(shared, options.metrics.http2),
    },
    transport: options.transport,
    timers,
    now: options.now,
    settings: () => options.router().settings,
    report,
  });
  const streams = new DownstreamStreams();
  const context: ServeContext = {
    router: () => options.router(),
    upstreamOf,
    accessLog: options.accessLog,
    metrics: options.metrics,
    bodies: options.bodies,
    now: options.now,
    random: options.random,
    report,
    timers,
    pools,
    subrequests: new Subrequests({
      pools,
      timers,
      now: options.now,
      upstreamOf,
      accessLog: options.accessLog,
      report,
    }),
    copies: new Copies({
      pools,
      timers,
      now: options.now,
      upstreamOf,
      counters: options.metrics.copies,
      report,
    }),
    compressors: new CompressorRoom(),
    inputTurns: shared.clientTurns,
    turns: new PatternTurns(options.now, (run) => void setImmediate(run)),
    stats: { accepted: 0, requests: 0, reading: 0, writing: 0, waiting: 0 },
    connections: new Set(),
    takeHttp2: (connection, info, begun) =>
      new Http2ClientConnection(connection, info, context, shared, streams).start(begun),
    isDraining: false,
  };
  return Object.assign(context, { servings: new Servings(context) });
}

/** Takes over a connection that is ready for HTTP: preamble read, handshake done. */
export function serveConnection(connection: Connection, info: ConnectionInfo, context: Engine): void {
  try {
    if (info.isHttp2 === true) {
      context.takeHttp2(connection, info, undefined);
      return;
    }
    const downstream = new DownstreamConnection(connection, info, context, context.servings);
    downstream.start();
    if (context.isDraining) downstream.startDraining();
  } catch (fault) {
    connection.destroy();
    context.report(fault);
  }
}

/** Asks the clients that came in by a port that is closed, and that can be asked, to go: what is under way is answered first. */
export function leavePort({ connections }: ServeContext, listener: string, port: number): void {
  for (const connection of connections) connection.onPortClosed?.(listener, port);
}

/**
 * Answers `Connection: close` from now on. What is idle may bring one more request, and is half-closed when it does not; tunnels and responses
 * in flight may end by themselves. Connections that are open and not ready for HTTP yet, of which `openCount` knows, get the time that the idle
 * get. Resolves with the number of connections that had to be cut when the time was over.
 */
export function drainConnections(
  context: ServeContext,
  timeoutMs: number,
  openCount: () => number = () => 0,
): Promise<number> {
  context.isDraining = true;
  for (const connection of context.connections) connection.startDraining();
  const startedAt = context.now();
  return new Promise((resolve) => {
    const check = setInterval(() => {
      const drainedMs = context.now() - startedAt;
      const isBusy = context.connections.size > 0 || (drainedMs < WAITS.drainIdleMs && openCount() > 0);
      if (isBusy && drainedMs < timeoutMs) return;
      clearInterval(check);
      const cut = context.connections.size;
      for (const connection of context.connections) connection.destroy();
      context.pools.close();
      context.timers.close();
      resolve(cut);
    }, 10);
  });
}
