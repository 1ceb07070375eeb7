import { Timer, type TimerOwner } from '../../lib/timer-wheel.ts';
import type { Http2Counters } from '../../observe/sinks.ts';
import type { HeadLimits } from '../message/head-parser.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import type { Connector } from '../upstream/connector.ts';
import type { ConnectionHome, PooledConnection } from '../upstream/pooled-connection.ts';
import type { UpstreamHandler, UpstreamRequest } from '../upstream/stream.ts';
import type { CloseReason, Connection, ConnectionHandler } from '../transport/transport.ts';
import { ClientSession, type ClientSessionOptions } from './client-session.ts';
import type { FloodKind } from './flood-guard.ts';
import { RequestLines } from './request-lines.ts';
import type { SessionSink } from './session-options.ts';
import type { Stream } from './stream.ts';
import { Http2UpstreamStream, type UpstreamStreamOwner } from './upstream-stream.ts';
import type { Turn } from './wakeups.ts';
import type { WireShared } from './wire-shared.ts';

/** A connection that was ended waits so long for its other side to close it as well. */
const CLOSE_GRACE_MS = 1_000;
/** One that cannot be written to any more may bring for so long what was on its way. */
const MUTE_GRACE_MS = 5_000;

/** A stream is not moved on to another connection more often than that by servers that take none. */
const MOST_VAIN_CONNECTIONS = 3;

/** What no route's limit of response heads is beyond. */
const LIMITS: HeadLimits = {
  maxTargetBytes: 0,
  maxHeaderLineBytes: 262_144,
  maxHeadBytes: 262_144,
  maxHeaders: 1_000,
  areUnderscoresAllowed: true,
  areInvalidHeadersIgnored: false,
};

