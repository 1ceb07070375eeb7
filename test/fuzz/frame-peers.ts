import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { HpackDecoder } from '../../src/proxy/http2/hpack-decoder.ts';
import { FRAME } from '../../src/proxy/http2/wire-codes.ts';
import { FrameCutter } from './memory-socket.ts';

/** Turns of the event loop without anything that came. */
const QUIET_TURNS = 40;

/** What became of one stream, as its client sees it. */
export interface StreamView {
  status: number;
  body: string;
  isComplete: boolean;
  /** Code of its RST_STREAM. */
  reset: number | undefined;
}

/** A client of raw frames, and what it was answered. */
export class FrameClient {
  readonly streams = new Map<number, StreamView>();
  goaway: { readonly code: number; readonly reason: string } | undefined = undefined;
  isClosed = false;
  pings = 0;
  /** Changes with everything that comes. */
  news = 0;
  readonly #socket: Socket;
  readonly #cutter = new FrameCutter();
  readonly #decoder = new HpackDecoder();
  #fragments: Buffer[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.news++;
      this.#cutter.push(bytes, (type, flags, id, payload) => this.#onFrame(type, flags, id, payload));
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.news++;
      this.isClosed = true;
    });
  }

  send(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Whether the server ended the connection because of what it was sent. */
  get isRefused(): boolean {
    return this.isClosed || (this.goaway !== undefined && this.goaway.code !== 0);
  }

  /** Whether the server has read all, or will not. */
  get isHeard(): boolean {
    return this.isRefused || this.pings > 0;
  }

  #view(id: number): StreamView {
    let view = this.streams.get(id);
    if (view === undefined) {
      view = { status: 0, body: '', isComplete: false, reset: undefined };
      this.streams.set(id, view);
    }
    return view;
  }

  #onFrame(type: number, flags: number, id: number, payload: Buffer): void {
    const isEnd = (flags & 1) === 1;
    switch (type) {
      case FRAME.headers:
      case FRAME.continuation:
        this.#fragments.push(Buffer.from(payload));
        if ((flags & 4) !== 0) this.#onBlock(this.#view(id));
        if (type === FRAME.headers && isEnd) this.#view(id).isComplete = true;
        return;
      case FRAME.data:
        this.#view(id).body += payload.toString('latin1');
        if (isEnd) this.#view(id).isComplete = true;
        return;
      case FRAME.rstStream:
        this.#view(id).reset = payload.readUInt32BE(0);
        return;
      case FRAME.goaway:
        this.goaway = { code: payload.readUInt32BE(4), reason: payload.toString('latin1', 8) };
        return;
      case FRAME.ping:
        if (isEnd) this.pings++;
        return;
      default:
    }
  }

  #onBlock(view: StreamView): void {
    const bytes = Buffer.concat(this.#fragments);
    this.#fragments = [];
    this.#decoder.decode(bytes, 0, bytes.length, {
      isOpen: true,
      add: ({ name, value }) => {
        if (name === ':status') view.status = Number(value);
      },
      neverIndexed: () => {},
    });
  }
}

export async function connectFrames(port: number): Promise<FrameClient> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  return new FrameClient(socket);
}

/** Resolves when both have said of the last PING that they got it, or that they end, and nothing more comes; or after a while. */
export async function quiet(clients: readonly FrameClient[], mostMs: number): Promise<void> {
  const untilMs = performance.now() + mostMs;
  let seen = -1;
  for (let turns = 0; turns < QUIET_TURNS || !clients.every((client) => client.isHeard); turns++) {
    const news = clients.reduce((sum, client) => sum + client.news, 0);
    if (news !== seen) turns = 0;
    if (performance.now() > untilMs) return;
    seen = news;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
