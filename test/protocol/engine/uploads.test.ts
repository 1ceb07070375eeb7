import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DownstreamConnection } from '../../../src/proxy/http1/downstream-connection.ts';
import { Bench, eventually, GET, OK, type Engine } from './harness.ts';

let bench: Bench;
let directory: string;
beforeEach(() => {
  bench = new Bench();
  directory = mkdtempSync(join(tmpdir(), 'serin-test-'));
});
afterEach(async () => {
  await bench.close();
  rmSync(directory, { recursive: true });
});

const CHUNKED = 'PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n';
const KIB = 1_024;
const MIB = 1_048_576;

function declared(bytes: number, method = 'PUT'): string {
  return `${method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${bytes}\r\n\r\n`;
}

/** Eighteen chunks of 64 KiB, each filled with a letter of its own. */
function letters(): { readonly chunked: string; readonly plain: string } {
  const parts = Array.from({ length: 18 }, (_, index) => String.fromCharCode(65 + index).repeat(64 * KIB));
  return {
    chunked: `${parts.map((part) => `10000\r\n${part}\r\n`).join('')}0\r\n\r\n`,
    plain: parts.join(''),
  };
}

function bodyOf(request: string): string {
  const body = request.slice(request.indexOf('\r\n\r\n') + 4);
  if (!/\r\ntransfer-encoding: chunked\r\n/i.test(request)) return body;
  let text = '';
  for (let at = 0; ;) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.slice(at, lineEnd), 16);
    if (size === 0) return text;
    text += body.slice(lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}

function held(engine: Engine): { readonly memoryBytes: number; readonly spooledBytes: number } {
  const { memoryBytes, spooledBytes } = engine.context.bodies.budget;
  return { memoryBytes, spooledBytes };
}

const NOTHING = { memoryBytes: 0, spooledBytes: 0 };

describe('uploads keep their order', () => {
  for (const isRequestBuffered of [true, false]) {
    test(`a chunked body over 1 MiB that meets a connection to be opened (buffered: ${isRequestBuffered})`, async () => {
      const upstream = await bench.answering((_request, socket) => {
        socket.end(OK);
        return undefined;
      });
      const engine = await bench.engine({
        endpoints: [upstream.endpoint],
        body: { maxBodyBytes: 0, isRequestBuffered },
      });
      const { chunked, plain } = letters();
      for (let i = 0; i < 8; i++) {
        const client = await engine.connect();
        client.send(CHUNKED + chunked);
        expect(await client.response()).toContain('200 OK');
        expect(bodyOf(upstream.requests[i]!) === plain).toBe(true);
      }
    });
  }

  test('resuming the client hands nothing over before the caller has returned', async () => {
    const upstream = await bench.upstream((socket) => socket.on('data', () => {}));
    const engine = await bench.engine({ endpoints: [upstream], body: { isRequestBuffered: false } });
    const client = await engine.connect();
    client.send(`${CHUNKED}5\r\nhello\r\n`);
    await eventually(() => engine.context.stats.requests === 1 && engine.router.endpoints[0]!.inFlight === 1);
    const [connection] = engine.context.connections as Set<DownstreamConnection>;
    connection!.pauseReading();
    client.send('5\r\nworld\r\n');
    await new Promise((resolve) => setImmediate(resolve));
    const before = engine.context.bodies.budget.memoryBytes;
    connection!.resumeReading();
    expect(engine.context.bodies.budget.memoryBytes).toBe(before);
  });
});

