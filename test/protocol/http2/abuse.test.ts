import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  block,
  data,
  frame,
  GET,
  goaway,
  headers,
  ping,
  POST,
  reset,
  settings,
  windowUpdate,
} from '../../../src/proxy/http2/testing.ts';
import { FRAME, SETTING } from '../../../src/proxy/http2/wire-codes.ts';
import { Bench, type Engine, eventually, OK } from '../engine/harness.ts';
import { connectRaw, type RawHttp2Client } from './raw-client.ts';

/*
 * Clients that cost more than they pay, through the engine: the connection ends with its code and is counted, nothing is left of it, and
 * another client is answered all the while. The bounds of each flood are those of src/proxy/http2/session.test.ts.
 */

let bench: Bench;
let engine: Engine;
const clients: RawHttp2Client[] = [];
/** Requests that upstreams have, and that were not taken back. */
let open = 0;

beforeEach(async () => {
  bench = new Bench();
  open = 0;
  const endpoint = await bench.upstream((socket) => {
    socket.on('data', (chunk: Buffer) => {
      if (chunk.toString('latin1').startsWith('GET /quick ')) socket.write(OK);
      else open++;
    });
    socket.on('close', () => (open = Math.max(0, open - 1)));
  });
  engine = await bench.engine({
    endpoints: [endpoint],
    body: { isRequestBuffered: false, maxBodyBytes: 0 },
    settings: { bodyTimeoutMs: 1_000 },
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await bench.close();
  expect(engine.faults).toEqual([]);
});

async function connected(start = settings()): Promise<RawHttp2Client> {
  const client = await connectRaw(engine.port, start);
  clients.push(client);
  return client;
}

const QUICK = [...GET.slice(0, 3), [':path', '/quick']] as const;

/** One field of 4,000 octets, and 12,000 times the same again. */
const BOMB = Buffer.concat([
  block(GET),
  Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
  Buffer.alloc(4_000, 'x'),
  Buffer.alloc(12_000, 0xbe),
]);

/** Another client's requests, one after another; answers how many were answered. */
async function askMeanwhile(isOver: () => boolean): Promise<number> {
  const other = await connected();
  let id = 1;
  for (; !isOver(); id += 2) {
    other.send(headers(id, QUICK));
    await other.until(new RegExp(`^data ${id} "ok" end`));
  }
  return (id - 1) / 2;
}

for (const { name, cause, bytes } of [
  {
    name: 'streams that are opened and reset',
    cause: 'reset',
    bytes: (i: number) => [headers(i * 2 + 1, GET), reset(i * 2 + 1, 8)],
  },
  {
    name: 'streams that it makes us reset',
    cause: 'stream-error',
    bytes: (i: number) => [headers(i * 2 + 1, GET), windowUpdate(i * 2 + 1, 0)],
  },
  { name: 'PING', cause: 'ping', bytes: () => [ping()] },
  { name: 'SETTINGS', cause: 'settings', bytes: () => [settings([SETTING.initialWindowSize, 1])] },
  { name: 'PRIORITY', cause: 'priority', bytes: () => [frame(FRAME.priority, 0, 1, Buffer.alloc(5))] },
  { name: 'WINDOW_UPDATE', cause: 'window-update', bytes: () => [windowUpdate(0, 1)] },
  {
    name: 'empty DATA',
    cause: 'empty-frame',
    bytes: (i: number) => [i === 0 ? headers(1, POST, 4) : data(1, '')],
  },
  {
    name: 'CONTINUATION without end',
    cause: 'header-block',
    bytes: (i: number) => [
      i === 0 ? frame(FRAME.headers, 0, 1, block(GET)) : frame(FRAME.continuation, 0, 1, 'x'.repeat(1_000)),
    ],
  },
  {
    name: 'CONTINUATION of nothing, without end',
    cause: 'header-block',
    bytes: (i: number) => [
      i === 0 ? frame(FRAME.headers, 0, 1, block(GET)) : frame(FRAME.continuation, 0, 1),
    ],
  },
  {
    name: 'SETTINGS of many values',
    cause: 'settings',
    bytes: () => [
      settings(...Array.from({ length: 500 }, (_, i) => [SETTING.initialWindowSize, i] as const)),
    ],
  },
  {
    name: 'heads that stand for much',
    cause: 'stream-error',
    bytes: (i: number) => [frame(FRAME.headers, 5, i * 2 + 1, BOMB)],
  },
  { name: 'GOAWAY', cause: 'goaway', bytes: () => [goaway(0, 0)] },
  { name: 'frames that nobody knows', cause: 'unknown-frame', bytes: () => [frame(0x42, 0, 0)] },
] as const) {
  test(`${name}: the connection ends, and others are served`, async () => {
    const client = await connected();
    const isOver = (): boolean => client.lines.some((line) => line.startsWith('goaway'));
    const answered = askMeanwhile(isOver);
    for (let i = 0; i < 5_000 && !isOver(); i++) {
      client.send(...bytes(i));
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.until(/^goaway/)).toMatch(/ enhanceYourCalm$/);
    expect(await answered).toBeGreaterThan(0);
    expect(engine.oddities.http2Ended).toEqual([cause]);
    client.socket.destroy();
    await eventually(() => engine.router.endpoints[0]!.inFlight === 0);
    await eventually(() => engine.context.bodies.budget.memoryBytes === 0);
  });
}

describe('what is slow', () => {
  test('windows of nothing hold back what upstreams send', async () => {
    let sent = 0;
    const endpoint = await bench.upstream((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n');
        const piece = Buffer.alloc(65_536, 'x');
        const more = (): void => {
          while (socket.write(piece)) sent += piece.length;
        };
        socket.on('drain', more);
        more();
      });
    });
    engine = await bench.engine({ endpoints: [endpoint] });
    const client = await connected(settings([SETTING.initialWindowSize, 0]));
    client.send(headers(1, GET));
    await client.until(/^headers 1 /);
    let last = -1;
    // What the kernel holds between the upstream and us is all that it can send.
    for (let same = 0; same < 50; same = sent === last ? same + 1 : 0) {
      last = sent;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent).toBeLessThan(32_000_000);
    client.send(reset(1, 8));
    await engine.logged(1);
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
  });

  test('streams that are opened and left hold no more than their limit, and end with their connection', async () => {
    const client = await connected();
    for (let i = 0; i < 200; i++) client.send(headers(i * 2 + 1, POST, 4));
    await client.until(/^reset 399 refusedStream/);
    expect(client.lines.filter((line) => /^reset \d+ refusedStream/.test(line)).length).toBe(72);
    client.socket.destroy();
    await engine.logged(128);
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
  });

  test('a head that stands for much is refused before it is much', async () => {
    const client = await connected();
    client.send(frame(FRAME.headers, 5, 1, BOMB));
    expect(await client.until(/^headers 1 /)).toContain('{:status: 400, ');
  });
});
