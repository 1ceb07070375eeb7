import type { Socket } from 'node:net';
import { settings } from '../../../src/proxy/http2/testing.ts';
import { ACK, FRAME, FRAME_HEADER_BYTES, PREFACE } from '../../../src/proxy/http2/wire-codes.ts';
import type { Bench } from './harness.ts';

/** A connection to a server that says whatever bytes it is given. */
export class RawConnection {
  /** What the other side has done besides asking: `reset 1 8`, `goaway 0`, `ping ack`. */
  readonly told: string[] = [];
  isClosed = false;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('close', () => {
      this.isClosed = true;
    });
    socket.on('end', () => socket.end());
  }

  send(...pieces: readonly Buffer[]): void {
    if (!this.#socket.destroyed) this.#socket.write(Buffer.concat(pieces));
  }

  end(): void {
    this.#socket.end();
  }

  cut(): void {
    this.#socket.resetAndDestroy();
  }

  /** Reads no more. */
  pause(): void {
    this.#socket.pause();
  }
}

export interface RawServer {
  readonly endpoint: { readonly address: string; readonly port: number };
  readonly connections: RawConnection[];
}

/**
 * A server of raw frames: `onRequest` is told of each head. `begin` sends what comes first, by default SETTINGS that say nothing. `listen` has
 * it accept in another way than plain.
 */
export async function rawHttp2(
  bench: Bench,
  onRequest: (connection: RawConnection, id: number, index: number) => void,
  begin: (connection: RawConnection, index: number) => void = (connection) => connection.send(settings()),
  listen: (onConnection: (socket: Socket) => void) => Promise<RawServer['endpoint']> = (onConnection) =>
    bench.upstream(onConnection),
): Promise<RawServer> {
  const connections: RawConnection[] = [];
  let requests = 0;
  const endpoint = await listen((socket) => {
    const connection = new RawConnection(socket);
    connections.push(connection);
    let bytes = Buffer.alloc(0);
    let isBegun = false;
    begin(connection, connections.length - 1);
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (!isBegun) {
        if (bytes.length < PREFACE.length) return;
        isBegun = true;
        bytes = bytes.subarray(PREFACE.length);
      }
      for (;;) {
        if (bytes.length < FRAME_HEADER_BYTES) return;
        const length = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
        if (bytes.length < length) return;
        const id = bytes.readUInt32BE(5);
        const payload = bytes.subarray(FRAME_HEADER_BYTES, length);
        if (bytes[3] === FRAME.headers) onRequest(connection, id, requests++);
        else if (bytes[3] === FRAME.rstStream) connection.told.push(`reset ${id} ${payload.readUInt32BE(0)}`);
        else if (bytes[3] === FRAME.ping && (bytes[4]! & ACK) !== 0) connection.told.push('ping ack');
        else if (bytes[3] === FRAME.goaway) connection.told.push(`goaway ${payload.readUInt32BE(4)}`);
        bytes = bytes.subarray(length);
      }
    });
  });
  return { endpoint, connections };
}
