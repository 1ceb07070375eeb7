/*
 * Peers of HTTP/2 that cost more than they pay, as fast as they can, until SIGTERM; then prints what they did as JSON.
 *   node loadtest/http2-flooder.ts '{"kind":"reset","side":"client","port":8080,"connections":8}'
 * `side`: client floods Serin's `port`; upstream listens at `listen` for requests of Serin's, and asks for them itself at `port`.
 */
import { connect, createServer, type Socket } from 'node:net';
import { FrameReader, type FrameSink } from '../src/proxy/http2/frame-reader.ts';
import { settings } from '../src/proxy/http2/testing.ts';
import { END_STREAM, FRAME, FRAME_HEADER_BYTES, PREFACE } from '../src/proxy/http2/wire-codes.ts';
import { FLOODS } from './http2-flood-kinds.ts';

interface FloodOptions {
  readonly kind: string;
  readonly side: 'client' | 'upstream';
  readonly port: number;
  readonly listen: number;
  readonly connections: number;
}

const options = JSON.parse(process.argv[2] ?? '{}') as FloodOptions;
const flood = FLOODS[options.side][options.kind]!;
const did = { connections: 0, bytes: 0 };
let isOver = false;

/** Counts streams that end. */
class Answers implements FrameSink {
  ended = 0;

  onFrameHeader(type: number, flags: number): boolean {
    const isEnd = type <= FRAME.headers && (flags & END_STREAM) !== 0;
    if (isEnd || type === FRAME.rstStream) this.ended++;
    return true;
  }

  onFrame(): boolean {
    return true;
  }

  onDataBytes(): boolean {
    return true;
  }

  onDataEnd(): boolean {
    return true;
  }

  onBadPadding(): boolean {
    return false;
  }

  onFrameTooLarge(): boolean {
    return false;
  }
}

/** Floods until the other side has enough. */
function run(socket: Socket): void {
  let round = 0;
  const { requests } = flood;
  const send = (bytes: Buffer): boolean => {
    did.bytes += bytes.length;
    return socket.write(bytes);
  };
  const more = (): void => {
    if (socket.destroyed || socket.writableEnded || isOver) return;
    const isTaken = send(flood.piece(round++));
    if (requests !== undefined) return;
    if (flood.everyMs !== undefined) setTimeout(more, flood.everyMs);
    else if (isTaken) setImmediate(more);
    else socket.once('drain', more);
  };
  did.connections++;
  if (flood.start !== undefined) send(flood.start);
  if (requests !== undefined) {
    const answers = new Answers();
    const reader = new FrameReader(answers, { left: Number.POSITIVE_INFINITY });
    socket.on('data', (chunk: Buffer) => {
      reader.read(chunk, 0, chunk.length);
      if (answers.ended < round * requests) return;
      more();
    });
  }
  more();
}

function floodServer(): void {
  const socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true });
  socket.on('connect', () => {
    if (flood.isHttp1 !== true) socket.write(Buffer.concat([PREFACE, settings()]));
    run(socket);
  });
  socket.on('error', () => {});
  socket.on('end', () => socket.destroy());
  socket.on('close', () => !isOver && setImmediate(floodServer));
  socket.resume();
}

/** Requests that lead Serin to the server that floods it. */
function askForFlood(): void {
  const socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true });
  socket.write('GET / HTTP/1.1\r\nHost: hostile.test\r\nConnection: close\r\n\r\n');
  socket.on('error', () => {});
  socket.on('end', () => socket.end());
  socket.on('close', () => !isOver && setImmediate(askForFlood));
  socket.resume();
}

if (options.side === 'upstream') {
  createServer((socket) => {
    let bytes = 0;
    socket.on('error', () => {});
    socket.write(settings());
    socket.on('data', (chunk: Buffer) => {
      const before = bytes;
      bytes += chunk.length;
      // Behind the preface and SETTINGS comes the first request.
      const least = PREFACE.length + 4 * FRAME_HEADER_BYTES + 20;
      if (before <= least && bytes > least) run(socket);
    });
  }).listen(options.listen, '127.0.0.1');
}
for (let i = 0; i < options.connections; i++) {
  if (options.side === 'client') floodServer();
  else askForFlood();
}
process.on('SIGTERM', () => {
  isOver = true;
  console.log(JSON.stringify(did));
  process.exit();
});
