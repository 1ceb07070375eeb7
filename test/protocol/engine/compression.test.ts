import type { Socket } from 'node:net';
import { brotliDecompressSync, createGunzip, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CodingSettings } from '../../../src/table/compression.ts';
import { Bench, eventually, type Engine } from './harness.ts';

/* Responses that are compressed on their way, over real sockets. Which ones are is compression.test.ts's. */

const types = ['application/json', 'text/event-stream'];
const CODINGS: readonly CodingSettings[] = [
  { name: 'br', level: 4, minLength: 20, types },
  { name: 'zstd', level: 3, minLength: 20, types },
  { name: 'gzip', level: 1, minLength: 20, types },
];
const JSON_TYPE = 'Content-Type: application/json\r\n';
const GUNZIP = { br: brotliDecompressSync, zstd: zstdDecompressSync, gzip: gunzipSync };

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const serve = (
  upstream: { readonly address: string; readonly port: number },
  codings: readonly CodingSettings[] = CODINGS,
): Promise<Engine> => bench.engine({ endpoints: [upstream], settings: { compression: { codings } } });

const get = (coding: string, line = 'GET / HTTP/1.1'): string =>
  `${line}\r\nHost: a.test\r\nAccept-Encoding: ${coding}\r\n\r\n`;

/** Text that is like JSON, and long. */
function textOf(bytes: number): string {
  let text = '';
  for (let i = 0; text.length < bytes; i++)
    text += `{"id":${i},"name":"item ${i % 97}","score":${(i * 7919) % 1013}},`;
  return text.slice(0, bytes);
}

const ofLength = (body: string, status = '200 OK'): string =>
  `HTTP/1.1 ${status}\r\n${JSON_TYPE}ETag: "a"\r\nAccept-Ranges: bytes\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
const ofChunks = (body: string, type = 'application/json'): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`;

/** What chunks of a response held; undefined while the last one has not come. */
function bodyOf(text: string): Buffer | undefined {
  let at = text.indexOf('\r\n\r\n') + 4;
  let body = '';
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (at < 4 || lineEnd < 0) return undefined;
    const length = Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(length)) return undefined;
    if (length === 0) return text.endsWith('0\r\n\r\n') ? Buffer.from(body, 'latin1') : undefined;
    body += text.slice(lineEnd + 2, lineEnd + 2 + length);
    at = lineEnd + 2 + length + 2;
  }
}

for (const coding of ['br', 'zstd', 'gzip'] as const) {
  describe(coding, () => {
    const bodies: [name: string, reply: string, body: string][] = [
      ['that is short', ofLength(textOf(20_480)), textOf(20_480)],
      ['of short chunks', ofChunks(textOf(5_000)), textOf(5_000)],
      ['that is long', ofLength(textOf(2_000_000)), textOf(2_000_000)],
      ['of long chunks', ofChunks(textOf(2_000_000)), textOf(2_000_000)],
      ['of a chunk too long to be held', ofChunks(textOf(40_000)), textOf(40_000)],
    ];
    for (const [name, reply, body] of bodies) {
      test(`a body ${name} arrives as it was`, async () => {
        const upstream = await bench.answering(() => reply);
        const engine = await serve(upstream.endpoint);
        const client = await engine.connect();
        for (let round = 1; round <= 2; round++) {
          client.text = '';
          client.send(get(coding));
          const text = await client.until((all) => bodyOf(all) !== undefined);
          expect(text).toContain(`\r\nContent-Encoding: ${coding}\r\n`);
          expect(text).toContain('\r\nTransfer-Encoding: chunked\r\n');
          expect(text.slice(0, text.indexOf('\r\n\r\n'))).not.toMatch(/content-length|accept-ranges/i);
          const sent = bodyOf(text)!;
          expect(GUNZIP[coding](sent).toString('latin1') === body).toBe(true);
          expect(sent.length).toBeLessThan(body.length / 2);
          await engine.logged(round);
          expect(engine.log[round - 1]).toMatchObject({ status: 200, bodyBytesSent: sent.length });
        }
        expect(upstream.sockets).toHaveLength(1);
        expect(engine.faults).toEqual([]);
        expect(engine.context.compressors.heldBytes).toBe(0);
      });
    }
  });
}

test('HEAD has the head of GET, and no body', async () => {
  const upstream = await bench.answering(() => ofLength(textOf(1_000)).slice(0, -1_000));
  const { connect, context } = await serve(upstream.endpoint);
  const client = await connect();
  client.send(get('gzip', 'HEAD / HTTP/1.1'));
  const head = await client.until((text) => text.endsWith('\r\n\r\n'));
  expect(head).toMatch(
    /^HTTP\/1\.1 200 OK\r\n[^]*ETag: W\/"a"\r\n[^]*Vary: Accept-Encoding\r\nContent-Encoding: gzip\r\n/,
  );
  expect(head).not.toMatch(/content-length|transfer-encoding|accept-ranges/i);
  expect(context.compressors.heldBytes).toBe(0);
});

test('a client of HTTP/1.0, and one that takes none, has the body as it was', async () => {
  const upstream = await bench.answering(() => ofLength(textOf(100)));
  const engine = await serve(upstream.endpoint);
  for (const request of [get('gzip', 'GET / HTTP/1.0'), get('identity')]) {
    const client = await engine.connect();
    client.send(request);
    const response = await client.response();
    expect(response).toContain('\r\nETag: "a"\r\nAccept-Ranges: bytes\r\nVary: Accept-Encoding\r\n');
    expect(response).toContain(`\r\nContent-Length: 100\r\n`);
    expect(response.endsWith(textOf(100))).toBe(true);
  }
});

