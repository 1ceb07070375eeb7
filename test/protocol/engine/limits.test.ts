import { once } from 'node:events';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WAITS } from '../../../src/proxy/exchange/client-waits.ts';
import type { Filter } from '../../../src/features/kit/filter.ts';
import { data, headers, reset } from '../../../src/proxy/http2/testing.ts';
import { plainWire } from '../../../src/proxy/upstream/wire-key.ts';
import { rawHttp2 } from './raw-http2.ts';
import { Bench, type Engine, eventually, GET, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** What the bench's timers count in. */
const TICK_MS = 5;

describe('slow clients', () => {
  test('a head that does not come in time is a 408, and the bytes of it are no request', async () => {
    const engine = await bench.engine({ settings: { headerTimeoutMs: 40 } });
    const client = await engine.connect();
    const trickle = setInterval(() => client.send('X'), 5);
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\nA: ');
    const text = await client.ended();
    clearInterval(trickle);
    expect(text).toMatch(/^HTTP\/1\.1 408 Request Time-out\r\n[^]*Connection: close\r\n/);
    expect(engine.log[0]).toMatchObject({ status: 408, upstreamName: '', requestLine: '' });
  });

  test('a connection that never sends is closed without a word', async () => {
    const engine = await bench.engine({ settings: { headerTimeoutMs: 30 } });
    const client = await engine.connect();
    expect(await client.ended()).toBe('');
    expect(engine.log).toEqual([]);
  });

  test('an idle connection is closed after the keep-alive time', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: { keepAliveTimeoutMs: 30 },
    });
    const client = await engine.connect();
    client.send(GET);
    await client.response();
    expect(await client.ended()).toBe('');
    expect(engine.log.length).toBe(1);
  });

  for (const length of [100, 100_000]) {
    test(`a body of ${length} that stops is a 408`, async () => {
      const upstream = await bench.upstream((socket) => socket.on('data', () => {}));
      const engine = await bench.engine({ endpoints: [upstream], settings: { bodyTimeoutMs: 30 } });
      const client = await engine.connect();
      client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${length}\r\n\r\nabc`);
      expect(await client.ended()).toMatch(/^HTTP\/1\.1 408 [^]*Connection: close\r\n/);
      expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    });
  }

  test('a body that trickles in is a 408 once it had its time, where a least rate is asked for', async () => {
    const upstream = await bench.upstream((socket) => socket.on('data', () => {}));
    const engine = await bench.engine({
      endpoints: [upstream],
      settings: { bodyTimeoutMs: 60, minBodyBytesPerSecond: 500 },
    });
    const client = await engine.connect();
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000\r\n\r\n');
    const trickle = setInterval(() => client.send('x'), 10);
    const text = await client.ended();
    clearInterval(trickle);
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('while the client sends its body the upstream may be silent', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      timeouts: { readTimeoutMs: 60 },
      body: { isRequestBuffered: false },
    });
    const client = await engine.connect();
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 30\r\n\r\n');
    for (let i = 0; i < 30; i++) {
      client.send('x');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await client.response()).toContain('200 OK');
  });

  test('a client that lingers behind its last answer is cut', async () => {
    const engine = await bench.engine();
    const client = await engine.connect();
    client.send('BAD\r\n\r\n');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 400 /);
    client.send('x'.repeat(1000));
    engine.context.timers.advance(1_002);
    await eventually(() => client.isClosed || engine.context.connections.size === 0);
  });
});

/** No timeout of the upstream ends an exchange. */
const PATIENT = { readTimeoutMs: 1_000_000_000 };

/** Has the engine's time go by until that many exchanges are over. */
async function passTime(engine: Engine, count: number): Promise<void> {
  await eventually(() => {
    engine.context.timers.advance(20);
    return engine.log.length === count;
  });
}

describe('clients that go away', () => {
  test('while the upstream thinks: a 499, and its connection is closed', async () => {
    const upstream = await bench.upstream((socket) => socket.on('data', () => {}));
    let upstreamClosed = false;
    const engine = await bench.engine({ endpoints: [upstream] });
    const client = await engine.connect();
    client.send(GET);
    await eventually(() => engine.router.endpoints[0]!.inFlight === 1);
    client.socket.resetAndDestroy();
    await engine.logged(1);
    expect(engine.log[0]).toMatchObject({ status: 499, bytesSent: 0, upstreamStatus: [0] });
    expect(engine.router.endpoints[0]!.outcomes).toEqual(['aborted']);
    await eventually(() => engine.context.connections.size === 0);
    upstreamClosed = engine.context.pools.idleCount === 0;
    expect(upstreamClosed).toBe(true);
    expect(engine.counted()).toBe(1);
  });

  test('with a clean end, while the upstream says nothing: a 499 soon after', async () => {
    const upstream = await bench.upstream((socket) => socket.on('data', () => {}));
    const engine = await bench.engine({ endpoints: [upstream] });
    const client = await engine.connect();
    client.send(GET);
    await eventually(() => engine.router.endpoints[0]!.inFlight === 1);
    client.socket.end();
    await engine.logged(1);
    expect(engine.log[0]!.status).toBe(499);
  });

  test('with a clean end, while the response comes: it gets all of it', async () => {
    let upstreamSocket: Socket | undefined;
    const upstream = await bench.answering((_request, socket) => {
      upstreamSocket = socket;
      return 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc';
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(GET);
    await client.until((text) => text.endsWith('abc'));
    client.socket.end();
    await new Promise((resolve) => setImmediate(resolve));
    engine.context.timers.advance(1_000);
    upstreamSocket!.write('def');
    expect(await client.ended()).toMatch(/abcdef$/);
    expect(engine.log[0]!.status).toBe(200);
  });

  test('with a clean end, when the response stops: its upstream is let go of', async () => {
    const upstream = await bench.answering(() => 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc');
    const engine = await bench.engine({ endpoints: [upstream.endpoint], timeouts: PATIENT });
    const client = await engine.connect();
    client.send(GET);
    await client.until((text) => text.endsWith('abc'));
    client.socket.end();
    await passTime(engine, 1);
    expect(engine.log[0]!.status).toBe(200);
    expect(engine.router.endpoints[0]!.outcomes).toEqual(['aborted']);
    expect(await client.ended()).toMatch(/abc$/);
  });

  test('with a clean end, when the response to a later request of theirs does not come: a 499', async () => {
    const upstream = await bench.answering((_request, socket, index) => {
      if (index === 0) setImmediate(() => socket.write(OK));
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint], timeouts: PATIENT });
    const client = await engine.connect();
    client.send(GET + GET);
    client.socket.end();
    await passTime(engine, 2);
    expect(engine.log.map(({ status }) => status)).toEqual([200, 499]);
    expect(await client.ended()).toMatch(/ok$/);
  });

  test('while a filter decides: its answer goes nowhere', async () => {
    let release: (() => void) | undefined;
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      filters: [
        {
          onRequest: () =>
            new Promise((resolve) => {
              release = () => resolve(undefined);
            }),
        },
      ],
    });
    const client = await engine.connect();
    client.send(GET);
    await eventually(() => release !== undefined);
    client.socket.resetAndDestroy();
    await engine.logged(1);
    release!();
    await new Promise((resolve) => setImmediate(resolve));
    expect(engine.log.map(({ status }) => status)).toEqual([499]);
    expect(upstream.requests).toEqual([]);
    expect(engine.faults).toEqual([]);
  });

  test('in the middle of a body', async () => {
    const upstream = await bench.upstream((socket) => socket.on('data', () => {}));
    const engine = await bench.engine({ endpoints: [upstream], body: { isRequestBuffered: false } });
    const client = await engine.connect();
    client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\nabc`);
    await eventually(() => engine.router.endpoints[0]!.inFlight === 1);
    client.socket.end();
    await engine.logged(1);
    expect(engine.log[0]!.status).toBe(499);
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
  });
});

