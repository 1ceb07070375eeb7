// What Node's own layers cost: HTTP/2 over its TLS, HTTP/1.1 over its sockets, and between them no more than it takes to get an answer. It checks
// nothing, routes nothing, logs nothing and counts nothing, and has no window: good for h2load alone. No proxy on Node can take less.
//   node loadtest/bare-relay.ts '{"httpsPort":8443,"upstreamPort":8080,"certificate":"...","key":"..."}'
import { connect, type Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { HpackDecoder } from '../src/proxy/http2/hpack-decoder.ts';
import {
  ACK,
  END_HEADERS,
  END_STREAM,
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_FRAME_BYTES,
  PREFACE,
  PRIORITY,
} from '../src/proxy/http2/wire-codes.ts';
import type { PeerInput } from './peer-input.ts';

const { httpsPort, upstreamPort, certificate, key } = JSON.parse(process.argv[2] ?? '{}') as PeerInput;

/** As many lines as a proxy sends to a backend. */
const LINES =
  ' HTTP/1.1\r\nHost: load.test\r\nX-Request-ID: 0123456789abcdef0123456789abcdef\r\nX-Real-IP: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1\r\n' +
  'X-Forwarded-Host: load.test\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Scheme: https\r\nX-Scheme: https\r\n' +
  'user-agent: h2load nghttp2\r\n\r\n';
const CHUNK_BYTES = 65_536;
/** `:status: 200` in the static table (RFC 7541, appendix A). */
const STATUS_200 = 0x88;

/** All upstream connections read into it, one after the other. */
const shared = Buffer.allocUnsafeSlow(CHUNK_BYTES);
const idle: Upstream[] = [];

/** One connection to the upstream, with one request at a time. */
class Upstream {
  client!: Client;
  streamId = 0;
  #left = -1;
  readonly #socket: Socket;

  constructor() {
    const onread = { buffer: shared, callback: (length: number) => this.#onBytes(length) };
    this.#socket = connect({ host: '127.0.0.1', port: upstreamPort, noDelay: true, onread });
  }

  ask(client: Client, streamId: number, path: string): void {
    this.client = client;
    this.streamId = streamId;
    this.#left = -1;
    this.#socket.write(`GET ${path}${LINES}`, 'latin1');
  }

  #onBytes(length: number): boolean {
    let start = 0;
    if (this.#left < 0) {
      start = shared.indexOf('\r\n\r\n') + 4;
      this.#left = Number(/Content-Length: (\d+)/.exec(shared.toString('latin1', 0, start))![1]);
      this.client.head(this.streamId);
    }
    this.#left -= length - start;
    this.client.body(this.streamId, start, length, this.#left === 0);
    if (this.#left === 0) idle.push(this);
    return true;
  }
}

/** One client: what is ready on all its streams leaves in one write. */
class Client {
  readonly #socket: TLSSocket;
  readonly #decoder = new HpackDecoder();
  #path = '';
  readonly #fields = {
    isOpen: true,
    add: ({ name, value }: { readonly name: string; readonly value: string }): void => {
      if (name === ':path') this.#path = value;
    },
    neverIndexed: (): void => {},
  };
  #isGreeted = false;
  #rest: Buffer = Buffer.alloc(0);
  #out = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  #at = 0;
  #open = 0;
  #isWoken = false;
  readonly #flush = (): void => this.#pass();

  constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#frame(FRAME.settings, 0, 0, 0);
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    socket.on('error', () => {});
    this.#wake();
  }

  head(id: number): void {
    this.#frame(FRAME.headers, END_HEADERS, id, 1);
    this.#out[this.#at++] = STATUS_200;
    this.#wake();
  }

  body(id: number, start: number, end: number, isLast: boolean): void {
    if (isLast) this.#open--;
    let at = start;
    do {
      const octets = Math.min(MAX_FRAME_BYTES, end - at);
      this.#frame(FRAME.data, isLast && at + octets === end ? END_STREAM : 0, id, octets);
      shared.copy(this.#out, this.#at, at, at + octets);
      this.#at += octets;
      at += octets;
    } while (at < end);
    this.#wake();
  }

  #onBytes(received: Buffer): void {
    const bytes = this.#rest.length === 0 ? received : Buffer.concat([this.#rest, received]);
    let at = this.#isGreeted ? 0 : PREFACE.length;
    this.#isGreeted = true;
    while (bytes.length - at >= FRAME_HEADER_BYTES) {
      const start = at + FRAME_HEADER_BYTES;
      const end = start + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      this.#onFrame(bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5), bytes, start, end);
      at = end;
    }
    this.#rest = bytes.subarray(at);
  }

  #onFrame(type: number, flags: number, id: number, bytes: Buffer, start: number, end: number): void {
    if (type === FRAME.headers) {
      this.#decoder.decode(bytes, (flags & PRIORITY) === 0 ? start : start + 5, end, this.#fields);
      this.#open++;
      (idle.pop() ?? new Upstream()).ask(this, id, this.#path);
    } else if (type === FRAME.settings && (flags & ACK) === 0) {
      this.#frame(FRAME.settings, ACK, 0, 0);
      this.#wake();
    }
  }

  /** Makes room for a frame and writes its header. */
  #frame(type: number, flags: number, id: number, octets: number): void {
    if (this.#at + FRAME_HEADER_BYTES + octets > this.#out.length) this.#pass();
    const out = this.#out;
    out.writeUIntBE(octets, this.#at, 3);
    out[this.#at + 3] = type;
    out[this.#at + 4] = flags;
    out.writeUInt32BE(id, this.#at + 5);
    this.#at += FRAME_HEADER_BYTES;
  }

  #wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    if (this.#open > 1) setImmediate(this.#flush);
    else process.nextTick(this.#flush);
  }

  #pass(): void {
    this.#isWoken = false;
    if (this.#at === 0 || this.#socket.destroyed) return;
    this.#socket.write(this.#out.subarray(0, this.#at));
    this.#out = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.#at = 0;
  }
}

const server = createServer({ cert: certificate, key, ALPNProtocols: ['h2'], noDelay: true });
server.on('secureConnection', (socket) => new Client(socket));
server.on('tlsClientError', () => {});
server.listen(httpsPort, '127.0.0.1');
