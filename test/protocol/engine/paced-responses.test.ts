import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, eventually } from './harness.ts';

/* Responses that go out by a rate (limit-rate, X-Accel-Limit-Rate). When what goes out is response-pacer.test.ts's. */

const GET = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n';
/** So much at once, and so much a second, that a body of 20,000 bytes takes three steps. */
const RATE = { bytesPerSecond: 65_536, freeBytes: 0 };
const BODY = Array.from({ length: 2_000 }, (_, i) => String(i).padStart(10, '.')).join('');

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

function ofLength(body: string, headers = ''): string {
  return `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** What chunks hold, and what comes from the last one on. */
function ofChunks(text: string): [body: string, rest: string] {
  let body = '';
  let at = 0;
  for (;;) {
    const length = Number.parseInt(text.slice(at), 16);
    if (length === 0) return [body, text.slice(at)];
    const start = text.indexOf('\r\n', at) + 2;
    body += text.slice(start, start + length);
    at = start + length + 2;
  }
}

describe('a response that goes out by a rate', () => {
  test('arrives whole, and both connections are kept', async () => {
    const upstream = await bench.answering(() => ofLength(BODY));
    const engine = await bench.engine({ endpoints: [upstream.endpoint], responseRate: RATE });
    const client = await engine.connect();
    for (let i = 0; i < 2; i++) {
      client.send(GET);
      const response = await client.response();
      expect(response.slice(response.indexOf('\r\n\r\n') + 4)).toBe(BODY);
    }
    await engine.logged(2);
    expect(engine.log.map(({ status, bodyBytesSent }) => [status, bodyBytesSent])).toEqual([
      [200, 20_000],
      [200, 20_000],
    ]);
    expect(upstream.sockets.length).toBe(1);
    expect(engine.faults).toEqual([]);
  });

  test('keeps its chunks and trailers', async () => {
    const chunks = [BODY.slice(0, 5), BODY.slice(5, 9_000), BODY.slice(9_000)];
    const text = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');
    const upstream = await bench.answering(
      () => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text}0\r\nX-Last: 1\r\n\r\n`,
    );
    const engine = await bench.engine({ endpoints: [upstream.endpoint], responseRate: RATE });
    const client = await engine.connect();
    client.send(GET);
    const response = await client.response();
    expect(ofChunks(response.slice(response.indexOf('\r\n\r\n') + 4))).toEqual([
      BODY,
      '0\r\nX-Last: 1\r\n\r\n',
    ]);
    expect(engine.log[0]).toMatchObject({ status: 200, bodyBytesSent: 20_000 });
  });

  test('what the upstream connection reads next is not taken for it', async () => {
    const upstream = await bench.answering((_request, _socket, index) =>
      index === 0 ? ofLength(BODY, 'X-Name: first\r\n') : ofLength('ok', 'X-Name: second\r\n'),
    );
    const names: (string | undefined)[] = [];
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      responseRate: RATE,
      filters: [{ onDone: (request) => void names.push(request.responseHeader('x-name')) }],
    });
    const slow = await engine.connect();
    slow.send(GET);
    // All of the first response was read, and its connection is free, long before it is out.
    await slow.until((text) => text.includes('\r\n\r\n'));
    const quick = await engine.connect();
    quick.send(GET);
    expect(await quick.response()).toContain('X-Name: second');
    expect(await slow.response()).toContain(BODY);
    await eventually(() => names.length === 2);
    expect(names).toEqual(['second', 'first']);
    expect(upstream.sockets.length).toBe(1);
  });

  test('what a stage makes of the body goes out by the rate, too', async () => {
    const upstream = await bench.answering(() => ofLength(BODY));
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      responseRate: RATE,
      filters: [
        {
          stageBody: (_response, _request, out) => ({
            write: (buffer, start, end) =>
              out.write(Buffer.from(buffer.toString('latin1', start, end).replaceAll('.', '-'), 'latin1')),
            end: () => out.end(),
            drain: () => out.ready(),
            close: () => {},
          }),
        },
      ],
    });
    const client = await engine.connect();
    client.send(GET);
    const response = await client.response();
    expect(ofChunks(response.slice(response.indexOf('\r\n\r\n') + 4))).toEqual([
      BODY.replaceAll('.', '-'),
      '0\r\n\r\n',
    ]);
    expect(engine.log[0]).toMatchObject({ status: 200, bodyBytesSent: 20_000 });
  });

  test('an upstream is read no faster than the client is sent to', async () => {
    let sent = 0;
    const upstream = await bench.upstream((socket) => {
      const chunk = Buffer.alloc(65_536, 'x');
      const more = (): void => {
        while (sent < 67_108_864) {
          sent += chunk.length;
          if (!socket.write(chunk)) return;
        }
      };
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n');
        more();
      });
      socket.on('drain', more);
    });
    const engine = await bench.engine({
      endpoints: [upstream],
      responseRate: { bytesPerSecond: 262_144, freeBytes: 0 },
    });
    const client = await engine.connect();
    client.send(GET);
    await client.until((text) => text.length > 131_072);
    // What the system's buffers hold, and no more.
    expect(sent).toBeLessThan(33_554_432);
  });

  test('a client that leaves ends it', async () => {
    const upstream = await bench.answering(() => ofLength(BODY));
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      responseRate: { bytesPerSecond: 10, freeBytes: 0 },
    });
    const client = await engine.connect();
    client.send(GET);
    await client.until((text) => text.includes('\r\n\r\n'));
    client.socket.destroy();
    await engine.logged(1);
    expect(engine.log[0]!.status).toBe(200);
    expect(engine.log[0]!.bodyBytesSent).toBeLessThan(1_000);
    expect(engine.faults).toEqual([]);
  });

  test('an upstream that fails in the middle cuts it off', async () => {
    const upstream = await bench.answering((_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 30000\r\n\r\n${BODY}`);
      socket.end();
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint], responseRate: RATE });
    const client = await engine.connect();
    client.send(GET);
    const text = await client.ended();
    expect(text).toContain('Content-Length: 30000');
    expect(text.length).toBeLessThan(30_000);
    await engine.logged(1);
  });

  test('HEAD has no body to wait for', async () => {
    const upstream = await bench.answering(() => 'HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n');
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      responseRate: { bytesPerSecond: 1, freeBytes: 0 },
    });
    const client = await engine.connect();
    client.send('HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    await client.until((text) => text.endsWith('\r\n\r\n'));
    await engine.logged(1);
  });
});

test('a response whose stage ends late keeps its own header lines', async () => {
  const upstream = await bench.answering((_request, _socket, index) =>
    ofLength('ok', `X-Name: ${index === 0 ? 'first' : 'second'}\r\n`),
  );
  const names: (string | undefined)[] = [];
  const ends: (() => void)[] = [];
  const engine = await bench.engine({
    endpoints: [upstream.endpoint],
    filters: [
      {
        stageBody: (_response, _request, out) => ({
          write: () => true,
          end: () => void ends.push(() => out.end()),
          drain: () => {},
          close: () => {},
        }),
        onDone: (request) => void names.push(request.responseHeader('x-name')),
      },
    ],
  });
  for (let i = 1; i <= 2; i++) {
    (await engine.connect()).send(GET);
    await eventually(() => ends.length === i);
  }
  for (const end of ends) end();
  expect(names).toEqual(['first', 'second']);
  expect(upstream.sockets.length).toBe(1);
});

describe('the rate that an upstream says', () => {
  test('counts, and stays between the two', async () => {
    const upstream = await bench.answering(() => ofLength(BODY, 'X-Accel-Limit-Rate: 10\r\n'));
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(GET);
    const text = await client.until((all) => all.includes('\r\n\r\n'));
    expect(text).not.toContain('X-Accel');
    client.socket.destroy();
    await engine.logged(1);
    expect(engine.log[0]!.bodyBytesSent).toBeLessThan(1_000);
  });

  test('0 lifts that of the route; what is no number changes nothing', async () => {
    const said = ['0', 'fast'];
    const upstream = await bench.answering((_request, _socket, index) =>
      ofLength(BODY, `X-Accel-Limit-Rate: ${said[index]!}\r\n`),
    );
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      responseRate: { bytesPerSecond: 10, freeBytes: 0 },
    });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.response()).toContain(BODY);
    client.send(GET);
    await client.until((text) => text.includes('\r\n\r\n'));
    client.socket.destroy();
    await engine.logged(2);
    expect(engine.log[1]!.bodyBytesSent).toBeLessThan(1_000);
  });
});
