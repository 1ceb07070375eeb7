import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { type Asked, type ClientPeer, type Fields, PeerHead, PeerStream } from './peers.ts';

type Received = Readonly<Record<string, string | string[] | undefined>>;

function headOf(received: Received, isTunnel: boolean): PeerHead {
  const status = String(received[':status']);
  const fields = Object.entries(received)
    .filter(([name]) => !name.startsWith(':'))
    .map(([name, value]) => [name, String(value)] as const);
  // What another wire says with 101 is a success here (RFC 8441 §5).
  return new PeerHead([isTunnel && status === '200' ? '101' : status], fields);
}

/** A request on a connection of node:http2. */
class Http2ClientStream extends PeerStream {
  readonly #stream: ClientHttp2Stream;
  #trailers: PeerHead | undefined = undefined;
  #sentTrailers: Fields = [];

  constructor(stream: ClientHttp2Stream, isTunnel: boolean) {
    super();
    this.#stream = stream;
    stream.on('headers', (received) => this.onInterim(headOf(received as Received, false)));
    stream.on('response', (received) => this.onHead(headOf(received as Received, isTunnel)));
    stream.on('data', (chunk: Buffer) => this.onBody(chunk.toString('latin1')));
    stream.on('trailers', (received) => {
      this.#trailers = new PeerHead([], Object.entries(received as Record<string, string>));
    });
    stream.on('end', () => {
      if (stream.rstCode === constants.NGHTTP2_NO_ERROR && !stream.aborted) this.onEnd(this.#trailers);
      else this.onCut();
    });
    stream.on('wantTrailers', () => stream.sendTrailers(Object.fromEntries(this.#sentTrailers)));
    stream.on('error', () => {});
    stream.on('close', () => this.onCut());
  }

  send(text: string): void {
    this.#stream.write(text, 'latin1');
  }

  end(trailers: Fields = []): void {
    this.#sentTrailers = trailers;
    this.#stream.end();
  }

  reset(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }
}

class Http2Client implements ClientPeer {
  readonly #socket: Socket;
  readonly #session: ClientHttp2Session;

  constructor(socket: Socket, session: ClientHttp2Session) {
    this.#socket = socket;
    this.#session = session;
    session.on('error', () => {});
  }

  get isClosed(): boolean {
    return this.#session.destroyed;
  }

  ask({ method = 'GET', target = '/', fields = [], body = 'none', upgrade }: Asked = {}): PeerStream {
    const isTunnel = upgrade !== undefined;
    const stream = this.#session.request(
      {
        ':method': isTunnel ? 'CONNECT' : method,
        ':path': target,
        ':authority': 'a.test',
        ...(isTunnel ? { ':protocol': upgrade } : {}),
        ...Object.fromEntries(fields),
        ...(typeof body === 'number' ? { 'content-length': String(body) } : {}),
      },
      { endStream: body === 'none' && !isTunnel, waitForTrailers: body === 'stream' },
    );
    return new Http2ClientStream(stream, isTunnel);
  }

  endHalf(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#session.destroy();
    this.#socket.destroy();
  }
}

/** Connects by prior knowledge; resolves when the other side has said what it takes. */
export async function connectHttp2(port: number): Promise<ClientPeer> {
  const socket = connectTcp({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  const session = connect('http://a.test', { createConnection: () => socket });
  const client = new Http2Client(socket, session);
  await once(session, 'remoteSettings');
  return client;
}
