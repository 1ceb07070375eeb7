import { Timer, type TimerOwner } from '../../lib/timer-wheel.ts';
import type { StreamSettings } from '../../table/settings.ts';
import type { DatagramPeer, PeerHandler } from '../transport/datagrams.ts';
import type { CloseReason } from '../transport/transport.ts';
import type { Endpoint, Upstream } from '../upstream/upstream.ts';
import { nextEndpoint } from './next-endpoint.ts';
import { SessionRecord } from './session-record.ts';
import type { StreamClient } from './stream-client.ts';
import type { StreamContext } from './stream-context.ts';
import type { Evictable } from './udp-sessions.ts';

/** Whose clients the sessions are of. */
export interface UdpSessionOwner {
  /** Brings a datagram to the session's client. */
  reply(session: UdpSession, bytes: Buffer): void;
  onOver(session: UdpSession): void;
}

/** A client as its port names it: replies go there. */
export interface UdpClient {
  /** Of the port and the client, among all sessions of the worker. */
  readonly key: string;
  readonly address: string;
  readonly port: number;
}

/** Errors that say of an endpoint that it is not there. */
const GONE: ReadonlySet<string> = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Datagrams that wait for a socket; it is there in the same turn of the event loop, so a full queue is a flood. */
const MAX_WAITING = 16;

/**
 * Datagrams of one client to one endpoint, and back. It is over when each was answered as often as settings say, or nothing moved for as
 * long as they say.
 */
export class UdpSession implements PeerHandler, TimerOwner, Evictable {
  readonly client: UdpClient;
  readonly owner: UdpSessionOwner;
  readonly record: SessionRecord;
  readonly #context: StreamContext;
  readonly #settings: StreamSettings;
  readonly #pool: Upstream;
  readonly #timer: Timer = new Timer(this);
  #endpoint: Endpoint | undefined = undefined;
  #peer: DatagramPeer | undefined = undefined;
  #isConnected = false;
  #waiting: Buffer[] = [];
  /** Goes to another endpoint when this one turns out not to listen. */
  #last: Buffer | undefined = undefined;
  #requests = 0;
  #responses = 0;
  #connectingSinceMs = 0;
  #isOver = false;

  constructor(
    client: UdpClient,
    origin: StreamClient,
    upstreamId: string,
    owner: UdpSessionOwner,
    context: StreamContext,
  ) {
    this.client = client;
    this.owner = owner;
    this.#context = context;
    this.#settings = context.settings();
    this.#pool = context.upstreamOf(upstreamId);
    this.record = new SessionRecord('udp', upstreamId, origin, undefined, context.now());
  }

  start(): void {
    this.#context.counters('udp').begun();
    this.#tryNext();
  }

  /** The client has sent one. */
  take(bytes: Buffer): void {
    if (this.#isOver) return;
    this.record.bytesReceived += bytes.length;
    this.#rest();
    if (!this.#isConnected && this.#waiting.length >= MAX_WAITING) return;
    this.#requests++;
    this.#last = bytes;
    if (this.#isConnected) this.#send(bytes);
    else this.#waiting.push(bytes);
  }

  onConnect(): void {
    this.#isConnected = true;
    this.record.connectMs = this.#context.now() - this.#connectingSinceMs;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const bytes of waiting) this.#send(bytes);
  }

  onDatagram(bytes: Buffer): void {
    // That an endpoint listens is known only now.
    if (this.#responses === 0) this.#endpoint!.connected();
    this.#responses++;
    this.record.upstreamBytesReceived += bytes.length;
    this.record.bytesSent += bytes.length;
    this.#rest();
    this.owner.reply(this, bytes);
    this.#endIfAnswered();
  }

  onError(why: CloseReason): void {
    if (this.#responses > 0 || !GONE.has(why)) {
      this.end(why === 'EMFILE' || why === 'ENFILE' ? 500 : 502);
      return;
    }
    this.#leaveEndpoint('connect-failed');
    if (this.#waiting.length === 0 && this.#last !== undefined) this.#waiting.push(this.#last);
    this.#requests = this.#waiting.length;
    this.#tryNext();
  }

  onTimer(): void {
    this.end(200);
  }

  evict(): void {
    this.#context.counters('udp').evicted();
    this.end(200);
  }

  /** Ends it, once. */
  end(status: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { timers, log, counters, now } = this.#context;
    const { record } = this;
    timers.cancel(this.#timer);
    this.#leaveEndpoint('aborted');
    record.status = status;
    record.endedAtMs = now();
    this.owner.onOver(this);
    counters('udp').ended(status !== 200, record.bytesReceived, record.bytesSent);
    log.write(record);
  }

  #tryNext(): void {
    const { now, datagrams } = this.#context;
    const { record } = this;
    const nowMs = now();
    const endpoint = nextEndpoint(this.#pool, record.tried, nowMs - record.startedAtMs, this.#settings);
    if (endpoint === undefined) {
      this.end(502);
      return;
    }
    record.tried.push(endpoint);
    this.#endpoint = endpoint;
    this.#connectingSinceMs = nowMs;
    endpoint.started();
    this.#peer = datagrams.connect({ host: endpoint.address, port: endpoint.port }, this);
  }

  #send(bytes: Buffer): void {
    this.record.upstreamBytesSent += bytes.length;
    this.#peer!.send(bytes);
    this.#endIfAnswered();
  }

  #endIfAnswered(): void {
    if (this.#responses >= this.#settings.responses * this.#requests && this.#waiting.length === 0)
      this.end(200);
  }

  #leaveEndpoint(outcome: 'connect-failed' | 'aborted'): void {
    this.#peer?.close();
    this.#peer = undefined;
    this.#isConnected = false;
    this.#endpoint?.finished(outcome, 0);
    this.#endpoint = undefined;
  }

  #rest(): void {
    this.#context.timers.arm(this.#timer, this.#settings.idleTimeoutMs);
  }
}
