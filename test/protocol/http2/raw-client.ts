import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { settings, TestSink } from '../../../src/proxy/http2/testing.ts';
import { PREFACE } from '../../../src/proxy/http2/wire-codes.ts';

/** A client of raw frames: bytes out, a line for each frame in. */
export class RawHttp2Client {
  readonly socket: Socket;
  /** Every frame so far, and `end` or `close`. */
  readonly lines: string[] = [];
  readonly #sink = new TestSink();
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#sink.write(chunk, 0, chunk.length);
      this.#tell(...this.#sink.take());
    });
    socket.on('end', () => this.#tell('end'));
    socket.on('close', () => this.#tell('close'));
    socket.on('error', () => {});
  }

  send(...pieces: readonly Buffer[]): this {
    this.socket.write(Buffer.concat(pieces));
    return this;
  }

  /** Resolves with the first line that fits; rejects where the connection ends before. */
  async until(fits: RegExp): Promise<string> {
    for (;;) {
      const found = this.lines.find((line) => fits.test(line));
      if (found !== undefined) return found;
      if (this.lines.includes('close')) throw new Error(`closed behind ${JSON.stringify(this.lines)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Lines about one stream. */
  of(id: number): string[] {
    return this.lines.filter((line) => line.split(' ')[1] === String(id));
  }

  #tell(...lines: readonly string[]): void {
    this.lines.push(...lines);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Connects and sends a preface with settings. */
export async function connectRaw(port: number, start = settings()): Promise<RawHttp2Client> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
  const client = new RawHttp2Client(socket);
  await once(socket, 'connect');
  return client.send(PREFACE, start);
}
