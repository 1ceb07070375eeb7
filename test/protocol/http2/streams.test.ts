import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { data, type Fields, frame, GET, headers, POST, settings } from '../../../src/proxy/http2/testing.ts';
import { FRAME, SETTING } from '../../../src/proxy/http2/wire-codes.ts';
import { WAITS } from '../../../src/proxy/exchange/client-waits.ts';
import { type Answering, Bench, eventually, OK } from '../engine/harness.ts';
import { connectRaw, type RawHttp2Client } from './raw-client.ts';

/** Streams of clients' connections through the engine: what HTTP/2 has of its own. */

let bench: Bench;
const clients: RawHttp2Client[] = [];
beforeEach(() => {
  bench = new Bench();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.socket.destroy();
  await bench.close();
});

async function connected(port: number, start = settings()): Promise<RawHttp2Client> {
  const client = await connectRaw(port, start);
  clients.push(client);
  return client;
}

/** What the bench's timers count in. */
const TICK_MS = 5;
/** An upstream that holds its answers. */
async function holding(): Promise<Answering & { answer(index: number): void }> {
  const answers: (() => void)[] = [];
  const upstream = await bench.answering((_request, socket, index) => {
    answers[index] = () => socket.write(OK);
    return undefined;
  });
  return { ...upstream, answer: (index) => answers[index]!() };
}

describe('who may speak it', () => {
  test('nobody, where use-http2 is false', async () => {
    const engine = await bench.engine({ settings: { isHttp2Used: false } });
    const client = await engine.connect();
    client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 505 /);
  });

  test('not over TLS without agreement', async () => {
    const engine = await bench.engine({}, { scheme: 'https' });
    const client = await engine.connect();
    client.send('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 505 /);
  });

  test('not behind a request of HTTP/1.1', async () => {
    const engine = await bench.engine({ deniedStatus: 403 });
    const client = await engine.connect();
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 403 [^]*HTTP\/1\.1 505 /);
  });

  test('a preface that comes octet by octet', async () => {
    const engine = await bench.engine({ deniedStatus: 403 });
    const socket = await bench.open(engine.port);
    const bytes = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      settings(),
      headers(1, GET),
    ]);
    let got = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => (got = Buffer.concat([got, chunk])));
    for (const octet of bytes) {
      socket.write(Buffer.from([octet]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => got.includes('403 Forbidden'));
  });
});

describe('requests', () => {
  test('100 is answered where the body is waited for', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await connected(engine.port);
    const expecting: Fields = [...POST, ['expect', '100-continue'], ['content-length', '3']];
    client.send(headers(1, expecting, 4));
    expect(await client.until(/^headers 1 /)).toBe('headers 1 {:status: 100}');
    client.send(data(1, 'abc', 1));
    await client.until(/^data 1 "ok" end/);
    expect(upstream.requests[0]).not.toMatch(/expect/i);
  });

  test('a stream above the limit is refused, and the others go on', async () => {
    const upstream = await holding();
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: { maxConcurrentStreams: 2 },
    });
    const client = await connected(engine.port);
    client.send(headers(1, GET), headers(3, GET), headers(5, GET));
    expect(await client.until(/^reset 5 /)).toBe('reset 5 refusedStream');
    await eventually(() => upstream.requests.length === 2);
    upstream.answer(0);
    upstream.answer(1);
    await client.until(/^data 3 "ok" end/);
    await client.until(/^data 1 "ok" end/);
  });

  test('a body that stops is a 408 of its stream alone', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], settings: { bodyTimeoutMs: 20 } });
    const client = await connected(engine.port);
    client.send(headers(1, POST, 4), data(1, 'a'));
    await eventually(() => engine.context.bodies.budget.memoryBytes > 0);
    const late = client.until(/^headers 1 /);
    engine.context.timers.advance(2_000 / TICK_MS);
    expect(await late).toContain('{:status: 408, ');
    client.send(headers(3, GET));
    await client.until(/^data 3 "ok" end/);
    expect(engine.oddities.http2Ended).toEqual(['slow-body']);
  });

  test('keep-alive-requests ask the client to go, and answer what it has asked for', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], settings: { keepAliveRequests: 2 } });
    const client = await connected(engine.port);
    client.send(headers(1, GET), headers(3, GET), headers(5, GET));
    await client.until(/^goaway 2147483647 noError/);
    await client.until(/^data 5 "ok" end/);
    client.send(frame(FRAME.ping, 1, 0, Buffer.alloc(8)));
    await client.until(/^goaway 5 noError/);
    await client.until(/^end$/);
    client.socket.end();
    await eventually(() => engine.context.connections.size === 0);
  });

  test('a handshake that no longer stands for its host is answered 421, and is the last of its connection', async () => {
    const engine = await bench.engine({
      filters: [{ onRequest: () => ({ status: 421, refusal: 'outdated_handshake' }) }],
    });
    const client = await connected(engine.port);
    client.send(headers(1, GET));
    expect(await client.until(/^headers 1 /)).toContain('{:status: 421, ');
    await client.until(/^goaway 2147483647 noError/);
  });

  test('one for another host is answered 421, and others on the connection go on', async () => {
    const engine = await bench.engine({
      filters: [
        {
          onRequest: ({ host }) =>
            host === 'a.test' ? { status: 421, refusal: 'misdirected' } : { status: 204 },
        },
      ],
    });
    const client = await connected(engine.port);
    client.send(headers(1, GET), headers(3, [...GET.slice(0, 2), [':authority', 'b.test'], [':path', '/']]));
    expect(await client.until(/^headers 1 /)).toContain('{:status: 421, ');
    expect(await client.until(/^headers 3 /)).toContain('{:status: 204, ');
    expect(client.lines.some((line) => line.startsWith('goaway'))).toBe(false);
  });

  test('an answer that is cut off within cannot look complete', async () => {
    const upstream = await bench.upstream((socket) => {
      socket.on('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart', () => socket.destroy()),
      );
    });
    const engine = await bench.engine({ endpoints: [upstream] });
    const client = await connected(engine.port);
    client.send(headers(1, GET));
    expect(await client.until(/^reset 1 /)).toBe('reset 1 internalError');
  });
});

