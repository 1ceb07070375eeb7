/* Floods of HTTP/2, by who floods: what `http2-flooder.ts` sends. */
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
  word,
} from '../src/proxy/http2/testing.ts';
import { FRAME, SETTING } from '../src/proxy/http2/wire-codes.ts';

/** Frames of one flood: `start` for each connection, and `piece` again and again. */
export interface Flood {
  readonly start?: Buffer;
  piece(round: number): Buffer;
  /** Milliseconds between pieces; otherwise as many as are taken. */
  readonly everyMs?: number;
  /** Requests of a piece: the next one follows when all of them are answered, as the protocol has it. */
  readonly requests?: number;
  /** Speaks HTTP/1.1. */
  readonly isHttp1?: boolean;
}

const PIECES = 200;
const many = (make: (i: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: PIECES }, (_, i) => make(i)));
const idOf = (round: number, i: number): number => (round * PIECES + i) * 2 + 1;
const forHost = (fields: Fields, path = '/512'): Fields =>
  fields.map(([name, value]) => [
    name,
    name === ':authority' ? 'flooded.test' : name === ':path' ? path : value,
  ]);
const ASK = forHost(GET);
const SEND = forHost(POST);
const same = (bytes: Buffer): Flood => ({ piece: () => bytes });
const BOMB = Buffer.concat([
  Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
  Buffer.alloc(4_000, 'x'),
  Buffer.alloc(12_000, 0xbe),
]);
const WIDE = windowUpdate(0, 0x7fff_0000);
/** As many requests at a time as a connection may have, each of which costs as much as is allowed. */
function dear(make: (i: number) => Buffer, start: Buffer = WIDE): Flood {
  const requests = 100;
  return {
    start,
    requests,
    piece: (round) =>
      Buffer.concat(
        Array.from({ length: requests }, (_, i) =>
          frame(FRAME.headers, 5, (round * requests + i) * 2 + 1, Buffer.concat([block(ASK), make(i)])),
        ),
      ),
  };
}
const fields = (count: number, make: (i: number) => readonly [string, string]): Buffer =>
  block(Array.from({ length: count }, (_, i) => make(i)));
const text = (value: string): Buffer => Buffer.from(value, 'latin1');
/** A WebSocket message of one octet, masked with nothing. */
const MESSAGE = Buffer.from([0x82, 0x81, 0, 0, 0, 0, 0x78]);
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
  requests: dear(() => Buffer.alloc(0)),
  'dear-fields': dear(() => fields(400, (i) => [`x-${i}`, 'v'])),
  // An octet each: a field that the table has.
  'indexed-fields': dear(() => Buffer.concat([text('\x40\x01x\x01v'), Buffer.alloc(900, 0xbe)])),
  'same-fields': dear(() => fields(900, () => ['accept', 'v'])),
  'cookie-crumbs': dear(() => fields(900, (i) => ['cookie', `${i}=v`])),
  // 5 bits stand for a character (RFC 7541 §5.2).
  huffman: dear(() =>
    Buffer.concat(
      Array.from({ length: 3 }, () => Buffer.concat([text('\x00\x01x\xff\x89\x26'), Buffer.alloc(5_000, 0)])),
    ),
  ),
  'reset-all': {
    piece: (round) =>
      Buffer.concat([
        ...Array.from({ length: 100 }, (_, i) => headers((round * 100 + i) * 2 + 1, ASK)),
        ...Array.from({ length: 100 }, (_, i) => reset((round * 100 + i) * 2 + 1, 8)),
      ]),
    everyMs: 50,
  },
  'priority-update': {
    start: Buffer.concat([
      settings([SETTING.initialWindowSize, 0]),
      ...Array.from({ length: 100 }, (_, i) => headers(i * 2 + 1, ASK)),
    ]),
    piece: (round) =>
      many((i) =>
        frame(FRAME.priorityUpdate, 0, 0, Buffer.concat([word((i % 100) * 2 + 1), text(`u=${round % 7}`)])),
      ),
  },
  // Answers of 64 KiB each wait for a window that opens for all of them at once.
  'windows-open': {
    piece: (round) =>
      round % 2 === 0
        ? Buffer.concat([
            settings([SETTING.initialWindowSize, 0]),
            ...Array.from({ length: 100 }, (_, i) =>
              headers(((round / 2) * 100 + i) * 2 + 1, forHost(GET, '/65536')),
            ),
          ])
        : Buffer.concat([windowUpdate(0, 6_553_600), settings([SETTING.initialWindowSize, 65_536])]),
    everyMs: 200,
  },
  'crumbs-of-window': {
    start: Buffer.concat([
      settings([SETTING.initialWindowSize, 0]),
      ...Array.from({ length: 100 }, (_, i) => headers(i * 2 + 1, forHost(GET, '/65536'))),
    ]),
    piece: () => many((i) => windowUpdate((i % 100) * 2 + 1, 1)),
  },
  'tunnel-crumbs': {
    start: headers(
      1,
      [
        [':method', 'CONNECT'],
        [':protocol', 'websocket'],
        [':scheme', 'http'],
        [':authority', 'flooded.test'],
        [':path', '/ws'],
        ['sec-websocket-version', '13'],
      ],
      4,
    ),
    piece: (round) =>
      many((i) => data(1, MESSAGE.subarray((round * PIECES + i) % 7, ((round * PIECES + i) % 7) + 1))),
  },
  'http1-pipeline': {
    isHttp1: true,
    piece: () => many(() => text('GET /512 HTTP/1.1\r\nHost: flooded.test\r\n\r\n')),
  },
  // Answered without an upstream.
  'http1-own-answers': {
    isHttp1: true,
    piece: () => many(() => text('GET / HTTP/1.1\r\nHost: a\r\n\r\n')),
  },
  'http1-chunks': {
    isHttp1: true,
    start: text('POST /512 HTTP/1.1\r\nHost: flooded.test\r\nTransfer-Encoding: chunked\r\n\r\n'),
    piece: () => many(() => text('1\r\nx\r\n')),
  },
  'http1-fields': {
    isHttp1: true,
    piece: () => text(`GET / HTTP/1.1\r\nHost: a\r\n${'x: v\r\n'.repeat(900)}\r\n`),
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

export const FLOODS = { client: CLIENT, upstream: UPSTREAM };