describe('what bodies hold', () => {
  test('chunks of one byte take the memory of their bytes', async () => {
    const upstream = await bench.upstream((socket) => socket.on('data', () => {}));
    const engine = await bench.engine({ endpoints: [upstream], body: { maxBodyBytes: 0 } });
    const client = await engine.connect();
    client.send(CHUNKED);
    client.send('1\r\nx\r\n'.repeat(500_000));
    let most = 0;
    await eventually(() => {
      most = Math.max(most, held(engine).memoryBytes);
      return most >= 500_000;
    });
    expect(most).toBeLessThan(800_000);
    client.socket.destroy();
    await engine.logged(1);
    expect(held(engine)).toEqual(NOTHING);
  });

  test('chunks of one byte that stream go on as one chunk per read', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], body: { isRequestBuffered: false } });
    const client = await engine.connect();
    client.send(`${CHUNKED}${'1\r\nx\r\n'.repeat(5_000)}0\r\n\r\n`);
    expect(await client.response()).toContain('200 OK');
    expect(bodyOf(upstream.requests[0]!)).toBe('x'.repeat(5_000));
    expect(upstream.requests[0]!.length).toBeLessThan(6_000);
  });

  test('a body above its bound in memory goes to a file without a name, and all is given back', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine(
      { endpoints: [upstream.endpoint], body: { maxBodyBytes: 0 } },
      {},
      { directory },
    );
    const client = await engine.connect();
    client.send(declared(3 * MIB));
    client.send('a'.repeat(2 * MIB));
    await eventually(() => held(engine).spooledBytes > MIB && held(engine).memoryBytes < MIB);
    expect(readdirSync(directory)).toEqual([]);
    expect(upstream.sockets).toEqual([]);
    client.send('b'.repeat(MIB));
    expect(await client.response()).toContain('200 OK');
    const body = bodyOf(upstream.requests[0]!);
    expect(body === 'a'.repeat(2 * MIB) + 'b'.repeat(MIB)).toBe(true);
    expect(held(engine)).toEqual(NOTHING);
  });

  test('client-body-buffer-size is the bound', async () => {
    const upstream = await bench.upstream(() => {});
    const engine = await bench.engine({ endpoints: [upstream], body: { maxBufferedBytes: 2 * KIB } });
    const client = await engine.connect();
    client.send(declared(200 * KIB) + 'a'.repeat(150 * KIB));
    await eventually(() => held(engine).spooledBytes > 100 * KIB);
  });

  test('a client that holds its share of the memory holds no more of it', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] }, {}, { memoryBytes: 800 * KIB });
    const first = await engine.connect();
    first.send(declared(250 * KIB) + 'a'.repeat(190 * KIB));
    await eventually(() => held(engine).memoryBytes >= 190 * KIB);
    const second = await engine.connect();
    second.send(declared(20 * KIB) + 'b'.repeat(20 * KIB));
    expect(await second.response()).toContain('200 OK');
    expect(bodyOf(upstream.requests[0]!)).toBe('b'.repeat(20 * KIB));
    const third = await engine.connect();
    third.send(declared(300 * KIB) + 'c'.repeat(200 * KIB));
    await eventually(() => held(engine).spooledBytes > 0);
    expect(held(engine).memoryBytes).toBeLessThan(250 * KIB + 200 * KIB);
    first.socket.destroy();
    third.socket.destroy();
    await engine.logged(3);
    expect(held(engine)).toEqual(NOTHING);
  });

  test('when the disk is full too it is a 503, and what was held is free again', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine(
      { endpoints: [upstream.endpoint], body: { maxBodyBytes: 0 } },
      {},
      { spoolBytes: 4 * MIB },
    );
    const client = await engine.connect();
    client.send(CHUNKED);
    client.send(`300000\r\n${'a'.repeat(3 * MIB)}\r\n`);
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 503 [^]*Connection: close\r\n/);
    expect(upstream.requests).toEqual([]);
    await eventually(() => held(engine).spooledBytes === 0);
    expect(held(engine)).toEqual(NOTHING);
    const other = await engine.connect();
    other.send(declared(2 * MIB - 1) + 'b'.repeat(2 * MIB - 1));
    expect(await other.response()).toContain('200 OK');
  });

  test('a declared length above what a client may have on disk is streamed', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine(
      { endpoints: [upstream.endpoint], body: { maxBodyBytes: 0 } },
      {},
      { spoolBytes: 4 * MIB },
    );
    const client = await engine.connect();
    client.send(declared(3 * MIB) + 'a'.repeat(3 * MIB));
    expect(await client.response()).toContain('200 OK');
    expect(bodyOf(upstream.requests[0]!) === 'a'.repeat(3 * MIB)).toBe(true);
  });

  for (const framing of ['declared', 'chunked']) {
    test(`without a disk a long ${framing} body is streamed`, async () => {
      const upstream = await bench.answering(() => OK);
      const engine = await bench.engine(
        { endpoints: [upstream.endpoint], body: { maxBodyBytes: 0 } },
        {},
        { spoolBytes: 0 },
      );
      const client = await engine.connect();
      const { chunked, plain } = letters();
      client.send(framing === 'chunked' ? CHUNKED + chunked : declared(plain.length) + plain);
      expect(await client.response()).toContain('200 OK');
      expect(bodyOf(upstream.requests[0]!) === plain).toBe(true);
      expect(held(engine)).toEqual(NOTHING);
    });
  }

  test('a disk that fails is a 503, and is told once', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine(
      { endpoints: [upstream.endpoint], body: { maxBodyBytes: 0 } },
      {},
      { directory: join(directory, 'missing') },
    );
    for (let i = 0; i < 2; i++) {
      const client = await engine.connect();
      client.send(declared(2 * MIB) + 'a'.repeat(2 * MIB));
      expect(await client.ended()).toMatch(/^HTTP\/1\.1 503 /);
    }
    expect(engine.faults.map((fault) => (fault as Error).message)).toEqual([
      `request bodies cannot be spooled to "${join(directory, 'missing')}"`,
    ]);
    expect(held(engine)).toEqual(NOTHING);
  });
});

