/*
 * Peers of HTTP/2 that cost more than they pay, as fast as they can, until SIGTERM; then prints what they did as JSON.
 *   node loadtest/http2-flooder.ts '{"kind":"reset","side":"client","port":8080,"connections":8}'
 * `side`: client floods Serin's `port`; upstream listens at `listen` for requests of Serin's, and asks for them itself at `port`.
 */
import { connect, createServer, type Socket } from 'node:net';
import {
  block,
  data,
  type Fields,
  frame,
  GET,
  goaway,
  headers,
  ping,
  POST,
  reset,
  settings,
  windowUpdate,
} from '../src/proxy/http2/testing.ts';
import { FRAME, FRAME_HEADER_BYTES, PREFACE, SETTING } from '../src/proxy/http2/wire-codes.ts';

interface FloodOptions {
  readonly kind: string;
  readonly side: 'client' | 'upstream';
  readonly port: number;
  readonly listen: number;
  readonly connections: number;
}

/** Frames of one flood: `start` for each connection, and `piece` again and again. */
interface Flood {
  readonly start?: Buffer;
  piece(round: number): Buffer;
  /** Milliseconds between pieces; otherwise as many as are taken. */
  readonly everyMs?: number;
}

const PIECES = 200;
const many = (make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: PIECES }, (_, i) => make(i)));
const idOf = (round: number, i: number): number => (round * PIECES + i) * 2 + 1;
const forHost = (fields: Fields, path = '/512'): Fields =>
  fields.map(([name, value]) => [
    name,
    name === ':authority' ? 'load.test' : name === ':path' ? path : value,
  ]);
const ASK = forHost(GET);
const SEND = forHost(POST);
const same = (bytes: Buffer): Flood => ({ piece: () => bytes });
const BOMB = Buffer.concat([
  Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
  Buffer.alloc(4_000, 'x'),
  Buffer.alloc(12_000, 0xbe),
]);
/** What either side may send beside its messages. */
const BESIDE: Readonly<Record<string, Flood>> = {
  ping: same(many(() => ping())),
  settings: same(many(() => settings([SETTING.initialWindowSize, 70_000]))),
  'long-settings': same(
    settings(
      ...Array.from({ length: 2_700 }, (_, i) => [SETTING.initialWindowSize, 70_000 + (i % 2)] as const),
    ),
  ),
  priority: same(many(() => frame(FRAME.priority, 0, 1, Buffer.alloc(5)))),
  'window-update': same(many(() => windowUpdate(0, 1))),
  goaway: same(many(() => goaway(0x7fff_ffff, 0))),
  unknown: same(many(() => frame(0x42, 0, 0))),
};
const CLIENT: Readonly<Record<string, Flood>> = {
  ...BESIDE,
  reset: {
    piece: (round) => many((i) => Buffer.concat([headers(idOf(round, i), ASK), reset(idOf(round, i), 8)])),
  },
  continuation: {
    start: frame(FRAME.headers, 0, 1, block(ASK)),
    piece: () => many(() => frame(FRAME.continuation, 0, 1, Buffer.alloc(1_000, 'x'))),
  },
  'empty-continuation': {
    start: frame(FRAME.headers, 0, 1, block(ASK)),
    piece: () => many(() => frame(FRAME.continuation, 0, 1)),
  },
  'empty-data': { start: headers(1, SEND, 4), piece: () => many(() => data(1, '')) },
  'crumbs-of-data': { start: headers(1, SEND, 4), piece: () => many(() => data(1, 'x')) },
  'slow-data': {
    start: Buffer.concat(Array.from({ length: 100 }, (_, i) => headers(i * 2 + 1, SEND, 4))),
    piece: (round) => data((round % 100) * 2 + 1, 'x'),
    everyMs: 20,
  },
  'hpack-bomb': {
    piece: (round) =>
      Buffer.concat(
        Array.from({ length: 4 }, (_, i) =>
          frame(FRAME.headers, 5, (round * 4 + i) * 2 + 1, Buffer.concat([block(ASK), BOMB])),
        ),
      ),
  },
  'many-fields': {
    piece: (round) =>
      headers(round * 2 + 1, [...ASK, ...Array.from({ length: 400 }, (_, i) => [`x-${i}`, 'v'] as const)]),
  },
  'zero-window': {
    start: Buffer.concat([
      settings([SETTING.initialWindowSize, 0]),
      ...Array.from({ length: 100 }, (_, i) => headers(i * 2 + 1, forHost(GET, '/65536'))),
    ]),
    piece: () => ping(),
    everyMs: 100,
  },
  'half-open': {
    start: Buffer.concat(Array.from({ length: 300 }, (_, i) => headers(i * 2 + 1, SEND, 4))),
    piece: () => ping(),
    everyMs: 100,
  },
};
const OK: Fields = [[':status', '200']];
const UPSTREAM: Readonly<Record<string, Flood>> = {
  ...BESIDE,
  reset: same(many(() => reset(1, 8))),
  continuation: {
    start: frame(FRAME.headers, 0, 1, block(OK)),
    piece: () => many(() => frame(FRAME.continuation, 0, 1, Buffer.alloc(1_000, 'x'))),
  },
  'empty-data': { start: headers(1, OK, 4), piece: () => many(() => data(1, '')) },
  'crumbs-of-data': { start: headers(1, OK, 4), piece: () => many(() => data(1, 'x')) },
  'hpack-bomb': { piece: () => frame(FRAME.headers, 5, 1, Buffer.concat([block(OK), BOMB])) },
  interim: same(many(() => headers(1, [[':status', '103']], 4))),
};

const options = JSON.parse(process.argv[2] ?? '{}') as FloodOptions;
const flood = (options.side === 'client' ? CLIENT : UPSTREAM)[options.kind]!;
const did = { connections: 0, bytes: 0 };
let isOver = false;

/** Floods until the other side has enough. */
function run(socket: Socket): void {
  let round = 0;
  const send = (bytes: Buffer): boolean => {
    did.bytes += bytes.length;
    return socket.write(bytes);
  };
  const more = (): void => {
    if (socket.destroyed || socket.writableEnded || isOver) return;
    const isTaken = send(flood.piece(round++));
    if (flood.everyMs !== undefined) setTimeout(more, flood.everyMs);
    else if (isTaken) setImmediate(more);
    else socket.once('drain', more);
  };
  did.connections++;
  if (flood.start !== undefined) send(flood.start);
  more();
}

function floodServer(): void {
  const socket = connect({ host: '127.0.0.1', port: options.port, noDelay: true });
  socket.on('connect', () => {
    socket.write(Buffer.concat([PREFACE, settings()]));
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
