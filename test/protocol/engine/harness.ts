import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { ConnectionInfo } from '../../../src/proxy/message/connection-info.ts';
import type { ServeContext } from '../../../src/proxy/exchange/context.ts';
import { createServeContext, drainConnections, serveConnection } from '../../../src/proxy/serve.ts';
import { BodyBudget, type BodyLimits } from '../../../src/proxy/exchange/body-budget.ts';
import { Spool } from '../../../src/proxy/exchange/spool.ts';
import { createSocketTransport } from '../../../src/proxy/transport/socket-transport.ts';
import type { Connection, Listener } from '../../../src/proxy/transport/transport.ts';
import { Timers } from '../../../src/lib/timer-wheel.ts';
import type { Router } from '../../../src/proxy/router/linked.ts';
import type { Upstream } from '../../../src/proxy/upstream/upstream.ts';
import { createFixedRouter, type FixedRouter, type FixedRouterOptions } from './fixed-router.ts';
import { connectionInfoOf, silentMetrics, unknownUpstream, type Oddities } from './sinks.ts';

/** What was read of an access record, at the time it was written. */
export interface Logged {
  readonly requestLine: string;
  readonly status: number;
  readonly bodyBytesSent: number;
  readonly bytesSent: number;
  readonly requestLength: number;
  readonly upstreamName: string;
  readonly canaryName: string;
  readonly upstreamStatus: readonly number[];
  readonly addresses: readonly string[];
}

export interface Engine extends Served {
  readonly router: FixedRouter;
  /** Number of exchanges the route's series counted. */
  counted(): number;
}

/** An engine over any router. */
export interface Served {
  readonly port: number;
  readonly context: ServeContext;
  readonly log: Logged[];
  readonly faults: unknown[];
  readonly oddities: Oddities;
  /** Resolves when that many exchanges were logged. */
  logged(count: number): Promise<void>;
  connect(): Promise<Client>;
  drain(timeoutMs: number): Promise<number>;
}

/** What request bodies may be held in. */
export interface BodyRoomOptions extends Partial<BodyLimits> {
  /** Folder of the temporary files. */
  readonly directory?: string;
}

/** What a test opened; `close` ends all of it. */
export class Bench {
  readonly #servers: Server[] = [];
  readonly #listeners: Listener[] = [];
  readonly #transport = createSocketTransport();
  readonly #sockets = new Set<Socket>();
  readonly #contexts: ServeContext[] = [];
  #isClosed = false;

  async engine(
    options: FixedRouterOptions = {},
    info: Partial<ConnectionInfo> = {},
    room: BodyRoomOptions = {},
  ): Promise<Engine> {
    let count = 0;
    const router = createFixedRouter({
      series: {
        observe: () => {
          count++;
        },
      },
      ...options,
    });
    return { ...(await this.serve(() => router, info, room)), router, counted: () => count };
  }

  /** An engine that serves by whatever router is in force. */
  async serve(
    router: () => Router,
    info: Partial<ConnectionInfo> = {},
    { directory = tmpdir(), ...room }: BodyRoomOptions = {},
    upstreamOf: (id: string) => Upstream = unknownUpstream,
  ): Promise<Served> {
    const log: Logged[] = [];
    const faults: unknown[] = [];
    const oddities: Oddities = { refusedHeads: 0, bareLineFeeds: 0 };
    const waiting: (() => void)[] = [];
    const context = createServeContext({
      transport: this.#transport,
      router,
      upstreamOf,
      accessLog: {
        write(record) {
          log.push({
            requestLine: record.requestLine,
            status: record.status,
            bodyBytesSent: record.bodyBytesSent,
            bytesSent: record.bytesSent,
            requestLength: record.requestLength,
            upstreamName: record.upstreamName,
            canaryName: record.canaryName,
            upstreamStatus: record.attempts.map((attempt) => attempt.status),
            addresses: record.attempts.map((attempt) => attempt.address),
          });
          for (const check of waiting) check();
        },
        flush: async () => {},
        reopen() {},
      },
      metrics: silentMetrics(oddities),
      bodies: {
        budget: new BodyBudget({
          memoryBytes: 67_108_864,
          spoolBytes: 1_073_741_824,
          spooledBlocks: new Int32Array(new SharedArrayBuffer(4)),
          index: 0,
          ...room,
        }),
        spool:
          room.spoolBytes === 0
            ? undefined
            : new Spool(
                directory,
                (fault) => faults.push(fault),
                () => 0,
              ),
      },
      now: () => performance.timeOrigin + performance.now(),
      random: Math.random,
      report: (fault) => faults.push(fault),
      timers: new Timers({ tickMs: 5 }),
    });
    this.#contexts.push(context);
    const port = await this.accept((connection) =>
      serveConnection(connection, connectionInfoOf(connection, info), context),
    );
    return {
      port,
      context,
      log,
      faults,
      oddities,
      logged: (wanted) =>
        new Promise((resolve) => {
          const check = () => {
            if (log.length >= wanted) resolve();
          };
          waiting.push(check);
          check();
        }),
      connect: () => this.connect(port),
      drain: (timeoutMs) => drainConnections(context, timeoutMs),
    };
  }

