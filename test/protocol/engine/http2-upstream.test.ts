import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  block,
  data,
  frame,
  goaway,
  headers,
  ping,
  reset,
  settings,
  windowUpdate,
  word,
} from '../../../src/proxy/http2/testing.ts';
import { FRAME, SETTING } from '../../../src/proxy/http2/wire-codes.ts';
import { plainWire } from '../../../src/proxy/upstream/wire-key.ts';
import { Recorder, requestOf } from '../../contract/wire/recorder.ts';
import type { FixedRouterOptions } from './fixed-router.ts';
import { Bench, type Client, type Engine, eventually } from './harness.ts';
import { rawHttp2, type RawConnection, type RawServer } from './raw-http2.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const OK = [[':status', '200']] as const;
const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody';

async function served(servers: readonly RawServer[], options: FixedRouterOptions = {}): Promise<Engine> {
  const endpoints = servers.map(({ endpoint }) => endpoint);
  return bench.engine({ endpoints, wire: plainWire('h2'), retry: { tries: 1 }, ...options });
}

async function ask(engine: Engine, text = GET): Promise<Client> {
  const client = await engine.connect();
  client.send(text);
  return client;
}

const answer = (connection: RawConnection, id: number): void =>
  connection.send(headers(id, [...OK, ['content-length', '2']], 4), data(id, 'ok', 1));

