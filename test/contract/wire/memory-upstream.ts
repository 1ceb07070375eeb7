import { Timer, type TimerOwner } from '../../../src/lib/timer-wheel.ts';
import type { ResponseHead } from '../../../src/proxy/message/heads.ts';
import type { ProxyErrorCode } from '../../../src/proxy/message/proxy-errors.ts';
import type {
  ConnectionHome,
  PooledConnection,
  UpstreamWires,
} from '../../../src/proxy/upstream/pooled-connection.ts';
import type { UpstreamHandler, UpstreamRequest, UpstreamStream } from '../../../src/proxy/upstream/stream.ts';
import { Channel, type ChannelEnd, type MemoryHead } from './memory-channel.ts';
import { blockOf, fieldsOf } from './memory-heads.ts';
import { endOf, memoryHead, MemoryServerStream } from './memory-peers.ts';
import type { Fields, ServerPeer, ServerStream } from './peers.ts';

const MAX_STREAMS = 100;

/** A connection in memory: many streams at once. */
class MemoryConnection implements PooledConnection, TimerOwner {
  isOffered = false;
  isIdleListed = false;
  olderIdle: PooledConnection | undefined = undefined;
  newerIdle: PooledConnection | undefined = undefined;
  readonly createdAtMs: number;
  requestCount = 0;
  readAtMs = 0;
  isOpen = false;
  readonly home: ConnectionHome;
  readonly server: MemoryServer;
  readonly streams = new Set<MemoryStream>();
  #isClosed = false;
  #isRetired = false;
  readonly #timer: Timer = new Timer(this);

