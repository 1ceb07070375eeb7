import { once } from 'node:events';
import { createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { SILENT_METRICS } from '../../../src/observe/silent-metrics.ts';
import { createHttp2Wire } from '../../../src/proxy/http2/upstream-wire.ts';
import { WireShared } from '../../../src/proxy/http2/wire-shared.ts';
import { type BodyLength, type Fields, PeerHead, type ServerPeer, ServerStream } from './peers.ts';

type Received = Readonly<Record<string, string | string[] | undefined>>;

function fieldsOf(received: Received): Fields {
  return Object.entries(received)
    .filter(([name]) => !name.startsWith(':'))
    .map(([name, value]) => [name, String(value)] as const);
}

/** A request as a server of node:http2 has it. */
class Http2ServerStream extends ServerStream {
  readonly #stream: ServerHttp2Stream;
  #trailers: Fields = [];

  constructor(stream: ServerHttp2Stream, received: Received) {
    super();
    this.#stream = stream;
    let trailers: PeerHead | undefined;
    stream.on('data', (chunk: Buffer) => this.onBody(chunk.toString('latin1')));
    stream.on('trailers', (fields) => {
      trailers = new PeerHead([], fieldsOf(fields as Received));
    });
    stream.on('end', () => {
      if (!stream.aborted) this.onEnd(trailers);
    });
    stream.on('wantTrailers', () => stream.sendTrailers(Object.fromEntries(this.#trailers)));
    stream.on('error', () => {});
    stream.on('close', () => this.onCut());
    this.onHead(new PeerHead([String(received[':method']), String(received[':path'])], fieldsOf(received)));
  }

  interim(status: number, fields: Fields): void {
    this.#stream.additionalHeaders({ ':status': status, ...Object.fromEntries(fields) });
  }

  answer(status: number, fields: Fields, body: BodyLength): void {
    const length = typeof body === 'number' ? { 'content-length': String(body) } : {};
    const endStream = body === 'none' || body === 0;
    this.isAnswered = endStream;
    this.#stream.respond(
      { ':status': status, ...Object.fromEntries(fields), ...length },
      { endStream, waitForTrailers: body === 'stream' },
    );
  }

  grant(): void {
    throw new Error('this wire takes up no other protocol');
  }

  send(text: string): void {
    this.#stream.write(text, 'latin1');
  }

  end(trailers: Fields = []): void {
    this.isAnswered = true;
    this.#trailers = trailers;
    this.#stream.end();
  }

  reset(): void {
    // `close` would end the body first.
    this.#stream.destroy(new Error('cut'));
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }
}

/** A server of node:http2, by prior knowledge. */
class Http2ServerPeer implements ServerPeer {
  connections = 0;
  endpoint = { address: '127.0.0.1', port: 0 };
  readonly wires = { h2: createHttp2Wire(new WireShared(), SILENT_METRICS.http2) };
  readonly #server: Http2Server = createServer();
  /** With the number of their streams. */
  readonly #open = new Map<ServerHttp2Session, number>();
  readonly #asked: ServerStream[] = [];
  readonly #waiting: ((stream: ServerStream) => void)[] = [];

  async listen(): Promise<void> {
    const server = this.#server;
    server.on('session', (opened) => {
      const session = opened as ServerHttp2Session;
      this.connections++;
      this.#open.set(session, 0);
      session.on('error', () => {});
      session.on('close', () => this.#open.delete(session));
    });
    server.on('stream', (stream, received) => this.#take(stream as ServerHttp2Stream, received as Received));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.endpoint = { address: '127.0.0.1', port: (server.address() as AddressInfo).port };
  }

  next(): Promise<ServerStream> {
    const stream = this.#asked.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  closeIdle(): void {
    for (const [session, streams] of this.#open) if (streams === 0) session.destroy();
  }

  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const session of this.#open.keys()) session.destroy();
    await closed;
  }

  async close(): Promise<void> {
    if (this.#server.listening) await this.refuse();
    else for (const session of this.#open.keys()) session.destroy();
  }

  #take(stream: ServerHttp2Stream, received: Received): void {
    const session = stream.session as ServerHttp2Session;
    this.#open.set(session, this.#open.get(session)! + 1);
    stream.on('close', () => {
      const streams = this.#open.get(session);
      if (streams !== undefined) this.#open.set(session, streams - 1);
    });
    const asked = new Http2ServerStream(stream, received);
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#asked.push(asked);
    else waiting(asked);
  }
}

export async function listenHttp2(): Promise<ServerPeer> {
  const server = new Http2ServerPeer();
  await server.listen();
  return server;
}