describe('retries of large bodies', () => {
  test('a body on disk is sent again from the start', async () => {
    const upstream = await bench.answering(() => OK);
    let resets = 0;
    const bad = await bench.upstream((socket) => {
      let got = 0;
      socket.on('data', (chunk: Buffer) => {
        got += chunk.length;
        if (got < MIB) return;
        resets++;
        socket.resetAndDestroy();
      });
    });
    const engine = await bench.engine({
      endpoints: [bad, upstream.endpoint],
      body: { maxBodyBytes: 0 },
    });
    const client = await engine.connect();
    const { plain } = letters();
    client.send(declared(3 * plain.length) + plain.repeat(3));
    expect(await client.response()).toContain('200 OK');
    expect(resets).toBe(1);
    expect(bodyOf(upstream.requests[0]!) === plain.repeat(3)).toBe(true);
    expect(engine.log[0]).toMatchObject({ status: 200, upstreamStatus: [502, 200] });
  });

  test('a large idempotent upload that meets a reset kept-alive connection is tried again', async () => {
    let isStale = false;
    const upstream = await bench.upstream((socket) => {
      let got = 0;
      socket.on('data', (chunk: Buffer) => {
        if (isStale) {
          isStale = false;
          socket.resetAndDestroy();
          return;
        }
        got += chunk.length;
        if (chunk.toString('latin1', chunk.length - 4) !== '\r\n\r\n' && got < 4 * MIB) return;
        got = 0;
        socket.write(OK);
      });
    });
    const engine = await bench.engine({ endpoints: [upstream], body: { maxBodyBytes: 0 } });
    const client = await engine.connect();
    for (let i = 0; i < 10; i++) {
      client.send(GET);
      expect(await client.response()).toContain('200 OK');
      isStale = true;
      client.send(declared(4 * MIB) + 'p'.repeat(4 * MIB));
      expect(await client.response()).toContain('200 OK');
    }
  });

  for (const method of ['PUT', 'POST']) {
    test(`a streamed ${method} that cannot be kept gets a connection of its own`, async () => {
      const upstream = await bench.answering(() => OK);
      const engine = await bench.engine({
        endpoints: [upstream.endpoint],
        body: { maxBodyBytes: 0, isRequestBuffered: false },
      });
      const client = await engine.connect();
      client.send(GET);
      await client.response();
      client.send(declared(2 * MIB, method) + 'p'.repeat(2 * MIB));
      expect(await client.response()).toContain('200 OK');
      expect(upstream.sockets.length).toBe(2);
    });
  }
});

describe('an answer that comes before the body was read (RFC 9112 §9.5)', () => {
  for (const isRequestBuffered of [true, false]) {
    for (const status of [401, 413]) {
      test(`a ${status} of an upstream that closes reaches the client, 20 of 20 (buffered: ${isRequestBuffered})`, async () => {
        const upstream = await bench.upstream((socket) => {
          socket.once('data', () => {
            socket.pause();
            socket.write(`HTTP/1.1 ${status} No\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly`, () =>
              socket.destroy(),
            );
          });
        });
        const engine = await bench.engine({
          endpoints: [upstream],
          body: { maxBodyBytes: 0, isRequestBuffered },
        });
        const answers: string[] = [];
        for (let i = 0; i < 20; i++) {
          const client = await engine.connect();
          const piece = 'u'.repeat(MIB);
          client.send(declared(8 * MIB, 'POST'));
          for (let sent = 0; sent < 8; sent++) client.send(piece);
          const text = await client.response();
          answers.push(`${text.slice(9, 12)} ${text.slice(-5)}`);
          client.socket.destroy();
        }
        expect(answers).toEqual(Array.from({ length: 20 }, () => `${status} early`));
      });
    }
  }

  test('an upstream that cuts off a body without a declared end is told apart from one that ends it', async () => {
    for (const isCut of [true, false]) {
      const upstream = await bench.upstream((socket) => {
        socket.once('data', () => {
          socket.pause();
          const answer = 'HTTP/1.1 413 No\r\nConnection: close\r\n\r\nearly';
          if (isCut) socket.write(answer, () => socket.resetAndDestroy());
          else socket.end(answer, () => setImmediate(() => socket.resetAndDestroy()));
        });
      });
      const engine = await bench.engine({
        endpoints: [upstream],
        body: { maxBodyBytes: 0, isRequestBuffered: false },
      });
      const client = await engine.connect();
      client.send(declared(8 * MIB, 'POST') + 'u'.repeat(8 * MIB));
      const text = await client.ended();
      if (isCut) expect(text).not.toContain('\r\n0\r\n');
      else expect(text).toMatch(/^HTTP\/1\.1 413 [^]*5\r\nearly\r\n0\r\n\r\n$/);
    }
  });
});

describe('slow uploads', () => {
  test('client-body-timeout is the time between two reads', async () => {
    let got = 0;
    const upstream = await bench.upstream((socket) => {
      socket.on('data', (chunk: Buffer) => {
        got += /(?:^|\r\n\r\n)(x*)$/.exec(chunk.toString('latin1'))![1]!.length;
        if (got === 40) socket.write(OK);
      });
    });
    const engine = await bench.engine({
      endpoints: [upstream],
      body: { isRequestBuffered: false },
      settings: { bodyTimeoutMs: 10_000 },
    });
    const client = await engine.connect();
    client.send(declared(40));
    for (let i = 1; i <= 40; i++) {
      client.send('x');
      await eventually(() => got === i);
      engine.context.timers.advance(1_000);
    }
    expect(await client.response()).toContain('200 OK');
  });
});
