import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BodyOut, BodyStage } from '../../../src/features/kit/body.ts';
import type { Filter } from '../../../src/features/kit/filter.ts';
import { Bench, eventually, GET, OK } from './harness.ts';
import { serveFilter } from './kit-rig.ts';

/** Bodies watched and changed, by throw-away features over real sockets. */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

type Arguments = Parameters<typeof serveFilter> extends [Bench, ...infer Rest] ? Rest : never;
const serve = (...rest: Arguments) => serveFilter(bench, ...rest);

describe('a tap', () => {
  for (const [name, sent, want, passedOn] of [
    ['of declared length', 'Content-Length: 6\r\n\r\nsix!!!', ['six!!!', 'end'], 'six!!!'],
    [
      'of chunks',
      'Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n',
      ['ab', 'cde', 'end'],
      '5\r\nabcde\r\n0\r\n\r\n',
    ],
    ['that is none', 'Content-Length: 0\r\n\r\n', [], ''],
  ] as const) {
    test(`sees a body ${name}, which goes on as it was`, async () => {
      const seen: string[] = [];
      const { port, backend } = await serve({
        onRequest(request) {
          request.tapBody({
            onBodyData: (buffer, start, end) => seen.push(buffer.toString('latin1', start, end)),
            onBodyEnd: () => seen.push('end'),
          });
          return undefined;
        },
      });
      const client = await bench.connect(port);
      client.send(`POST / HTTP/1.1\r\nHost: a.test\r\n${sent}`);
      await client.response();
      expect(seen).toEqual(want);
      const [request = ''] = backend.requests;
      expect(request.slice(request.indexOf('\r\n\r\n') + 4)).toBe(passedOn);
      client.send('POST / HTTP/1.1\r\nHost: b.test\r\nContent-Length: 1\r\n\r\nx');
      await client.response();
      expect(seen).toEqual(want);
    });
  }
});

/** Makes capitals of all, and adds an end. */
function capitals(out: BodyOut): BodyStage {
  return {
    write: (buffer, start, end) =>
      out.write(Buffer.from(buffer.toString('latin1', start, end).toUpperCase())),
    end() {
      out.write(Buffer.from('!'));
      out.end();
    },
    drain: () => out.ready(),
    close: () => {},
  };
}

const capitalising: Filter = {
  stageBody(response, _, out) {
    response.set('X-Stage', 'capitals');
    return capitals(out);
  },
};

const chunked = (text: string): string =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

describe('a stage', () => {
  const replies: [name: string, reply: string][] = [
    ['of declared length', OK],
    ['of chunks', chunked('ok')],
  ];
  for (const [name, reply] of replies) {
    test(`changes a body ${name}, whose length is then not declared`, async () => {
      const { port, log, logged } = await serve(capitalising, () => reply);
      const client = await bench.connect(port);
      client.send(GET);
      const response = await client.until((text) => text.endsWith('0\r\n\r\n'));
      expect(response).toMatch(/X-Stage: capitals\r\n/);
      expect(response).not.toContain('Content-Length');
      expect(response.slice(response.indexOf('\r\n\r\n') + 4)).toBe('2\r\nOK\r\n1\r\n!\r\n0\r\n\r\n');
      await logged(1);
      expect(log[0]).toMatchObject({ status: 200, bodyBytesSent: 3 });
      client.send(GET);
      await client.until((text) => text.endsWith('0\r\n\r\n') && text.length > response.length);
    });
  }

  test('for a client of HTTP/1.0 the end of the connection is the end of the body', async () => {
    const { port } = await serve(capitalising);
    const client = await bench.connect(port);
    client.send('GET / HTTP/1.0\r\nHost: a.test\r\n\r\n');
    expect(await client.ended()).toMatch(/\r\n\r\nOK!$/);
  });

  test('of a response without body changes its head', async () => {
    let closed = 0;
    const { port } = await serve(
      { stageBody: (response, request, out) => ({ ...capitals(out), close: () => void closed++ }) },
      () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n',
    );
    const client = await bench.connect(port);
    client.send('HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    const head = await client.until((text) => text.endsWith('\r\n\r\n'));
    expect(head).not.toContain('Content-Length');
    expect(closed).toBe(1);
  });

  test('that is full has the upstream wait, and goes on when it has room', async () => {
    let out: BodyOut | undefined;
    let taken = 0;
    let isEnded = false;
    const { port, backend } = await serve(
      {
        stageBody: (_, __, given) => {
          out = given;
          return {
            write(_buffer, start, end) {
              taken += end - start;
              return false;
            },
            end: () => {
              isEnded = true;
              given.write(Buffer.from('done'));
              given.end();
            },
            drain: () => {},
            close: () => {},
          };
        },
      },
      () => 'HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n',
    );
    const client = await bench.connect(port);
    client.send(GET);
    await eventually(() => backend.sockets.length === 1 && out !== undefined);
    const [socket] = backend.sockets;
    const part = Buffer.alloc(500_000);
    let sent = 0;
    const fill = () => {
      while (sent < 100 && socket!.write(part)) sent++;
      if (sent < 100) sent++;
    };
    fill();
    await eventually(() => taken > 0);
    expect(socket!.writableNeedDrain).toBe(true);
    const before = taken;
    socket!.on('drain', fill);
    await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBe(before);
    await eventually(() => {
      out!.ready();
      return isEnded;
    });
    expect(await client.until((text) => text.includes('done\r\n'))).toContain('4\r\ndone\r\n0\r\n\r\n');
    expect(taken).toBe(50_000_000);
  });

  test('is told that the client takes no more, and that it does again', async () => {
    let drained = 0;
    let out: BodyOut | undefined;
    const { port } = await serve({
      stageBody(_, __, given) {
        out = given;
        const stage = capitals(given);
        return { ...stage, write: () => true, end: () => {}, drain: () => void drained++ };
      },
    });
    const socket = await bench.open(port);
    socket.write(GET);
    await eventually(() => out !== undefined);
    const part = Buffer.alloc(1_000_000, 'x');
    let parts = 1;
    while (out!.write(part)) parts++;
    let read = 0;
    socket.on('data', (chunk: Buffer) => (read += chunk.length));
    await eventually(() => drained === 1);
    out!.end();
    await eventually(() => read > parts * part.length);
  });

  test('is closed when the client goes, and whatever it sends then goes nowhere', async () => {
    let out: BodyOut | undefined;
    let closed = 0;
    const { port, faults } = await serve({
      stageBody(_, __, given) {
        out = given;
        return { ...capitals(given), write: () => true, end: () => {}, close: () => void closed++ };
      },
    });
    const socket = await bench.open(port);
    socket.write(GET);
    await eventually(() => out !== undefined);
    socket.resetAndDestroy();
    await eventually(() => closed === 1);
    expect(out!.write(Buffer.from('late'))).toBe(true);
    out!.ready();
    out!.end();
    out!.fail(new Error('late'));
    expect(faults).toEqual([]);
  });

  test('that fails cuts the response off', async () => {
    const { port, faults } = await serve({
      stageBody: (_, __, out) => ({
        ...capitals(out),
        end() {
          out.write(Buffer.from('half'));
          out.fail(new Error('no more'));
        },
      }),
    });
    const client = await bench.connect(port);
    client.send(GET);
    const text = await client.ended();
    expect(text).toContain('half');
    expect(text).not.toContain('0\r\n\r\n');
    expect(faults).toMatchObject([{ message: 'no more' }]);
  });
});