test('a part, and an error that nginx leaves alone, is sent as it is', async () => {
  const replies = [ofLength(textOf(100), '206 Partial Content'), ofLength(textOf(100), '500 No')];
  const upstream = await bench.answering((_, __, index) => replies[index]);
  const client = await (await serve(upstream.endpoint)).connect();
  for (let i = 0; i < 2; i++) {
    client.send(get('gzip'));
    expect(await client.response()).not.toMatch(/vary|content-encoding/i);
  }
});

test('each event of a stream leaves when it has come, and the head before any', async () => {
  const sockets: Socket[] = [];
  const upstream = await bench.upstream((socket) => {
    socket.once('data', () => {
      sockets.push(socket);
      socket.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
    });
  });
  const engine = await serve(upstream);
  const client = await engine.connect();
  client.send(get('gzip'));
  await client.until((text) => text.endsWith('\r\n\r\n'));
  const gunzip = createGunzip();
  let seen = '';
  gunzip.on('data', (bytes: Buffer) => (seen += bytes.toString()));
  let read = client.text.length;
  for (let i = 0; i < 5; i++) {
    sockets[0]!.write(chunk(`data: ${i}\n\n`));
    const want = `data: ${i}\n\n`;
    await eventually(() => {
      const rest = client.text.slice(read);
      const match = /^([0-9a-f]+)\r\n/.exec(rest);
      const length = match === null ? -1 : Number.parseInt(match[1]!, 16);
      if (match !== null && rest.length >= match[0].length + length + 2) {
        gunzip.write(Buffer.from(rest.slice(match[0].length, match[0].length + length), 'latin1'));
        read += match[0].length + length + 2;
      }
      return seen.endsWith(want);
    });
  }
  expect(engine.context.compressors.heldBytes).toBeGreaterThan(0);
  client.socket.resetAndDestroy();
  await eventually(() => engine.context.compressors.heldBytes === 0);
  expect(engine.faults).toEqual([]);
});

test('a short body that stops half-way goes out as far as it has come', async () => {
  const sockets: Socket[] = [];
  const upstream = await bench.upstream((socket) => {
    socket.once('data', () => {
      sockets.push(socket);
      socket.write(ofLength(textOf(1_000)).slice(0, -500));
    });
  });
  const client = await (await serve(upstream)).connect();
  client.send(get('gzip'));
  await client.until((text) => /\r\n\r\n[0-9a-f]+\r\n/.test(text));
  sockets[0]!.write(textOf(1_000).slice(500));
  const text = await client.until((all) => bodyOf(all) !== undefined);
  expect(gunzipSync(bodyOf(text)!).toString()).toBe(textOf(1_000));
});

test('a client that reads nothing has the upstream wait', async () => {
  const socketOf: Socket[] = [];
  let sent = 0;
  const block = Buffer.from(chunk(Array.from({ length: 3_000 }, () => Math.random().toString(36)).join('')));
  const upstream = await bench.upstream((socket) => {
    socket.once('data', () => {
      socketOf.push(socket);
      socket.write(`HTTP/1.1 200 OK\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n`);
      const fill = () => {
        while (sent < 2_000 && socket.write(block)) sent++;
      };
      socket.on('drain', fill);
      fill();
    });
  });
  const engine = await serve(upstream, [CODINGS[2]!]);
  const socket = await bench.open(engine.port);
  socket.pause();
  socket.write(get('gzip'));
  await eventually(() => sent > 0 && socketOf[0]!.writableNeedDrain);
  let before = -1;
  let still = 0;
  await eventually(() => {
    still = sent === before ? still + 1 : 0;
    before = sent;
    return still > 2_000;
  });
  expect(sent).toBeLessThan(1_500);
  const stopped = sent;
  socket.resume();
  await eventually(() => sent > stopped);
  socket.destroy();
  await eventually(() => engine.context.compressors.heldBytes === 0);
});

test('an upstream that breaks off breaks the response off', async () => {
  const sockets: Socket[] = [];
  const upstream = await bench.upstream((socket) => {
    socket.once('data', () => {
      sockets.push(socket);
      socket.write(
        `HTTP/1.1 200 OK\r\n${JSON_TYPE}Transfer-Encoding: chunked\r\n\r\n${chunk(textOf(100_000))}`,
      );
    });
  });
  const engine = await serve(upstream);
  const client = await engine.connect();
  client.send(get('gzip'));
  await client.until((text) => /\r\n\r\n[0-9a-f]+\r\n/.test(text));
  sockets[0]!.resetAndDestroy();
  expect(bodyOf(await client.ended())).toBeUndefined();
  await eventually(() => engine.context.compressors.heldBytes === 0);
  expect(engine.faults).toEqual([]);
});

test('without room what is long is sent as it is', async () => {
  const upstream = await bench.answering(() => ofLength(textOf(100_000)));
  const engine = await serve(upstream.endpoint);
  engine.context.compressors.take(2 ** 40);
  const client = await engine.connect();
  client.send(get('gzip'));
  const response = await client.response();
  expect(response).toContain('Vary: Accept-Encoding\r\n');
  expect(response.endsWith(textOf(100_000))).toBe(true);
});

test('costly levels are left to zlib’s threads', async () => {
  const upstream = await bench.answering(() => ofLength(textOf(30_000)));
  const engine = await serve(upstream.endpoint, [{ name: 'br', level: 11, minLength: 20, types }]);
  const client = await engine.connect();
  client.send(get('br'));
  await eventually(() => engine.context.compressors.heldBytes > 0);
  const text = await client.until((all) => bodyOf(all) !== undefined);
  expect(brotliDecompressSync(bodyOf(text)!).toString()).toBe(textOf(30_000));
});
