import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { data, headers, POST, reset } from '../../../src/proxy/http2/testing.ts';
import { plainWire } from '../../../src/proxy/upstream/wire-key.ts';
import type { FixedRouterOptions } from './fixed-router.ts';
import { Bench, type Engine, eventually } from './harness.ts';
import { connectRaw } from '../http2/raw-client.ts';
import { rawHttp2 } from './raw-http2.ts';

let bench: Bench;
let ends: (() => void)[];
beforeEach(() => {
  bench = new Bench();
  ends = [];
});
afterEach(async () => {
  for (const end of ends) end();
  await bench.close();
});

const wire = plainWire('h2');
const CALL = {
  ':method': 'POST',
  ':path': '/shop.Cart/Add',
  'content-type': 'application/grpc',
  te: 'trailers',
};
const OPEN: FixedRouterOptions['body'] = { isRequestBuffered: false };

type Received = IncomingHttpHeaders & Record<string, unknown>;

/** A server of node:http2 that does with every call what it is told to. */
async function server(
  answer: (stream: ServerHttp2Stream, headers: Received) => void,
): Promise<{ address: string; port: number; sessions: ServerHttp2Session[] }> {
  const created = createServer();
  const sessions: ServerHttp2Session[] = [];
  created.on('session', (session) => sessions.push(session as ServerHttp2Session));
  created.on('stream', (stream, headers) => {
    stream.on('error', () => {});
    answer(stream as ServerHttp2Stream, headers as Received);
  });
  created.listen(0, '127.0.0.1');
  await once(created, 'listening');
  ends.push(() => {
    for (const session of sessions) session.destroy();
    created.close();
  });
  return { address: '127.0.0.1', port: (created.address() as AddressInfo).port, sessions };
}

function echo(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'x-sum': 'one' }));
  stream.pipe(stream);
}

