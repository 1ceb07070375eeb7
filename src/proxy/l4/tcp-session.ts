import { Timer, type TimerOwner } from '../../lib/timer-wheel.ts';
import type { StreamKind } from '../../observe/stream-kinds.ts';
import type { StreamSettings } from '../../table/settings.ts';
import type { CloseReason, Connection, ConnectionHandler } from '../transport/transport.ts';
import type { Endpoint, Upstream } from '../upstream/upstream.ts';
import { nextEndpoint } from './next-endpoint.ts';
import { proxyHeaderOf } from './proxy-header.ts';
import { SessionRecord } from './session-record.ts';
import type { StreamClient } from './stream-client.ts';
import type { OpenSession, StreamContext } from './stream-context.ts';

/** What there is to a session beside its client. */
export interface TcpSessionOptions {
  readonly kind: StreamKind;
  readonly upstreamId: string;
  readonly isProxyHeaderSent: boolean;
  readonly serverName: string | undefined;
}

/** How long one endpoint has to take a connection. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Bytes both ways between a client and an endpoint, as they come. Each half ends by itself; where nothing moves for as long as settings say,
 * both are closed. A session keeps its endpoint whatever becomes of the table.
 */
export class TcpSession implements ConnectionHandler, TimerOwner, OpenSession {
  readonly #context: StreamContext;
  readonly #client: Connection;
  readonly #origin: StreamClient;
  readonly #options: TcpSessionOptions;
  readonly #settings: StreamSettings;
  readonly #record: SessionRecord;
  readonly #timer: Timer = new Timer(this);
  readonly #pool: Upstream;
  #upstream: Connection | undefined = undefined;
  #endpoint: Endpoint | undefined = undefined;
  #connectingSinceMs = 0;
  #isConnected = false;
  #isClientEnded = false;
  #isUpstreamEnded = false;
  /** The endpoint takes no more; what it says still counts. */
  #isUpstreamDeaf = false;
  #isOver = false;

  constructor(client: Connection, origin: StreamClient, options: TcpSessionOptions, context: StreamContext) {
    this.#context = context;
    this.#client = client;
    this.#origin = origin;
    this.#options = options;
    this.#settings = context.settings();
    this.#pool = context.upstreamOf(options.upstreamId);
    const { kind, upstreamId, serverName } = options;
    this.#record = new SessionRecord(kind, upstreamId, origin, serverName, context.now());
  }

  /** Takes the client's connection over; what it brings waits for an endpoint. */
  start(): void {
    this.#context.entered(this);
    this.#context.counters(this.#options.kind).begun();
    this.#client.handler = this;
    this.#client.pause();
    this.#tryNext();
  }

  // Both connections tell this handler; which one it was tells them apart.

  onConnect(upstream: Connection): void {
    this.#isConnected = true;
    this.#endpoint!.connected();
    this.#record.connectMs = this.#context.now() - this.#connectingSinceMs;
    upstream.isMuchExpected = true;
    this.#rest();
    let isTaken = true;
    if (this.#options.isProxyHeaderSent) {
      const header = proxyHeaderOf(this.#origin);
      this.#record.upstreamBytesSent += header.length;
      isTaken = upstream.write(header);
    }
    if (isTaken) this.#client.resume();
  }

  onData(from: Connection, bytes: Buffer, start: number, end: number): void {
    const upstream = this.#upstream!;
    const record = this.#record;
    const length = end - start;
    if (from === this.#client) {
      record.bytesReceived += length;
      if (this.#isUpstreamDeaf) return;
      this.#rest();
      record.upstreamBytesSent += length;
      if (!upstream.write('', bytes, start, end, from.areBytesGiven)) from.pause();
    } else {
      this.#rest();
      record.upstreamBytesReceived += length;
      record.bytesSent += length;
      if (!this.#client.write('', bytes, start, end, from.areBytesGiven)) from.pause();
    }
  }

  onDrain(emptied: Connection): void {
    this.#rest();
    if (emptied === this.#client) this.#upstream!.resume();
    else this.#client.resume();
  }

  onEnd(from: Connection): void {
    this.#rest();
    if (from === this.#client) {
      this.#isClientEnded = true;
      this.#upstream!.end();
    } else {
      this.#isUpstreamEnded = true;
      this.#client.end();
      // Its other half cannot end any more.
      if (this.#isUpstreamDeaf) from.destroy();
    }
  }

  onWriteFailed(): void {
    this.#isUpstreamDeaf = true;
    this.#client.resume();
  }

  onClose(closed: Connection, why: CloseReason): void {
    if (this.#isOver) return;
    if (closed !== this.#client && !this.#isConnected) {
      this.#failConnect();
      return;
    }
    const other = closed === this.#client ? this.#upstream : this.#client;
    if (other === undefined || other.isClosed) {
      this.#finish();
      return;
    }
    // What an endpoint said before it ended is still on its way to the client; what the client says now, nobody hears.
    const isSaid = closed === this.#client ? this.#isClientEnded && why === 'closed' : true;
    if (!this.#isUpstreamEnded || !isSaid) this.#cut();
    else if (closed !== this.#client) {
      this.#isUpstreamDeaf = true;
      this.#client.resume();
    }
  }

  onTimer(): void {
    if (this.#isConnected) this.#cut();
    else this.#upstream?.destroy();
  }

  startDraining(): void {}

  destroy(): void {
    this.#cut();
  }

  #tryNext(): void {
    const { now, transport, timers } = this.#context;
    const record = this.#record;
    const nowMs = now();
    const endpoint = nextEndpoint(this.#pool, record.tried, nowMs - record.startedAtMs, this.#settings);
    if (endpoint === undefined) {
      record.status = 502;
      this.#cut();
      return;
    }
    record.tried.push(endpoint);
    this.#endpoint = endpoint;
    this.#connectingSinceMs = nowMs;
    endpoint.started();
    timers.arm(this.#timer, CONNECT_TIMEOUT_MS);
    this.#upstream = transport.connect({ host: endpoint.address, port: endpoint.port }, undefined, this);
  }

  #failConnect(): void {
    const endpoint = this.#endpoint!;
    this.#endpoint = undefined;
    this.#upstream = undefined;
    endpoint.finished('connect-failed', this.#context.now() - this.#connectingSinceMs);
    if (this.#client.isClosed) this.#finish();
    else this.#tryNext();
  }

  /** Something moved. */
  #rest(): void {
    this.#context.timers.arm(this.#timer, this.#settings.idleTimeoutMs);
  }

  /** Ends both at once, so that neither takes what it has for all there was. */
  #cut(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#client.reset();
    this.#upstream?.reset();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { timers, log, counters, now } = this.#context;
    const record = this.#record;
    timers.cancel(this.#timer);
    this.#context.left(this);
    // How long a session lasted says nothing of its endpoint: that it could be connected to was told when it was.
    this.#endpoint?.finished('aborted', 0);
    record.endedAtMs = now();
    counters(record.kind).ended(record.status !== 200, record.bytesReceived, record.bytesSent);
    log.write(record);
  }
}