/** One connection to an endpoint that speaks HTTP/2, and the streams that it carries. */
export class Http2UpstreamConnection
  implements
    PooledConnection,
    UpstreamStreamOwner,
    ConnectionHandler,
    ClientSessionOptions,
    SessionSink,
    TimerOwner,
    Turn
{
  readonly createdAtMs: number;
  requestCount = 0;
  readAtMs = 0;
  isOffered = false;
  olderIdle: PooledConnection | undefined = undefined;
  newerIdle: PooledConnection | undefined = undefined;
  isIdleListed = false;
  lossCode: ProxyErrorCode | undefined = undefined;
  readonly home: ConnectionHome;
  readonly shared: WireShared;
  readonly now: () => number;
  readonly #counters: Pick<Http2Counters, 'ended'>;
  readonly #connector: Connector;
  readonly #timer: Timer;
  /** In any order; each knows its place. A `Set` of them would be rebuilt in old memory all the time, and keep alive what it let go of. */
  readonly #streams: Http2UpstreamStream[] = [];
  readonly #lines = new RequestLines();
  #waiting: Http2UpstreamStream[] = [];
  /** Streams that could not be opened any more, and do not know yet. */
  #refused: Http2UpstreamStream[] = [];
  #connection: Connection | undefined = undefined;
  #session: ClientSession | undefined = undefined;
  /** Whether the server has said what it takes: before that it may be none that speaks HTTP/2. */
  #isReady = false;
  /** Whether a stream may find that it was gone: it had no other one. */
  #hasRested = false;
  #isRetired = false;
  /** Set when a write failed: what the server said before is still read, nothing more is sent. */
  #isMute = false;
  #isEnded = false;
  #isClosed = false;
  #isTurnDue = false;

  constructor(
    shared: WireShared,
    counters: Pick<Http2Counters, 'ended'>,
    home: ConnectionHome,
    connector: Connector,
  ) {
    this.#counters = counters;
    this.home = home;
    this.shared = shared;
    this.now = home.now;
    this.createdAtMs = home.now();
    this.#connector = connector;
    this.#timer = new Timer(this);
  }

  /** Connects for the streams that wait already, and for others that come meanwhile. */
  connect(timeoutMs: number): void {
    this.#connection = this.#connector.connect(this);
    this.home.timers.arm(this.#timer, timeoutMs);
    if (this.hasRoom) this.home.offer(this);
  }

  // What the pool asks for.

  get isUsable(): boolean {
    return !this.#isClosed && !this.#isEnded && this.#session?.isUsable !== false;
  }

  get hasRoom(): boolean {
    const { settings, streamLimit } = this.home;
    const most = this.#isReady ? this.#session!.maxStreams : streamLimit;
    return (
      this.isUsable &&
      !this.#isRetired &&
      !this.#isMute &&
      this.#session?.isBacklogged !== true &&
      this.#streams.length < most &&
      this.requestCount < settings.upstreamKeepAliveRequests
    );
  }

  get isIdle(): boolean {
    return this.#streams.length === 0;
  }

  take(handler: UpstreamHandler, connectTimeoutMs: number): Http2UpstreamStream {
    if (this.#isReady) this.home.timers.disarm(this.#timer);
    const isOnRested = this.#hasRested && this.#streams.length === 0;
    const stream = new Http2UpstreamStream(this, handler, isOnRested, connectTimeoutMs);
    this.requestCount++;
    this.#add(stream);
    if (this.#isReady) stream.isReady = true;
    else this.#await(stream);
    return stream;
  }

  rest(timeoutMs: number): void {
    this.home.timers.arm(this.#timer, timeoutMs);
  }

  retire(): void {
    this.#isRetired = true;
    if (this.#streams.length === 0) this.#leave();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#close();
    for (const stream of this.#streams.slice()) stream.drop();
    this.#session?.onClosed();
    this.#connection?.destroy();
  }

  // What streams ask for.

  open(stream: Http2UpstreamStream, request: UpstreamRequest): Stream | undefined {
    const session = this.#session!;
    if (!this.isUsable || this.#isMute) {
      this.#refused.push(stream);
      this.#wake();
      return undefined;
    }
    const lines = this.#lines;
    lines.read(request.lines, request.areTrailersTaken);
    return session.request(
      stream,
      request.method,
      this.#connector.isTls ? 'https' : 'http',
      lines.authority,
      request.target,
      lines.lines,
      request.contentLength,
      lines.requestId,
    );
  }

  forget(stream: Http2UpstreamStream): void {
    if (!this.#remove(stream) || this.#isClosed) return;
    if (!stream.isReady) this.#waiting = this.#waiting.filter((waiting) => waiting !== stream);
    if (!this.#isReady) {
      if (this.#streams.length === 0) this.destroy();
      return;
    }
    if (this.#streams.length === 0) {
      this.#hasRested = true;
      // What it does not read nobody waits for any more.
      if (this.#session!.isBacklogged) return this.destroy();
    }
    if (this.#isRetired && this.#streams.length === 0) this.#leave();
    else if (this.hasRoom || (this.#streams.length === 0 && this.isUsable)) this.home.offer(this);
  }

  suspect(sentAtMs: number): void {
    // Nothing came at all since: it may be gone without a word.
    if (this.readAtMs >= sentAtMs || this.#isClosed) return;
    this.home.remove(this);
    this.retire();
  }

  // What the connection brings.

  onConnect(): void {
    if (this.#isClosed) return;
    this.#session = new ClientSession(this);
  }

  onData(connection: Connection, bytes: Buffer, start: number, end: number): void {
    const session = this.#session!;
    this.readAtMs = this.home.now();
    try {
      const rest = session.receive(bytes, start, end);
      if (rest < end) connection.unread(bytes, rest, end);
      if (session.isOver) this.#failOthers(this.lossCode ?? 'upstream_reset');
      else if (!this.#isReady && session.areSettingsSeen) this.#becomeReady();
    } catch (fault) {
      this.#crash(fault);
    }
  }

  onDrain(): void {
    try {
      this.#session?.onDrain();
      this.onCapacity();
    } catch (fault) {
      this.#crash(fault);
    }
  }

  onEnd(): void {
    if (this.#isEnded) this.#connection!.destroy();
    else this.#lose('upstream_closed_early');
  }

  onWriteFailed(): void {
    if (this.#isClosed || this.#isMute) return;
    this.#isMute = true;
    this.home.remove(this);
    this.home.timers.arm(this.#timer, MUTE_GRACE_MS);
  }

  onClose(_connection: Connection, why: CloseReason): void {
    if (this.#session !== undefined) this.#lose('upstream_reset');
    else this.#lose(why.startsWith('tls:') ? 'upstream_tls_failed' : 'connect_failed');
  }

  onTimer(): void {
    if (this.#isEnded) this.#connection!.destroy();
    else if (this.#isMute) this.#lose('upstream_reset');
    else if (!this.#isReady) this.#giveUp();
    else if (this.#streams.length === 0) this.#leave();
  }

  // What the session asks for.

  get sink(): SessionSink {
    return this;
  }

  limits(): HeadLimits {
    return LIMITS;
  }

  onError(_code: number, flood: FloodKind | undefined): void {
    this.#counters.ended(flood ?? 'malformed', 'upstream');
  }

  write(buffer: Buffer, start: number, end: number): boolean {
    return this.#isMute || this.#connection!.write('', buffer, start, end, true);
  }

  get areBytesFree(): boolean {
    return !this.#connection!.areKeptNeeded;
  }

  setReading(isReading: boolean): void {
    if (isReading) this.#connection!.resume();
    else this.#connection!.pause();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#session!.isFaulty) this.lossCode = 'upstream_malformed';
    this.home.remove(this);
    this.#connection!.end();
    this.#connection!.resume();
    this.home.timers.arm(this.#timer, CLOSE_GRACE_MS);
  }

  /** Starts, moves or ends what waits; not while somebody's stream is being called. */
  takeTurn(): void {
    this.#isTurnDue = false;
    for (const stream of this.#refused.splice(0)) stream.fail('upstream_reset', true);
    this.#startWaiting();
  }

  onCapacity(): void {
    const { home } = this;
    if (this.isOffered ? !this.hasRoom : !this.isUsable) home.remove(this);
    else if (!this.isOffered && this.#isReady && this.#streams.length > 0 && this.hasRoom) home.offer(this);
    if (this.#isReady && this.#waiting.length > 0) this.#wake();
  }

  #becomeReady(): void {
    const { home } = this;
    this.#isReady = true;
    home.streamLimit = Math.max(this.#session!.maxStreams, 1);
    home.timers.disarm(this.#timer);
    home.opened();
    this.#startWaiting();
    if (!this.hasRoom) home.remove(this);
  }

  #startWaiting(): void {
    const session = this.#session;
    if (session === undefined || !this.#isReady || this.#isClosed) return;
    const mayOpen = session.isUsable && !session.isBacklogged;
    let room = mayOpen ? session.maxStreams - (this.#streams.length - this.#waiting.length) : 0;
    while (this.#waiting.length > 0 && room-- > 0) this.#waiting.shift()!.begin();
    // A server that takes none may yet take some: they wait as long as they may.
    if (this.#waiting.length > 0 && (session.maxStreams > 0 || !session.isUsable)) this.#moveWaiting();
  }

  #add(stream: Http2UpstreamStream): void {
    stream.place = this.#streams.length;
    this.#streams.push(stream);
  }

  /** The last one moves into its place. False: it is not here. */
  #remove(stream: Http2UpstreamStream): boolean {
    const streams = this.#streams;
    const { place } = stream;
    if (streams[place] !== stream) return false;
    const last = streams.pop()!;
    if (last !== stream) {
      streams[place] = last;
      last.place = place;
    }
    return true;
  }

  #await(stream: Http2UpstreamStream): void {
    this.#waiting.push(stream);
    stream.await();
  }

  /** Has those that wait go on waiting for another connection. */
  #moveWaiting(): void {
    const { home } = this;
    const moving = this.#waiting;
    const isVain = !this.isUsable;
    this.#waiting = [];
    for (const stream of moving) {
      if (isVain && ++stream.vainConnections > MOST_VAIN_CONNECTIONS) stream.fail('upstream_reset', true);
      else this.#remove(stream);
    }
    const left = moving.filter(({ isOver }) => !isOver);
    while (left.length > 0) {
      const next = new Http2UpstreamConnection(this.shared, this.#counters, home, this.#connector);
      const taken = left.splice(0, home.streamLimit);
      for (const stream of taken) next.#adopt(stream);
      next.connect(taken[0]!.connectTimeoutMs);
    }
    if (this.#streams.length === 0) this.#leave();
  }

  #adopt(stream: Http2UpstreamStream): void {
    stream.owner = this;
    this.requestCount++;
    this.#add(stream);
    this.#waiting.push(stream);
  }

  /** It does not come to stand in time: who came later gets another one. */
  #giveUp(): void {
    const nowMs = this.home.now();
    this.home.remove(this);
    for (const stream of this.#waiting.slice()) {
      if (nowMs - stream.waitsSinceMs >= stream.connectTimeoutMs) stream.fail('connect_timeout', true);
    }
    if (this.#waiting.length > 0) this.#moveWaiting();
    this.destroy();
  }

  /** Says good-bye, having no stream. */
  #leave(): void {
    if (this.#isClosed || this.#isEnded) return;
    this.home.remove(this);
    if (this.#session === undefined) this.destroy();
    else this.#session.shutdown();
  }

  #lose(code: ProxyErrorCode): void {
    if (this.#isClosed) return;
    this.lossCode = code;
    this.#close();
    this.#session?.onClosed();
    this.#failOthers(code);
    this.#connection!.destroy();
  }

  /** Tells those that the session does not know. */
  #failOthers(code: ProxyErrorCode): void {
    this.#waiting = [];
    for (const stream of this.#streams.slice()) if (!stream.isOpened) stream.fail(code, true);
  }

  #close(): void {
    this.#isClosed = true;
    this.home.timers.cancel(this.#timer);
    this.home.remove(this);
  }

  #wake(): void {
    if (this.#isTurnDue) return;
    this.#isTurnDue = true;
    this.shared.wakeups.add(this);
  }

  #crash(fault: unknown): void {
    this.home.report(fault);
    this.#lose('internal');
  }
}