describe('WebSockets (RFC 8441)', () => {
  const CONNECT: Fields = [
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    ...GET.slice(1),
    ['sec-websocket-version', '13'],
    ['origin', 'https://a.test'],
  ];

  async function upgrading(answer: string): Promise<{
    readonly endpoint: { readonly address: string; readonly port: number };
    readonly heads: string[];
    readonly sockets: Socket[];
  }> {
    const heads: string[] = [];
    const sockets: Socket[] = [];
    const endpoint = await bench.upstream((socket) => {
      sockets.push(socket);
      socket.once('data', (chunk: Buffer) => {
        heads.push(chunk.toString('latin1'));
        socket.pause();
        socket.write(answer);
      });
    });
    return { endpoint, heads, sockets };
  }
  const GRANTED =
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n';

  test('are said to be taken', async () => {
    const engine = await bench.engine();
    const client = await connected(engine.port);
    await client.until(/^settings [1-9]/);
    expect(SETTING.enableConnectProtocol).toBe(8);
  });

  test('are an upgrade to the server, and a stream to the client', async () => {
    const { endpoint, heads, sockets } = await upgrading(GRANTED);
    const engine = await bench.engine({ endpoints: [endpoint] });
    const client = await connected(engine.port);
    client.send(headers(1, CONNECT, 4));
    const head = await client.until(/^headers 1 /);
    expect(head).toMatch(/^headers 1 \{:status: 200, date: [^,]+, [^,]+, sec-websocket-protocol: chat\}$/);
    const lines = heads[0]!.toLowerCase();
    expect(lines).toMatch(/^get \/ http\/1\.1\r\n/);
    expect(lines).toContain('\r\nupgrade: websocket\r\nconnection: upgrade\r\n');
    expect(lines).toMatch(/\r\nsec-websocket-key: [a-z0-9+/]{22}==\r\n/);
    client.send(data(1, 'to the server'));
    const [bytes] = (await once(sockets[0]!.resume(), 'data')) as [Buffer];
    expect(bytes.toString()).toBe('to the server');
    sockets[0]!.write('to the client');
    await client.until(/^data 1 "to the client"$/);
    sockets[0]!.end();
    await client.until(/^data 1 "" end$/);
    client.send(data(1, '', 1));
    await engine.logged(1);
    expect(engine.log[0]).toMatchObject({ status: 101, requestLine: 'GET / HTTP/2.0', bodyBytesSent: 13 });
  });

  test('have a key each, and requests with the same fields have none', async () => {
    const heads: string[] = [];
    const upstream = await bench.answering((head) => {
      heads.push(head);
      return 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno';
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await connected(engine.port);
    const plain = [...GET, ...CONNECT.slice(-2)];
    const ask = async (id: number, fields: Fields) => {
      client.send(headers(id, fields, fields === CONNECT ? 4 : 5));
      await client.until(new RegExp(`^data ${id} "no"`));
      return /^sec-websocket-key: (.*)$/im.exec(heads.pop()!)?.[1];
    };
    const keys: (string | undefined)[] = [];
    for (const [i, fields] of [plain, plain, plain, CONNECT, CONNECT, plain, CONNECT].entries()) {
      keys.push(await ask(2 * i + 1, fields));
    }
    expect(keys.map((key) => key?.length)).toEqual([undefined, undefined, undefined, 24, 24, undefined, 24]);
    expect(new Set(keys).size).toBe(4);
  });

  test('what comes before the answer waits for it', async () => {
    const { endpoint, sockets } = await upgrading(GRANTED);
    const engine = await bench.engine({ endpoints: [endpoint] });
    const client = await connected(engine.port);
    client.send(headers(1, CONNECT, 4), data(1, 'early'));
    await client.until(/^headers 1 /);
    const [bytes] = (await once(sockets[0]!.resume(), 'data')) as [Buffer];
    expect(bytes.toString()).toBe('early');
  });

  for (const [answer, status] of [
    ['HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno', 403],
    // A success would be the tunnel.
    ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno', 502],
  ] as const) {
    test(`an answer ${answer.slice(9, 12)} is ${status} to the client`, async () => {
      const { endpoint } = await upgrading(answer);
      const engine = await bench.engine({ endpoints: [endpoint] });
      const client = await connected(engine.port);
      client.send(headers(1, CONNECT, 4));
      expect(await client.until(/^headers 1 /)).toContain(`{:status: ${status}, `);
      await engine.logged(1);
      expect(engine.log[0]!.status).toBe(status);
    });
  }

  test('outlive the time that a body has', async () => {
    const { endpoint, sockets } = await upgrading(GRANTED);
    const engine = await bench.engine({ endpoints: [endpoint], settings: { bodyTimeoutMs: 10 } });
    const client = await connected(engine.port);
    client.send(headers(1, CONNECT, 4));
    await client.until(/^headers 1 /);
    engine.context.timers.advance(3_000 / TICK_MS);
    sockets[0]!.write('still');
    await client.until(/^data 1 "still"$/);
  });
});

describe('ends', () => {
  test('a worker that drains says so, answers what is under way, and closes', async () => {
    const upstream = await holding();
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await connected(engine.port);
    client.send(headers(1, GET));
    await eventually(() => upstream.requests.length === 1);
    const drained = engine.drain(60_000);
    await client.until(/^goaway 2147483647 noError/);
    // On its way when the client was told.
    client.send(headers(3, GET), frame(FRAME.ping, 1, 0, Buffer.alloc(8)));
    await client.until(/^goaway 3 noError/);
    await eventually(() => upstream.requests.length === 2);
    upstream.answer(0);
    upstream.answer(1);
    await client.until(/^data 1 "ok" end/);
    await client.until(/^data 3 "ok" end/);
    await client.until(/^end$/);
    client.socket.end();
    expect(await drained).toBe(0);
  });

  test('what has spoken HTTP/2 goes with its next request where use-http2 is switched off', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await connected(engine.port);
    client.send(headers(1, GET));
    await client.until(/^data 1 "ok" end/);
    (engine.router as { settings: object }).settings = { ...engine.router.settings, isHttp2Used: false };
    client.send(headers(3, GET));
    await client.until(/^data 3 "ok" end/);
    await client.until(/^goaway 2147483647 noError/);
  });

  test('a client that goes on when its connection was ended is cut', async () => {
    const engine = await bench.engine();
    const client = await connected(engine.port);
    client.send(frame(FRAME.ping, 0, 1, Buffer.alloc(8)));
    await client.until(/^end$/);
    client.send(Buffer.alloc(1_000_000));
    // More than what is between the two holds.
    const error = await new Promise((resolve) => client.socket.write(Buffer.alloc(64_000_000), resolve));
    expect(error).toBeInstanceOf(Error);
    expect(engine.context.connections.size).toBe(0);
    expect(engine.faults).toEqual([]);
  });

  test('a client that does not close its half is cut', async () => {
    const engine = await bench.engine();
    const client = await connected(engine.port);
    await client.until(/^settings/);
    client.send(frame(FRAME.ping, 0, 1, Buffer.alloc(8)));
    await client.until(/^goaway 0 protocolError/);
    await client.until(/^end$/);
    engine.context.timers.advance((WAITS.lingerTimeoutMs + 100) / TICK_MS);
    expect(engine.context.connections.size).toBe(0);
    expect(engine.oddities.http2Ended).toEqual(['malformed']);
  });
});
