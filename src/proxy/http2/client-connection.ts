import { Timer, type TimerOwner, type Timers } from '../../lib/timer-wheel.ts';
import { WAITS } from '../exchange/client-waits.ts';
import { ConnectionGauge } from '../exchange/connection-gauge.ts';
import { ConnectionMemo } from '../exchange/connection-memo.ts';
import type { ClientConnection, ServeContext } from '../exchange/context.ts';
import type { ConnectionInfo } from '../message/connection-info.ts';
import type { HeadLimits } from '../message/head-parser.ts';
import type { Connection, ConnectionHandler } from '../transport/transport.ts';
import type { DownstreamStreams, StreamOwner } from './downstream-stream.ts';
import type { FloodKind } from './flood-guard.ts';
import { type ServerSessionOptions, ServerSession, type ServerTimes } from './server-session.ts';
import { serverTimesOf } from './server-times.ts';
import type { SessionSink } from './session-options.ts';
import type { Stream, StreamHandler } from './stream.ts';
import type { WireShared } from './wire-shared.ts';

/** What a client may have had on its way when its connection was ended: no window is larger. More is a client that does not care. */
const MOST_IGNORED_BYTES = 1_100_000;

/** One client connection that speaks HTTP/2: its session, on what carries its bytes. */
export class Http2ClientConnection
  implements ClientConnection, ConnectionHandler, StreamOwner, ServerSessionOptions, SessionSink, TimerOwner
{
  readonly info: ConnectionInfo;
  readonly memo: ConnectionMemo = new ConnectionMemo();
  readonly context: ServeContext;
  readonly shared: WireShared;
  readonly session: ServerSession;
  readonly maxConcurrentStreams: number;
  readonly now: () => number;
  readonly timers: Timers;
  readonly #connection: Connection;
  readonly #streams: DownstreamStreams;
  /** Runs while nothing but the end is awaited. */
  readonly #timer: Timer;
  readonly #gauge: ConnectionGauge;
  #requestCount = 0;
  /** Until when what is written may wait for the client to take it, once nothing follows. */
  #cutAtMs = 0;
  /** Octets that came when nothing was read any more. */
  #ignored = 0;
  /** Whether anything was sent since the client, having closed its half, was looked at. */
  #isMoving = false;
  #isClosed = false;

  constructor(
    connection: Connection,
    info: ConnectionInfo,
    context: ServeContext,
    shared: WireShared,
    streams: DownstreamStreams,
  ) {
    this.#streams = streams;
    this.info = info;
    this.context = context;
    this.shared = shared;
    this.now = context.now;
    this.timers = context.timers;
    this.maxConcurrentStreams = context.router().settings.maxConcurrentStreams;
    this.#connection = connection;
    this.#timer = new Timer(this);
    this.#gauge = new ConnectionGauge(context.stats, context.metrics.connections);
    this.session = new ServerSession(this);
  }

  /** `begun` is what the client has sent already. */
  start(begun: Buffer | undefined): void {
    const { context } = this;
    context.connections.add(this);
    this.#connection.handler = this;
    this.#gauge.open();
    if (context.isDraining) this.startDraining();
    if (begun !== undefined) this.onData(this.#connection, begun, 0, begun.length);
  }

  startDraining(): void {
    this.session.shutdown();
  }

  onPortClosed(listener: string, port: number): void {
    if (listener === this.info.listener && port === this.info.localPort) this.session.shutdown();
  }

  destroy(): void {
    this.#connection.destroy();
    this.onClose();
  }

  get sink(): SessionSink {
    return this;
  }

  get areBytesGiven(): boolean {
    return this.#connection.areBytesGiven;
  }

  countRequest(): number {
    this.#gauge.request();
    this.context.metrics.http2.requested();
    return ++this.#requestCount;
  }

  // What the connection brings.

  onData(connection: Connection, bytes: Buffer, start: number, end: number): void {
    if (this.session.isOver) {
      this.#ignored += end - start;
      if (this.#ignored > MOST_IGNORED_BYTES) this.destroy();
      return;
    }
    try {
      const rest = this.session.receive(bytes, start, end);
      if (rest < end) connection.unread(bytes, rest, end);
    } catch (fault) {
      this.#fail(fault);
    }
  }

  onDrain(): void {
    try {
      this.session.onDrain();
    } catch (fault) {
      this.#fail(fault);
    }
  }

  onEnd(): void {
    if (this.session.isOver) {
      this.destroy();
      return;
    }
    this.session.onPeerEnd();
    this.#isMoving = true;
    // It may be gone, or wait for its answers: so long it gets the benefit of the doubt.
    this.timers.arm(this.#timer, WAITS.halfClosedMs);
  }

  onClose(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#gauge.set(undefined);
    this.timers.cancel(this.#timer);
    this.context.connections.delete(this);
    this.session.onClosed();
  }

  onTimer(): void {
    if (this.session.isOver) {
      if (this.#connection.held > 0 && this.now() < this.#cutAtMs) {
        this.timers.arm(this.#timer, WAITS.halfClosedMs);
      } else this.destroy();
    } else if (this.#isMoving && this.session.isAnswering) {
      this.#isMoving = false;
      this.timers.arm(this.#timer, WAITS.halfClosedSilenceMs);
    } else this.destroy();
  }

  // What the session asks for.

  write(buffer: Buffer, start: number, end: number): boolean {
    this.#isMoving = true;
    return this.#connection.write('', buffer, start, end, true);
  }

  get areBytesFree(): boolean {
    return !this.#connection.areKeptNeeded;
  }

  setReading(isReading: boolean): void {
    if (isReading) this.#connection.resume();
    else this.#connection.pause();
  }

  /** Waits for the client to close its half as well: a reset could take the last answers away from it. */
  end(): void {
    const connection = this.#connection;
    this.#gauge.set(undefined);
    this.#cutAtMs = this.now() + WAITS.sendTimeoutMs;
    connection.end();
    this.timers.arm(this.#timer, WAITS.lingerTimeoutMs);
    connection.resume();
  }

  limits(): HeadLimits {
    return this.context.router().settings;
  }

  times(): ServerTimes {
    return serverTimesOf(this.context.router().settings);
  }

  handlerFor(stream: Stream): StreamHandler {
    return this.#streams.take(this, stream);
  }

  onBusy(isBusy: boolean): void {
    if (!isBusy && !this.session.isOver) this.#gauge.set('waiting');
  }

  onRest(): void {
    this.memo.forwarded.release();
  }

  onError(_code: number, flood: FloodKind | undefined): void {
    this.context.metrics.http2.ended(flood ?? 'malformed', 'client');
  }

  onLate(kind: FloodKind): void {
    this.context.metrics.http2.ended(kind, 'client');
  }

  #fail(fault: unknown): void {
    this.context.report(fault);
    this.#connection.destroy();
  }
}