  constructor(home: ConnectionHome, server: MemoryServer) {
    this.home = home;
    this.server = server;
    this.createdAtMs = home.now();
    setImmediate(() => this.#open());
  }

  get isUsable(): boolean {
    return !this.#isClosed;
  }

  get hasRoom(): boolean {
    return !this.#isRetired && this.streams.size < MAX_STREAMS;
  }

  get isIdle(): boolean {
    return this.streams.size === 0;
  }

  take(handler: UpstreamHandler): MemoryStream {
    this.requestCount++;
    this.home.timers.disarm(this.#timer);
    const stream = new MemoryStream(this, handler);
    this.streams.add(stream);
    return stream;
  }

  rest(timeoutMs: number): void {
    this.home.timers.arm(this.#timer, timeoutMs);
  }

  retire(): void {
    this.#isRetired = true;
    if (this.isIdle) this.destroy();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.home.timers.cancel(this.#timer);
    this.home.remove(this);
  }

  onTimer(): void {
    this.destroy();
  }

  /** The other side closed it, or never took it. */
  lose(code: ProxyErrorCode): void {
    this.destroy();
    for (const stream of this.streams) stream.fail(code);
  }

  forget(stream: MemoryStream): void {
    if (!this.streams.delete(stream) || this.#isClosed) return;
    if (this.#isRetired) this.retire();
    else this.home.offer(this);
  }

  #open(): void {
    if (this.#isClosed) return;
    if (this.server.isRefusing) {
      this.lose('connect_failed');
      return;
    }
    this.isOpen = true;
    this.server.connected(this);
    this.home.opened();
    for (const stream of this.streams) stream.handler.onUpstreamReady();
  }
}

class MemoryStream implements UpstreamStream, ChannelEnd, TimerOwner {
  readAtMs = 0;
  isStale = false;
  readonly handler: UpstreamHandler;
  readonly #connection: MemoryConnection;
  readonly #outgoing: Channel;
  readonly #incoming: Channel;
  readonly #timer: Timer = new Timer(this);
  readonly #isFirst: boolean;
  #request: UpstreamRequest | undefined = undefined;
  #readTimeoutMs = 0;
  #hasBody = false;
  #isHeadDue = false;
  #isTouched = false;
  #isRequestComplete = false;
  #isTunnel = false;
  #isOver = false;

  constructor(connection: MemoryConnection, handler: UpstreamHandler) {
    this.#connection = connection;
    this.handler = handler;
    this.#isFirst = connection.requestCount === 1;
    let server: ChannelEnd | undefined;
    this.#incoming = new Channel(() => this);
    this.#outgoing = new Channel(() => {
      server ??= endOf(connection.server.accept(this.#outgoing, this.#incoming));
      return server;
    });
    this.#outgoing.onDrain = () => {
      if (!this.#isOver) this.handler.onUpstreamDrain();
    };
  }

  get isReady(): boolean {
    return this.#connection.isOpen;
  }

  sendHead(request: UpstreamRequest): void {
    this.#request = request;
    this.#readTimeoutMs = request.readTimeoutMs;
    this.#isHeadDue = true;
  }

  send(parts: readonly Buffer[], _bytes: number, isLast: boolean): boolean {
    if (this.#isOver) return false;
    const { timers } = this.#connection.home;
    this.#isTouched = true;
    if (this.#isHeadDue) {
      const { method, target, lines, hasBody, contentLength, upgrade } = this.#request!;
      const length = contentLength >= 0 ? contentLength : hasBody ? 'stream' : 'none';
      const head = memoryHead([method, target], fieldsOf(lines), length, upgrade);
      this.#isHeadDue = false;
      this.#hasBody = head.hasBody;
      this.#outgoing.head(head);
    }
    let isTaken = true;
    for (const part of parts) isTaken = this.#outgoing.write(part);
    if (isLast) {
      this.#isRequestComplete = true;
      if (this.#hasBody) this.#outgoing.end();
      timers.arm(this.#timer, this.#readTimeoutMs);
    }
    return isTaken;
  }

  pause(): void {
    this.#connection.home.timers.disarm(this.#timer);
    this.#incoming.pause();
  }

  resume(): void {
    if (this.#isRequestComplete) this.#connection.home.timers.arm(this.#timer, this.#readTimeoutMs);
    this.#incoming.resume();
  }

  sendTunnel(bytes: Buffer): boolean {
    return this.#outgoing.write(bytes);
  }

  endTunnel(): void {
    this.#outgoing.end();
  }

  reset(): void {
    if (this.#isOver) return;
    this.#close();
    if (this.#isTouched) this.#outgoing.cut();
    this.#connection.forget(this);
  }

  onTimer(): void {
    this.#outgoing.cut();
    this.fail('read_timeout');
  }

  fail(code: ProxyErrorCode): void {
    if (this.#isOver) return;
    this.isStale = !this.#isFirst && code === 'upstream_reset' && this.readAtMs === 0;
    this.#close();
    this.#connection.forget(this);
    this.handler.onUpstreamFailed(code, !this.#isTouched);
  }

  onHead({ head, fields, hasBody, contentLength, upgrade }: MemoryHead): void {
    this.#read();
    const status = Number(head.start[0]);
    const lines: ResponseHead = {
      headers: blockOf(contentLength < 0 ? fields : [...fields, ['content-length', String(contentLength)]]),
      status,
      reason: 'Fine',
      hasBody,
      contentLength,
      upgrade,
    };
    if (status === 101) {
      this.#openTunnel(lines);
    } else if (status < 200) {
      this.handler.onInterimHead(lines);
    } else {
      this.handler.onResponseHead(lines);
      if (this.#isOver) return;
      if (hasBody) this.handler.onReadDone();
      else this.#finish(undefined);
    }
  }

  onBytes(bytes: Buffer): void {
    this.#read();
    if (this.#isTunnel) {
      this.handler.onTunnelData(bytes, 0, bytes.length);
      return;
    }
    this.handler.onResponseBody(bytes, 0, bytes.length);
    if (!this.#isOver) this.handler.onReadDone();
  }

  onEnd(trailers: Fields | undefined): void {
    this.#read();
    if (this.#isTunnel) this.handler.onTunnelEnd();
    else this.#finish(trailers);
  }

  onCut(): void {
    this.fail('upstream_reset');
  }

  #read(): void {
    const { home } = this.#connection;
    this.readAtMs = home.now();
    this.#connection.readAtMs = this.readAtMs;
    if (this.#isRequestComplete) home.timers.arm(this.#timer, this.#readTimeoutMs);
  }

  #openTunnel(head: ResponseHead): void {
    if (head.upgrade !== this.#request!.upgrade) {
      this.#outgoing.cut();
      this.fail('upstream_malformed');
      return;
    }
    this.#isTunnel = true;
    this.handler.onTunnel(head);
  }

  #finish(trailers: Fields | undefined): void {
    this.#close();
    // What was still to come of the request nobody waits for.
    if (!this.#isRequestComplete) this.#outgoing.cut();
    this.#connection.forget(this);
    this.handler.onResponseEnd(trailers === undefined ? undefined : blockOf(trailers), this.readAtMs);
  }

  #close(): void {
    this.#isOver = true;
    this.#incoming.close();
    this.#connection.home.timers.cancel(this.#timer);
  }
}

/** A server in memory. */
export class MemoryServer implements ServerPeer {
  connections = 0;
  isRefusing = false;
  readonly endpoint = { address: 'memory', port: 1 };
  readonly wires: UpstreamWires = {
    h2: {
      open: (home, _connector, handler) => {
        const connection = new MemoryConnection(home, this);
        const stream = connection.take(handler);
        home.offer(connection);
        return stream;
      },
    },
  };
  readonly #open = new Set<MemoryConnection>();
  readonly #asked: ServerStream[] = [];
  readonly #waiting: ((stream: ServerStream) => void)[] = [];

  next(): Promise<ServerStream> {
    const stream = this.#asked.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  connected(connection: MemoryConnection): void {
    this.connections++;
    this.#open.add(connection);
  }

  accept(incoming: Channel, outgoing: Channel): ServerStream {
    const stream = new MemoryServerStream(incoming, outgoing);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#asked.push(stream);
    else waiting(stream);
    return stream;
  }

  closeIdle(): void {
    for (const connection of this.#open) {
      if (!connection.isIdle) continue;
      this.#open.delete(connection);
      // Who speaks on it finds out later.
      setImmediate(() => connection.lose('upstream_reset'));
    }
  }

  async refuse(): Promise<void> {
    this.isRefusing = true;
    for (const connection of this.#open) connection.lose('upstream_reset');
  }

  async close(): Promise<void> {
    for (const connection of this.#open) connection.destroy();
  }
}
