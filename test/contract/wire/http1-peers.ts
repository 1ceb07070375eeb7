import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createHttp1Wire } from '../../../src/proxy/http1/upstream-wire.ts';
import { http1Chunk, http1Head, http1LastChunk, Http1Messages } from './http1-messages.ts';
import {
  type Asked,
  type BodyLength,
  type ClientPeer,
  type Fields,
  PeerStream,
  type ServerPeer,
  ServerStream,
} from './peers.ts';

/** A client's request on a raw socket. */
class Http1ClientStream extends PeerStream {
  readonly method: string;
  readonly #socket: Socket;
  readonly #isChunked: boolean;

  constructor(socket: Socket, method: string, isChunked: boolean) {
    super();
    this.#socket = socket;
    this.method = method;
    this.#isChunked = isChunked;
  }

  send(text: string): void {
    this.#socket.write(this.#isChunked ? http1Chunk(text) : text, 'latin1');
  }

  end(trailers?: Fields): void {
    if (this.#isChunked) this.#socket.write(http1LastChunk(trailers), 'latin1');
    // The half of a tunnel is that of its connection.
    else if (this.head?.start[0] === '101') this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

class Http1Client implements ClientPeer {
  isClosed = false;
  readonly #socket: Socket;
  readonly #unanswered: Http1ClientStream[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    const messages = new Http1Messages(
      false,
      ([status]) => {
        const isFinal = !status!.startsWith('1') || status === '101';
        return isFinal ? this.#unanswered.shift()! : this.#unanswered[0]!;
      },
      (stream, [status]) =>
        status === '101' ||
        ((stream as Http1ClientStream).method !== 'HEAD' && status !== '204' && status !== '304'),
    );
    socket.on('data', (chunk: Buffer) => messages.push(chunk.toString('latin1')));
    const cut = (isClean: boolean): void => {
      this.isClosed = true;
      messages.end(isClean);
      for (const stream of this.#unanswered.splice(0)) stream.onCut();
    };
    socket.on('end', () => cut(true));
    socket.on('close', () => cut(false));
    socket.on('error', () => {});
  }

  ask({ method = 'GET', target = '/', fields = [], body = 'none', upgrade }: Asked = {}): PeerStream {
    const stream = new Http1ClientStream(this.#socket, method, body === 'stream');
    this.#unanswered.push(stream);
    const host = ['Host', 'a.test'] as const;
    const upgradeFields =
      upgrade === undefined ? [] : [['Upgrade', upgrade] as const, ['Connection', 'upgrade'] as const];
    const head = http1Head(`${method} ${target} HTTP/1.1`, [host, ...fields, ...upgradeFields], body);
    this.#socket.write(head, 'latin1');
    return stream;
  }

  endHalf(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

export async function connectHttp1(port: number): Promise<ClientPeer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  const client = new Http1Client(socket);
  await once(socket, 'connect');
  return client;
}

/** A request as a server of raw sockets has it. */
class Http1ServerStream extends ServerStream {
  readonly #socket: Socket;
  readonly #messages: Http1Messages;
  #isChunked = false;
  #isTunnel = false;

  constructor(socket: Socket, messages: () => Http1Messages) {
    super();
    this.#socket = socket;
    this.#messages = messages();
  }

  interim(status: number, fields: Fields): void {
    this.#socket.write(http1Head(`HTTP/1.1 ${status} Early`, fields, 'none'), 'latin1');
  }

  answer(status: number, fields: Fields, body: BodyLength): void {
    this.#isChunked = body === 'stream';
    this.isAnswered = body === 'none';
    this.#socket.write(http1Head(`HTTP/1.1 ${status} Fine`, fields, body), 'latin1');
  }

  grant(protocol: string): void {
    this.#isTunnel = true;
    const fields = [['Upgrade', protocol] as const, ['Connection', 'upgrade'] as const];
    this.#socket.write(http1Head('HTTP/1.1 101 Switching Protocols', fields, 'none'), 'latin1');
    this.isEnded = false;
    this.#messages.beginTunnel(this);
  }

  send(text: string): void {
    this.#socket.write(this.#isChunked ? http1Chunk(text) : text, 'latin1');
  }

  end(trailers?: Fields): void {
    this.isAnswered = true;
    if (this.#isTunnel) this.#socket.end();
    else if (this.#isChunked) this.#socket.write(http1LastChunk(trailers), 'latin1');
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }
}

/** A server of raw sockets. */
class Http1Server implements ServerPeer {
  connections = 0;
  endpoint = { address: '127.0.0.1', port: 0 };
  readonly wires = {
    'http/1.1': createHttp1Wire({ minorVersion: 1, onBareLineFeeds: () => {} }),
  };
  readonly #server: Server;
  readonly #open = new Map<Socket, Http1Messages>();
  readonly #asked: ServerStream[] = [];
  readonly #waiting: ((stream: ServerStream) => void)[] = [];

  constructor() {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.endpoint = { address: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
  }

  next(): Promise<ServerStream> {
    const stream = this.#asked.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  closeIdle(): void {
    for (const [socket, messages] of this.#open) if (!messages.isBusy) socket.destroy();
  }

  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#open.keys()) socket.destroy();
    await closed;
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.refuse();
    else for (const socket of this.#open.keys()) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.connections++;
    let current: PeerStream | undefined;
    const messages = new Http1Messages(
      true,
      () => {
        const stream = new Http1ServerStream(socket, () => messages);
        current = stream;
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#asked.push(stream);
        else waiting(stream);
        return stream;
      },
      () => true,
    );
    this.#open.set(socket, messages);
    socket.on('data', (chunk: Buffer) => messages.push(chunk.toString('latin1')));
    socket.on('end', () => {
      messages.end(true);
      // Only the halves of a tunnel end one by one.
      if (!messages.isTunnel) socket.destroy();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#open.delete(socket);
      messages.end(false);
      current?.onCut();
    });
  }
}

export async function listenHttp1(): Promise<ServerPeer> {
  const server = new Http1Server();
  await server.listen();
  return server;
}