describe('backpressure', () => {
  const body = 'b'.repeat(20_000);
  const pipelines = [
    ['GETs', 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'],
    ['GETs with a body', 'GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi'],
    [
      'POSTs that are refused',
      `POST / HTTP/1.1\r\nHost: refused.test\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    ],
  ] as const;

  test.for(pipelines)('of pipelined %s no more is read ahead with each answer', async ([, request]) => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: { keepAliveRequests: 1_000_000 },
    });
    const client = await engine.connect();
    const { socket } = client;
    const piece = request.repeat(Math.ceil(65_536 / request.length));
    const most = 256 * 1024 * 1024;
    let given = 0;
    const more = (): void => {
      while (given < most && !socket.destroyed) {
        given += piece.length;
        if (!socket.write(piece, 'latin1')) return void socket.once('drain', more);
      }
    };
    more();
    const answers = 1_000;
    await eventually(() => engine.log.length >= answers);
    socket.destroy();
    const readAhead = given - socket.writableLength - engine.log.length * request.length;
    // What sockets hold on both sides included.
    expect(readAhead).toBeLessThan(24 * 1024 * 1024);
    expect(given).toBeLessThan(most);
  });

  test('a client that does not read stops the upstream, and gets all of it later', async () => {
    const total = 64 * 1024 * 1024;
    const chunk = Buffer.alloc(65_536, 'd');
    let sent = 0;
    const upstream = await bench.upstream((socket) => {
      const pump = () => {
        while (sent < total) {
          sent += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.on('drain', pump);
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
        pump();
      });
      socket.on('data', () => {});
    });
    const engine = await bench.engine({ endpoints: [upstream] });
    const client = await engine.connect();
    client.socket.pause();
    const before = process.memoryUsage();
    client.send(GET);
    await stalled(() => sent);
    expect(sent).toBeLessThan(total / 2);
    const after = process.memoryUsage();
    expect(after.arrayBuffers + after.external - before.arrayBuffers - before.external).toBeLessThan(
      total / 4,
    );
    let bytes = 0;
    client.socket.removeAllListeners('data');
    client.socket.on('data', (data: Buffer) => (bytes += data.length));
    client.socket.resume();
    await engine.logged(1);
    await eventually(() => bytes > total);
    expect(engine.log[0]!.bodyBytesSent).toBe(total);
  });

  test.for(['h2', 'http/1.1'] as const)(
    'a client that takes nothing of the echo of its upload is cut when its time is over, by %s',
    async (protocol) => {
      const total = 1_000_000_000;
      const echo = createHttp2Server();
      echo.on('sessionError', () => {});
      echo.on('stream', (stream: ServerHttp2Stream) => {
        stream.on('error', () => {});
        stream.respond({ ':status': 200 });
        stream.pipe(stream);
      });
      echo.listen(0, '127.0.0.1');
      await once(echo, 'listening');
      const plain = await bench.upstream((socket) =>
        socket.once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
          socket.pipe(socket);
        }),
      );
      const { port } = echo.address() as AddressInfo;
      const longMs = 10 * WAITS.sendTimeoutMs;
      const engine = await bench.engine({
        endpoints: [protocol === 'h2' ? { address: '127.0.0.1', port } : plain],
        wire: plainWire(protocol),
        body: { maxBodyBytes: 0, isRequestBuffered: false },
        timeouts: { readTimeoutMs: longMs, sendTimeoutMs: longMs },
        settings: { bodyTimeoutMs: longMs },
      });
      const { socket } = await engine.connect();
      socket.pause();
      let sent = 0;
      const chunk = Buffer.alloc(65_536, 'u');
      const pump = (): void => {
        while (!socket.destroyed && sent < total) {
          sent += chunk.length;
          if (!socket.write(chunk)) return void socket.once('drain', pump);
        }
      };
      socket.write(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${total}\r\n\r\n`);
      pump();
      await stalled(() => sent);
      expect(sent).toBeLessThan(total);
      engine.context.timers.advance(WAITS.sendTimeoutMs / TICK_MS + 2);
      await engine.logged(1);
      await eventually(() => engine.context.connections.size === 0);
      echo.close();
    },
  );

  test('what a client sends reaches the upstream whole, however slow that reads', async () => {
    const total = 32 * 1024 * 1024;
    let got = 0;
    let resume: (() => void) | undefined;
    const upstream = await bench.upstream((socket) => {
      socket.pause();
      resume = () => {
        socket.on('data', (data: Buffer) => {
          got += data.length;
          if (got > total) socket.write(OK);
        });
        socket.resume();
      };
    });
    const engine = await bench.engine({
      endpoints: [upstream],
      body: { maxBodyBytes: 0, isRequestBuffered: false },
    });
    const client = await engine.connect();
    client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${total}\r\n\r\n`);
    const chunk = Buffer.alloc(65_536, 'u');
    let sent = 0;
    const pump = () => {
      while (sent < total) {
        sent += chunk.length;
        if (!client.socket.write(chunk)) return;
      }
    };
    client.socket.on('drain', pump);
    pump();
    await stalled(() => sent);
    expect(sent).toBeLessThan(total / 2);
    resume!();
    expect(await client.response()).toContain('200 OK');
    expect(engine.log[0]!.requestLength).toBeGreaterThan(total);
  });

  test('a client that never reads is cut, and what it was to get with it', async () => {
    const upstream = await bench.answering(
      () => `HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n${'p'.repeat(60_000)}`,
    );
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: { keepAliveRequests: 1_000_000 },
    });
    const socket = connect({ host: '127.0.0.1', port: engine.port });
    socket.on('error', () => {});
    socket.pause();
    const burst = GET.repeat(1000);
    const flood = () => socket.write(burst, (error) => void (error ?? flood()));
    flood();
    await stalled(() => upstream.requests.length);
    const stalledAt = upstream.requests.length;
    expect(stalledAt).toBeGreaterThan(0);
    engine.context.timers.advance(12_010);
    await eventually(() => engine.context.connections.size === 0);
    expect(upstream.requests.length).toBeLessThanOrEqual(stalledAt + 1);
    socket.destroy();
  });
});

/** Resolves when the number has not changed for many turns of the event loop. */
async function stalled(value: () => number): Promise<void> {
  let last = value();
  for (let quiet = 0; quiet < 2_000; quiet++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (value() !== last) {
      last = value();
      quiet = 0;
    }
  }
}

describe('exceptions', () => {
  const wires = ['h2', 'http/1.1'] as const;
  const GONE = 'HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno';
  const endsBadly: Filter = {
    stageBody(response) {
      response.remove('content-length');
      return {
        write: () => true,
        drain() {},
        close() {},
        end() {
          throw new Error('on purpose');
        },
      };
    },
  };
  const isBadPage: Filter = {
    onResponse(response) {
      if (response.isLocal) throw new Error('on purpose');
    },
  };
  const replaces: Filter = { ...isBadPage, replaceResponse: () => ({ status: 403 }) };
  const cases = wires.flatMap((wire) => [
    { wire, name: 'the page of a failure', filter: isBadPage, upstream: 'cut' },
    { wire, name: 'what replaces a response', filter: replaces, upstream: 'refuses' },
    { wire, name: 'the end of a staged body', filter: endsBadly, upstream: 'answers' },
  ]);

  test.for(cases)(
    'one behind the end of the stream ends its exchange: $name, $wire',
    async ({ wire, filter, upstream }) => {
      const head = [[':status', upstream === 'refuses' ? '503' : '200']] as const;
      const raw = await rawHttp2(bench, (connection, id) =>
        connection.send(
          upstream === 'cut' ? reset(id, 2) : Buffer.concat([headers(id, head, 4), data(id, 'ok', 1)]),
        ),
      );
      const plain = await bench.answering((_request, socket) => {
        if (upstream === 'cut') socket.resetAndDestroy();
        return upstream === 'cut' ? undefined : upstream === 'refuses' ? GONE : OK;
      });
      const engine = await bench.engine({
        endpoints: [wire === 'h2' ? raw.endpoint : plain.endpoint],
        wire: plainWire(wire),
        filters: [filter],
        retry: { tries: 1 },
      });
      const client = await engine.connect();
      client.send(GET);
      expect(await client.response()).toMatch(/^HTTP\/1\.1 500 /);
      expect(engine.log.map(({ status }) => status)).toEqual([500]);
      expect(engine.faults.map(String)).toEqual(['Error: on purpose']);
      engine.faults.length = 0;
    },
  );

  for (const hook of ['onRequest', 'onUpstreamRequest', 'onResponse'] as const) {
    test(`one in ${hook} ends its exchange and nothing else`, async () => {
      const upstream = await bench.answering(() => OK);
      const engine = await bench.engine({
        endpoints: [upstream.endpoint],
        filters: [
          {
            [hook]: (...given: { path?: string }[]) => {
              const request = given.at(-1)!;
              if (request.path === '/throw') throw new Error('on purpose');
            },
          },
        ],
      });
      const other = await engine.connect();
      other.send(GET);
      await other.response();
      const client = await engine.connect();
      client.send('GET /throw HTTP/1.1\r\nHost: a.test\r\n\r\n');
      const text = await client.ended();
      expect(text).toMatch(/^HTTP\/1\.1 500 [^]*Connection: close\r\n/);
      expect(engine.faults.length).toBeGreaterThan(0);
      expect(engine.log.map(({ status }) => status)).toEqual([200, 500]);
      other.send(GET);
      expect(await other.response()).toContain('200 OK');
      expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    });
  }

  test('one in a rejected promise', async () => {
    const engine = await bench.engine({
      filters: [{ onRequest: () => Promise.reject(new Error('on purpose')) }],
    });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 500 /);
    expect(engine.faults.length).toBe(1);
  });
});