describe('a server that misbehaves', () => {
  for (const { name, send, goaway: code = undefined, counted = 'malformed', told = [] } of [
    { name: 'a frame that cannot be', send: () => frame(FRAME.ping, 0, 0, 'short'), goaway: 6 },
    { name: 'a frame that is too large', send: () => frame(FRAME.data, 0, 1, '', 1 << 20), goaway: 6 },
    { name: 'DATA on a stream that was never opened', send: () => data(99, 'x'), goaway: 1 },
    { name: 'a pushed response', send: (id: number) => frame(FRAME.pushPromise, 4, id, word(2)), goaway: 1 },
    {
      name: 'a block that does not decode',
      send: (id: number) => frame(FRAME.headers, 5, id, Buffer.from([0x80])),
      goaway: 9,
    },
    {
      name: 'a block without end',
      send: (id: number) =>
        Buffer.concat([
          frame(FRAME.headers, 0, id, block(OK)),
          ...Array.from({ length: 40 }, () => frame(FRAME.continuation, 0, id, Buffer.alloc(16_000))),
        ]),
      goaway: 11,
      counted: 'header-block',
    },
    {
      name: 'a block in crumbs',
      send: (id: number) =>
        Buffer.concat([
          frame(FRAME.headers, 0, id, block(OK)),
          ...Array.from({ length: 2_000 }, () => frame(FRAME.continuation, 0, id, Buffer.alloc(1))),
        ]),
      goaway: 11,
      counted: 'header-block',
    },
    {
      name: 'pings without end',
      send: () => Buffer.concat(Array.from({ length: 6_000 }, () => ping())),
      goaway: 11,
      counted: 'ping',
    },
    {
      name: 'settings without end',
      send: () => Buffer.concat(Array.from({ length: 200 }, () => settings())),
      goaway: 11,
      counted: 'settings',
    },
    {
      name: 'priorities without end',
      send: () =>
        Buffer.concat(Array.from({ length: 600 }, () => frame(FRAME.priority, 0, 1, Buffer.alloc(5)))),
      goaway: 11,
      counted: 'priority',
    },
    {
      name: 'windows without end',
      send: () => Buffer.concat(Array.from({ length: 40_000 }, () => windowUpdate(0, 1))),
      goaway: 11,
      counted: 'window-update',
    },
    {
      name: 'good-byes without end',
      send: () => Buffer.concat(Array.from({ length: 200 }, () => goaway(0x7fff_ffff, 0))),
      goaway: 11,
      counted: 'goaway',
    },
    {
      name: 'resets without end',
      send: (id: number) => Buffer.concat(Array.from({ length: 2_100 }, () => reset(id, 2))),
      goaway: 11,
      counted: 'reset',
    },
    {
      name: 'frames that nobody knows, without end',
      send: () => Buffer.concat(Array.from({ length: 1_100 }, () => frame(0x42, 0, 0))),
      goaway: 11,
      counted: 'unknown-frame',
    },
    {
      name: 'empty frames without end',
      send: (id: number) =>
        Buffer.concat([headers(id, OK, 4), ...Array.from({ length: 1_200 }, () => data(id, ''))]),
      goaway: 11,
      counted: 'empty-frame',
    },
    { name: 'a window that overflows', send: () => windowUpdate(0, 0x7fff_ffff), goaway: 3 },
    {
      name: 'a body without a head',
      send: (id: number) => data(id, 'HTTP/1.1 200 OK\r\n\r\n', 1),
      told: ['reset 1 1'],
    },
    { name: 'no status', send: (id: number) => headers(id, [['x', '1']]), told: ['reset 1 1'] },
    { name: '101', send: (id: number) => headers(id, [[':status', '101']], 4), told: ['reset 1 1'] },
    {
      name: 'a line break in a value',
      send: (id: number) => headers(id, [...OK, ['x', 'a\r\nb: c']]),
      told: ['reset 1 1'],
    },
    {
      name: 'fewer bytes than declared, at once',
      send: (id: number) => headers(id, [...OK, ['content-length', '3']], 5),
      told: ['reset 1 1'],
    },
    {
      name: 'a head beyond the limit of the route',
      send: (id: number) => headers(id, [...OK, ['x', 'y'.repeat(5_000)]]),
      told: ['reset 1 8'],
    },
    {
      name: 'interim responses without end',
      send: (id: number) =>
        Buffer.concat(Array.from({ length: 40 }, () => headers(id, [[':status', '103']], 4))),
      told: ['reset 1 8'],
    },
    { name: 'a reset', send: (id: number) => reset(id, 2) },
  ] as const) {
    test(`${name}: its call fails, and the next one gets its answer`, async () => {
      const server = await rawHttp2(bench, (connection, id, index) => {
        if (index === 0) connection.send(send(id));
        else answer(connection, id);
      });
      const engine = await served([server]);
      const client = await ask(engine);
      await engine.logged(1);
      await client.until((text) => text.includes('HTTP/1.1 502 '));
      const [connection] = server.connections;
      if (code !== undefined) await eventually(() => connection!.told.includes(`goaway ${code}`));
      for (const line of told) await eventually(() => connection!.told.includes(line));
      expect((await (await ask(engine)).response()).startsWith('HTTP/1.1 200 ')).toBe(true);
      expect(server.connections.length).toBe(code === undefined ? 1 : 2);
      expect(engine.oddities.http2Ended).toEqual(code === undefined ? undefined : [`upstream ${counted}`]);
      expect(engine.faults).toEqual([]);
      expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    });
  }

  test('more bytes than declared make no response', async () => {
    const server = await rawHttp2(bench, (connection, id) =>
      connection.send(headers(id, [...OK, ['content-length', '3']], 4), data(id, 'abcd', 1)),
    );
    const engine = await served([server]);
    const client = await ask(engine);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
    expect(engine.router.endpoints[0]!.outcomes).toEqual(['bad-response']);
  });

  test('one call that fails leaves the others of its connection as they are', async () => {
    const waiting: (() => void)[] = [];
    const server = await rawHttp2(bench, (connection, id, index) => {
      if (index === 1) connection.send(headers(id, [['x', '1']]));
      else waiting.push(() => answer(connection, id));
    });
    const engine = await served([server]);
    const first = await ask(engine);
    await eventually(() => waiting.length === 1);
    const bad = await ask(engine);
    expect(await bad.response()).toMatch(/^HTTP\/1\.1 502 /);
    waiting[0]!();
    expect(await first.response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(server.connections).toHaveLength(1);
  });

  test('what speaks HTTP/1.1 is known before anything was sent: another endpoint is asked', async () => {
    const http1 = await bench.upstream((socket) => {
      socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
    });
    const good = await rawHttp2(bench, answer);
    const engine = await bench.engine({
      endpoints: [http1, good.endpoint],
      wire: plainWire('h2'),
      retry: { conditions: ['error', 'invalid_header'] },
    });
    const client = await ask(engine, POST);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(engine.log[0]!.upstreamStatus).toEqual([502, 200]);
  });

  test('one that says nothing is a connect timeout', async () => {
    const server = await rawHttp2(bench, answer, () => {});
    const engine = await served([server], { timeouts: { connectTimeoutMs: 50 } });
    const client = await ask(engine);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 504 /);
    expect(engine.router.endpoints[0]!.outcomes).toEqual(['connect-failed']);
    await eventually(() => server.connections[0]!.isClosed);
  });

  test('a connection on which a call waited in vain gets no other', async () => {
    const server = await rawHttp2(bench, (connection, id, index) => {
      if (index > 0) answer(connection, id);
    });
    const engine = await served([server], { timeouts: { readTimeoutMs: 50 } });
    expect(await (await ask(engine)).response()).toMatch(/^HTTP\/1\.1 504 /);
    expect(await (await ask(engine)).response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(server.connections).toHaveLength(2);
    expect(server.connections[0]!.told[0]).toBe('reset 1 8');
  });

  test('one that leaves at every connection is asked a bounded number of times', async () => {
    const server = await rawHttp2(bench, answer, (connection) => connection.send(settings(), goaway(0, 0)));
    const engine = await served([server], { retry: { tries: 3 } });
    expect(await (await ask(engine, POST)).response()).toMatch(/^HTTP\/1\.1 502 /);
    expect(server.connections.length).toBeLessThan(20);
    await eventually(() => server.connections.every(({ isClosed }) => isClosed));
  });
});

describe('GOAWAY', () => {
  test('what it left untouched is sent again, a POST too; what it took is answered', async () => {
    const ids: [RawConnection, number][] = [];
    const server = await rawHttp2(bench, (connection, id) => {
      ids.push([connection, id]);
      if (ids.length === 2) ids[0]![0].send(goaway(ids[0]![1], 0));
      if (ids.length === 3) {
        answer(...ids[2]!);
        answer(...ids[0]!);
      }
    });
    const engine = await served([server], { retry: { tries: 3 } });
    const first = await ask(engine, POST);
    await eventually(() => ids.length === 1);
    const second = await ask(engine, POST);
    expect(await first.response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(await second.response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(server.connections).toHaveLength(2);
    await eventually(() => server.connections[0]!.isClosed);
    expect(engine.log.map(({ upstreamStatus }) => upstreamStatus.length).toSorted()).toEqual([1, 2]);
  });

  test('a stream that was refused is sent again, one that was touched is not', async () => {
    for (const [code, status] of [
      [7, 200],
      [2, 502],
    ] as const) {
      const server = await rawHttp2(bench, (connection, id, index) => {
        if (index === 0) connection.send(reset(id, code));
        else answer(connection, id);
      });
      const engine = await served([server], { retry: { tries: 3 } });
      expect(await (await ask(engine, POST)).response()).toContain(`HTTP/1.1 ${status} `);
    }
  });

  test('one that crosses a request on a connection that rested does not count as a try', async () => {
    const server = await rawHttp2(bench, (connection, id, index) => {
      if (index === 1) connection.send(goaway(1, 0));
      else answer(connection, id);
    });
    const engine = await served([server], { retry: { tries: 1 } });
    expect(await (await ask(engine)).response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(await (await ask(engine, POST)).response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(server.connections).toHaveLength(2);
  });
});

describe('what the server takes', () => {
  test('requests beyond it go by further connections, those that came while connecting too', async () => {
    const ids: [RawConnection, number][] = [];
    const server = await rawHttp2(
      bench,
      (connection, id) => void ids.push([connection, id]),
      (connection) => connection.send(settings([SETTING.maxConcurrentStreams, 2])),
    );
    const engine = await served([server]);
    const clients = await Promise.all(Array.from({ length: 7 }, () => ask(engine)));
    await eventually(() => ids.length === 7);
    expect(server.connections).toHaveLength(4);
    for (const one of ids) answer(...one);
    for (const client of clients) expect(await client.response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(engine.router.endpoints[0]!.outcomes).toEqual(Array.from({ length: 7 }, () => 'ok'));
  });

  test('a server that takes none yet is waited for, as long as connecting may take', async () => {
    const server = await rawHttp2(bench, answer, (connection) =>
      connection.send(settings([SETTING.maxConcurrentStreams, 0])),
    );
    const engine = await served([server]);
    const client = await ask(engine);
    await eventually(() => server.connections.length === 1);
    server.connections[0]!.send(settings([SETTING.maxConcurrentStreams, 1]));
    expect(await client.response()).toMatch(/^HTTP\/1\.1 200 /);
    const late = await served([server], { timeouts: { connectTimeoutMs: 50 } });
    expect(await (await ask(late)).response()).toMatch(/^HTTP\/1\.1 504 /);
  });

  test('an endpoint that is removed keeps what is under way, and its connection ends with it', async () => {
    const waiting: (() => void)[] = [];
    const server = await rawHttp2(bench, (connection, id) => void waiting.push(() => answer(connection, id)));
    const engine = await served([server]);
    const client = await ask(engine);
    await eventually(() => waiting.length === 1);
    const [endpoint] = engine.router.endpoints;
    endpoint!.isRemoved = true;
    for (const pool of endpoint!.pools.values()) pool.destroy();
    waiting[0]!();
    expect(await client.response()).toMatch(/^HTTP\/1\.1 200 /);
    await eventually(() => server.connections[0]!.isClosed);
    expect(server.connections[0]!.told).toContain('goaway 0');
  });
});

describe('a server that holds what it has', () => {
  test('one whose windows are closed gets no upload: the client is held back, and answered when its time is over', async () => {
    const server = await rawHttp2(
      bench,
      () => {},
      (connection) => connection.send(settings([SETTING.initialWindowSize, 0])),
    );
    const engine = await served([server], {
      body: { isRequestBuffered: false, maxBodyBytes: 0 },
      timeouts: { sendTimeoutMs: 300 },
      retry: { tries: 1 },
    });
    const client = await engine.connect();
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 50000000\r\n\r\n');
    const isTaken = client.socket.write(Buffer.alloc(50_000_000));
    expect(await client.response()).toMatch(/^HTTP\/1\.1 504 /);
    expect(isTaken).toBe(false);
    // What the kernel and one read hold, and not the rest.
    expect(client.socket.writableLength).toBeGreaterThan(30_000_000);
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    expect(engine.context.bodies.budget.memoryBytes).toBe(0);
  });

  test('heads of requests that clients give up do not pile up for one that does not read', async () => {
    const server = await rawHttp2(bench, (connection) => connection.pause());
    const engine = await served([server]);
    await ask(engine);
    await eventually(() => server.connections.length === 1);
    const [endpoint] = engine.router.endpoints;
    const fields = Array.from({ length: 4 }, (_, i) => `X-${i}: ${'v'.repeat(7_000)}\r\n`).join('');
    // The kernel takes some megabytes of them before anything waits here.
    for (let i = 0; i < 600 && server.connections.length < 3; i++) {
      const client = await ask(engine, `GET / HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n`);
      await eventually(() => endpoint!.inFlight === 2);
      client.socket.resetAndDestroy();
      await engine.logged(i + 1);
    }
    expect(server.connections.length).toBe(3);
    expect(engine.faults).toEqual([]);
  });

  test('requests that wait for a place and are given up make none', async () => {
    const asked: number[] = [];
    const server = await rawHttp2(
      bench,
      (_connection, id) => asked.push(id),
      () => {},
    );
    const engine = await served([server]);
    const clients = await Promise.all(Array.from({ length: 6 }, () => ask(engine)));
    await eventually(
      () => engine.router.endpoints[0]!.inFlight === clients.length && server.connections.length === 1,
    );
    const [connection] = server.connections as [RawConnection];
    const say = async (most: number) => {
      const told = connection.told.length;
      connection.send(settings([SETTING.maxConcurrentStreams, most]), ping());
      await eventually(() => connection.told.length > told);
    };
    await say(0);
    for (const client of clients.slice(3)) client.socket.resetAndDestroy();
    await engine.logged(3);
    await say(1);
    await say(1);
    expect(asked).toEqual([1]);
  });

  test('answers that do not go on end one by one, and leave their connection to others', async () => {
    const server = await rawHttp2(bench, (connection, id, index) => {
      if (index < 50) connection.send(headers(id, OK, 4), data(id, 'x'));
      else answer(connection, id);
    });
    const engine = await served([server], { timeouts: { readTimeoutMs: 300 } });
    const clients = await Promise.all(Array.from({ length: 50 }, () => ask(engine)));
    await eventually(() => engine.router.endpoints[0]!.inFlight === 50);
    expect(await (await ask(engine)).response()).toMatch(/^HTTP\/1\.1 200 /);
    for (const client of clients) await client.ended();
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    const [{ told }] = server.connections as [RawConnection];
    await eventually(() => told.filter((line) => /^reset \d+ 8$/.test(line)).length === 50);
  });
});

test('a response that was complete before its stream was reset is handed over as a whole', async () => {
  const server = await rawHttp2(bench, (connection, id) => connection.send(headers(id, OK, 4)));
  const { context, router } = await served([server]);
  const recorder = new Recorder();
  recorder.stream = context.pools
    .poolOf(router.endpoints[0]!, plainWire('h2'))
    .acquire(recorder, false, 5_000);
  await recorder.until(({ isReady }) => isReady);
  recorder.call((stream) => {
    stream.sendHead(requestOf({ method: 'POST', hasBody: true }));
    stream.send([Buffer.from('part')], 4, false);
  });
  await recorder.until(({ status }) => status === 200);
  recorder.call((stream) => stream.pause());
  // The connection ends, too.
  server.connections[0]!.send(data(1, 'all', 1), reset(1, 0));
  server.connections[0]!.end();
  await eventually(() => server.connections[0]!.isClosed);
  expect([recorder.body, recorder.isEnded, recorder.failure]).toEqual(['', false, undefined]);
  recorder.call((stream) => stream.resume());
  await recorder.until(({ isEnded }) => isEnded);
  expect(recorder.body).toBe('all');
});

test('clients that read nothing do not keep others from their responses', async () => {
  const big = Buffer.alloc(16_384, 'x');
  const server = await rawHttp2(bench, (connection, id, index) => {
    if (index < 8) {
      // As much as windows of streams let through before anything is read.
      connection.send(headers(id, OK, 4), ...Array.from({ length: 3 }, () => data(id, big)));
    } else {
      answer(connection, id);
    }
  });
  const engine = await served([server]);
  const slow = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const socket = await bench.open(engine.port);
      socket.pause();
      socket.write(GET);
      return socket;
    }),
  );
  await eventually(() => engine.router.endpoints[0]!.inFlight === 8);
  expect(await (await ask(engine)).response()).toMatch(/^HTTP\/1\.1 200 /);
  expect(server.connections).toHaveLength(1);
  for (const socket of slow) socket.resetAndDestroy();
  await eventually(() => engine.router.endpoints[0]!.inFlight === 0);
});

test('fields of a try that was given up are not those that its wire reads next', async () => {
  const seen: string[] = [];
  let asked = 0;
  const server = await rawHttp2(bench, (connection, id, index) => {
    asked++;
    if (index === 0)
      connection.send(
        headers(
          id,
          [
            [':status', '503'],
            ['x-token', 'first'],
          ],
          5,
        ),
      );
    else if (index > 1) connection.send(headers(id, [...OK, ['x-token', `of ${index}`]], 4), data(id, 'o'));
  });
  const engine = await served([server], {
    filters: [
      { onDone: (exchange) => void seen.push(`${exchange.path} ${exchange.responseHeader('x-token')}`) },
    ],
    timeouts: { readTimeoutMs: 300 },
    retry: { tries: 2, conditions: ['error', 'http_503'] },
  });
  const first = await ask(engine, 'GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n');
  await eventually(() => asked === 2);
  for (let i = 0; i < 6; i++) await (await ask(engine)).until((text) => text.includes('\r\n\r\n'));
  expect(await first.response()).toMatch(/^HTTP\/1\.1 504 /);
  expect(seen).toContain('/first undefined');
});