  /** An upstream of raw sockets; answers its endpoint. */
  async upstream(
    onConnection: (socket: Socket) => void,
  ): Promise<{ readonly address: string; readonly port: number }> {
    return { address: '127.0.0.1', port: await this.listen(onConnection) };
  }

  /** An upstream that answers each complete head (and body of declared length) as told, and keeps what it got. */
  async answering(
    answer: (request: string, socket: Socket, index: number) => string | Buffer | undefined,
  ): Promise<Answering> {
    const requests: string[] = [];
    const sockets: Socket[] = [];
    const endpoint = await this.upstream((socket) => {
      sockets.push(socket);
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
        for (;;) {
          const length = completeLength(text);
          if (length < 0) return;
          const request = text.slice(0, length);
          text = text.slice(length);
          requests.push(request);
          const response = answer(request, socket, requests.length - 1);
          if (response !== undefined && !socket.destroyed) socket.write(response as string, 'latin1');
        }
      });
    });
    return { endpoint, requests, sockets };
  }

  async connect(port: number): Promise<Client> {
    return new Client(await this.open(port));
  }

  /** A connected socket, for who reads it without keeping what it brings. */
  async open(port: number): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    await once(socket, 'connect');
    return socket;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const context of this.#contexts) {
      for (const connection of context.connections) connection.destroy();
      context.pools.close();
      context.timers.close();
    }
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  /** A listener of the engine's kind; answers its port. */
  async accept(onConnection: (connection: Connection) => void): Promise<number> {
    const listener = await this.#transport.listen(
      { host: '127.0.0.1', port: 0 },
      { backlog: 511, accept: onConnection, onFault: () => {} },
    );
    this.#listeners.push(listener);
    return listener.port;
  }

  /** A server of raw sockets; answers its port. */
  async listen(onConnection: (socket: Socket) => void): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      // What was still on its way when the test ended.
      if (this.#isClosed) socket.destroy();
      else onConnection(socket);
    });
    this.#servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
}

export interface Answering {
  readonly endpoint: { readonly address: string; readonly port: number };
  /** Complete requests as they arrived, over all connections. */
  readonly requests: string[];
  readonly sockets: Socket[];
}

/** Length of the first complete message in the text; -1 while it is not all there. */
function completeLength(text: string): number {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return -1;
  const head = text.slice(0, headEnd + 2);
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(head)) {
    const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(headEnd + 4));
    return last === null ? -1 : headEnd + 4 + last.index + last[0].length;
  }
  const length = headEnd + 4 + Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
  return text.length >= length ? length : -1;
}

/** A raw client: bytes out, text in. */
export class Client {
  readonly socket: Socket;
  text = '';
  bytes = 0;
  isEnded = false;
  isClosed = false;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      this.text += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('end', () => {
      this.isEnded = true;
      this.#wake();
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  send(text: string | Buffer): void {
    if (typeof text === 'string') this.socket.write(text, 'latin1');
    else this.socket.write(text);
  }

  /** Resolves when it holds; rejects when the connection ends before. */
  async until(holds: (text: string) => boolean): Promise<string> {
    while (!holds(this.text)) {
      if (this.isEnded || this.isClosed)
        throw new Error(`connection ended with ${JSON.stringify(this.text.slice(-500))}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    return this.text;
  }

  /** Resolves with all text when the other side has ended or cut the connection. */
  async ended(): Promise<string> {
    while (!this.isEnded && !this.isClosed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.text;
  }

  /** Takes one response with declared length off the text. */
  async response(): Promise<string> {
    await this.until((text) => completeLength(text) >= 0);
    const length = completeLength(this.text);
    const response = this.text.slice(0, length);
    this.text = this.text.slice(length);
    return response;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Resolves when the condition holds, asked after every turn of the event loop. */
export async function eventually(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('condition never held');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
export const GET = 'GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n';