async function client(port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`);
  ends.push(() => session.destroy());
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  return session;
}

interface Answer {
  readonly head: Received;
  /** Whether the head is all there is. */
  readonly isHeadOnly: boolean;
  readonly body: string;
  readonly trailers: Received;
  readonly code: number;
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  let head: Received = {};
  let isHeadOnly = false;
  let body = '';
  let trailers: Received = {};
  stream.on('response', (received, flags) => {
    head = received as Received;
    isHeadOnly = (flags & 1) === 1;
  });
  stream.on('data', (chunk: Buffer) => {
    body += chunk.toString('latin1');
  });
  stream.on('trailers', (received) => {
    trailers = received as Received;
  });
  stream.on('error', () => {});
  return new Promise((resolve) =>
    stream.on('close', () => resolve({ head, isHeadOnly, body, trailers, code: stream.rstCode })),
  );
}

function call(
  session: ClientHttp2Session,
  body = 'message',
  more: OutgoingHttpHeaders = {},
): Promise<Answer> {
  const stream = session.request({ ...CALL, ':authority': 'a.test', ...more });
  stream.end(body);
  return answerOf(stream);
}

async function served(
  endpoints: readonly { address: string; port: number }[],
  options: FixedRouterOptions = {},
): Promise<Engine> {
  return bench.engine({ endpoints, wire, body: OPEN, ...options });
}

describe('a call', () => {
  test('arrives with its metadata, authority and TE, and comes back with its trailers', async () => {
    let got: Received = {};
    const upstream = await server((stream, headers) => {
      got = headers;
      echo(stream);
    });
    const engine = await served([upstream]);
    const session = await client(engine.port);
    const { head, body, trailers } = await call(session, 'abc', {
      'grpc-timeout': '5S',
      'x-token-bin': 'AAE=',
    });
    expect(got).toMatchObject({
      ':method': 'POST',
      ':path': '/shop.Cart/Add',
      ':authority': 'a.test',
      ':scheme': 'http',
      te: 'trailers',
      'grpc-timeout': '5S',
      'x-token-bin': 'AAE=',
    });
    expect(got['host']).toBeUndefined();
    expect([head[':status'], body, trailers['grpc-status'], trailers['x-sum']]).toEqual([
      200,
      'abc',
      '0',
      'one',
    ]);
    await engine.logged(1);
    expect(engine.log[0]).toMatchObject({ status: 200, upstreamStatus: [200], bodyBytesSent: 3 });
    expect(engine.router.endpoints[0]!.outcomes).toEqual(['ok']);
  });

  test('without TE asks for no trailers', async () => {
    let got: Received = {};
    const upstream = await server((stream, headers) => {
      got = headers;
      echo(stream);
    });
    const engine = await served([upstream]);
    await call(await client(engine.port), '', { te: undefined });
    expect(got['te']).toBeUndefined();
  });

  test('that is answered with a head alone gets a head alone', async () => {
    const upstream = await server((stream) => {
      stream.respond(
        { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' },
        { endStream: true },
      );
    });
    const engine = await served([upstream]);
    const { head, isHeadOnly } = await call(await client(engine.port));
    expect([head['grpc-status'], isHeadOnly, head['content-length']]).toEqual(['5', true, undefined]);
  });

  test('of an HTTP/1.1 client is answered in HTTP/1.1, trailers behind the last chunk', async () => {
    const upstream = await server(echo);
    const engine = await served([upstream]);
    const plain = await engine.connect();
    plain.send(
      'POST /shop.Cart/Add HTTP/1.1\r\nHost: a.test\r\nContent-Type: application/grpc\r\nTE: trailers\r\nContent-Length: 3\r\n\r\nabc',
    );
    const text = await plain.until((all) => all.includes('grpc-status'));
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(text).toContain('\r\n3\r\nabc\r\n0\r\ngrpc-status: 0\r\n');
  });

  test('is passed on before it ended: each side may speak when it likes', async () => {
    const upstream = await server(echo);
    const engine = await served([upstream], { body: { isRequestBuffered: false } });
    const stream = (await client(engine.port)).request({ ...CALL, ':authority': 'a.test' });
    const answer = answerOf(stream);
    for (const message of ['one', 'two', 'three']) {
      stream.write(message);
      const [echoed] = await once(stream, 'data');
      expect(String(echoed)).toBe(message);
    }
    stream.end();
    expect((await answer).trailers['grpc-status']).toBe('0');
  });

  test('shares its connection with others, and each goes to an endpoint of its own choice', async () => {
    const upstreams = [await server(echo), await server(echo)];
    const engine = await served(upstreams);
    const session = await client(engine.port);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => call(session, String(i))));
    expect(answers.map(({ body }) => body)).toEqual(answers.map((_, i) => String(i)));
    expect(upstreams.map(({ sessions }) => sessions.length)).toEqual([1, 1]);
    expect(engine.router.endpoints.map(({ outcomes }) => outcomes.length)).toEqual([20, 20]);
  });
});

describe('cancelling', () => {
  test('a client that cancels cancels the call at the server', async () => {
    let code = -1;
    const upstream = await server((stream) => {
      stream.respond({ ':status': 200 });
      stream.on('close', () => {
        code = stream.rstCode;
      });
    });
    const engine = await served([upstream]);
    const stream = (await client(engine.port)).request({ ...CALL, ':authority': 'a.test' });
    stream.on('error', () => {});
    await once(stream, 'response');
    stream.close(8);
    await eventually(() => code === 8);
    expect(upstream.sessions).toHaveLength(1);
  });

  for (const { name, flags, isAnswered, status } of [
    { name: 'in a call that both sides stream', flags: 4, isAnswered: true, status: 200 },
    { name: 'before the answer', flags: 5, isAnswered: false, status: 499 },
    { name: 'within an answer that is silent', flags: 5, isAnswered: true, status: 200 },
  ]) {
    test(`a client that closes its connection ${name} cancels the call at the server`, async () => {
      let code = -1;
      const upstream = await server((stream) => {
        if (isAnswered) stream.respond({ ':status': 200 });
        stream.on('close', () => {
          code = stream.rstCode;
        });
      });
      const engine = await served([upstream], { timeouts: { readTimeoutMs: 1_000_000_000 } });
      const asking = await connectRaw(engine.port);
      ends.push(() => asking.socket.destroy());
      asking.send(headers(1, POST, flags));
      if (isAnswered) await asking.until(/^headers 1 /);
      else await eventually(() => engine.router.endpoints[0]!.inFlight === 1);
      asking.socket.end();
      await eventually(() => {
        engine.context.timers.advance(20);
        return code === 8;
      });
      await engine.logged(1);
      expect(engine.log[0]!.status).toBe(status);
      expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    });
  }

  for (const [name, code, want] of [
    ['CANCEL', 8, 8],
    ['ENHANCE_YOUR_CALM', 11, 11],
    ['PROTOCOL_ERROR', 1, 2],
  ] as const) {
    test(`a server that resets with ${name} within its answer`, async () => {
      const upstream = await rawHttp2(bench, (connection, id) =>
        connection.send(headers(id, [[':status', '200']], 4), data(id, 'part'), reset(id, code)),
      );
      const engine = await served([upstream.endpoint]);
      const answer = await call(await client(engine.port));
      expect([answer.head[':status'], answer.code]).toEqual([200, want]);
    });
  }
});

describe('errors of Serin’s own', () => {
  for (const { name, options, status, grpc, message } of [
    {
      name: 'no endpoint',
      options: {},
      status: 503,
      grpc: '14',
      message: '503 Service Temporarily Unavailable',
    },
    {
      name: 'a route that is closed',
      options: { deniedStatus: 403 },
      status: 403,
      grpc: '7',
      message: '403 Forbidden',
    },
    {
      name: 'no upstream',
      options: { hasNoUpstream: true },
      status: 404,
      grpc: '12',
      message: '404 Not Found',
    },
    {
      name: 'a filter that refuses',
      options: {
        filters: [
          {
            onRequest: () => ({
              status: 401,
              contentType: 'text/plain',
              headers: [
                ['WWW-Authenticate', 'Basic'],
                ['Content-Type', 'text/plain'],
              ],
            }),
          },
        ],
      },
      status: 401,
      grpc: '16',
      message: '401 Unauthorized',
    },
  ] as const) {
    test(`${name}: status ${grpc}, and ${status} in the log`, async () => {
      const engine = await served([], options as FixedRouterOptions);
      const { head, isHeadOnly } = await call(await client(engine.port));
      expect(head).toMatchObject({
        ':status': 200,
        'content-type': 'application/grpc',
        'grpc-status': grpc,
        'grpc-message': message,
      });
      expect(isHeadOnly).toBe(true);
      if (status === 401) expect(head['www-authenticate']).toBe('Basic');
      await engine.logged(1);
      expect(engine.log[0]).toMatchObject({ status, bodyBytesSent: 0 });
    });
  }

  test('to anything else they are pages', async () => {
    const engine = await served([]);
    const session = await client(engine.port);
    for (const type of ['application/json', 'application/grpc-web', 'application/grpcish']) {
      const { head, body } = await call(session, '', { 'content-type': type });
      expect([head[':status'], head['grpc-status']]).toEqual([503, undefined]);
      expect(body).toContain('503 Service');
    }
    for (const type of ['application/grpc+proto', 'application/grpc; charset=x', 'Application/gRPC']) {
      expect((await call(session, '', { 'content-type': type })).head['grpc-status']).toBe('14');
    }
  });

  test('a server that cancels before it answers', async () => {
    const upstream = await rawHttp2(bench, (connection, id) => connection.send(reset(id, 8)));
    const engine = await served([upstream.endpoint]);
    const { head } = await call(await client(engine.port));
    expect([head[':status'], head['grpc-status']]).toEqual([200, '1']);
    await engine.logged(1);
    expect(engine.log[0]).toMatchObject({ status: 502, upstreamStatus: [502] });
  });

  test('a body that is too large is a status, and the server hears of the end', async () => {
    let isCut = false;
    const upstream = await server((stream) => {
      stream.resume();
      stream.on('close', () => {
        isCut = stream.rstCode !== 0;
      });
    });
    const engine = await served([upstream], { body: { isRequestBuffered: false, maxBodyBytes: 10 } });
    const stream = (await client(engine.port)).request({ ...CALL, ':authority': 'a.test' });
    const answer = answerOf(stream);
    stream.write('short');
    await eventually(() => upstream.sessions.length === 1);
    stream.write('and too much');
    expect((await answer).head['grpc-status']).toBe('8');
    await eventually(() => isCut);
  });
});
