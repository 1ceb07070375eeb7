import { once } from 'node:events';
import { connect } from 'node:http2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BodyOut } from '../../../src/features/kit/body.ts';
import type { Detour, Filter } from '../../../src/features/kit/filter.ts';
import type { RetryPolicy } from '../../../src/model/policy.ts';
import { Bench, eventually, GET, OK } from './harness.ts';
import { serveFilter } from './kit-rig.ts';

/** Requests answered from elsewhere, by throw-away features over real sockets. */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

type Arguments = Parameters<typeof serveFilter> extends [Bench, ...infer Rest] ? Rest : never;
const serve = (...rest: Arguments) => serveFilter(bench, ...rest);

describe('a stand-in', () => {
  const filter: Filter = { onNoEndpoints: () => ({ id: 'elsewhere', name: 'the-stand-in' }) };

  test('takes the requests of an upstream without endpoints, as they are', async () => {
    const { port, elsewhere, log, logged } = await serve(filter, undefined, { own: [] });
    const client = await bench.connect(port);
    client.send('POST /x?y HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody');
    expect(await client.response()).toMatch(/^HTTP\/1\.1 404 Gone\r\n[^]*page$/);
    expect(elsewhere.requests[0]).toMatch(/^POST \/x\?y HTTP\/1\.1\r\n[^]*\r\n\r\nbody$/);
    expect(elsewhere.requests[0]).toContain('X-Real-IP: ');
    await logged(1);
    expect(log[0]).toMatchObject({ status: 404, upstreamName: 'the-stand-in' });
  });

  test('takes none of one that has some', async () => {
    const { port, elsewhere } = await serve(filter);
    const client = await bench.connect(port);
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(elsewhere.requests).toEqual([]);
  });

  test('is passed over when it has none either', async () => {
    const { port } = await serve(filter, undefined, { own: [], there: [] });
    const client = await bench.connect(port);
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 503 /);
  });
});

describe('a detour', () => {
  const to: Detour = {
    upstreams: [{ id: 'elsewhere', name: 'the-pages' }],
    target: '/page?x',
    headers: [
      ['X-Code', '404'],
      ['X-Forged', 'ours'],
      ['X-Gone', ''],
    ],
  };
  const onNotFound: Filter = { onStatus: (status) => (status === 404 || status === 413 ? to : undefined) };
  const NOT_FOUND = 'HTTP/1.1 404 No\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nno';

  test('answers an error of the upstream from elsewhere', async () => {
    const { port, elsewhere, log, logged } = await serve(onNotFound, () => NOT_FOUND);
    const client = await bench.connect(port);
    client.send(
      'POST /x HTTP/1.1\r\nHost: a.test\r\nX-Forged: theirs\r\nX-Gone: theirs\r\nX-Other: theirs\r\nX-Real-IP: theirs\r\nContent-Length: 4\r\n\r\nbody',
    );
    const response = await client.response();
    expect(response).toContain('HTTP/1.1 404 Gone\r\n');
    expect(response).toContain('X-Page: 1\r\n');
    expect(response).not.toContain('X-Own');
    expect(response).toMatch(/\r\n\r\npage$/);
    const [asked = ''] = elsewhere.requests;
    expect(asked).toMatch(/^POST \/page\?x HTTP\/1\.1\r\nHost: a\.test\r\n/);
    expect(asked).toContain('X-Code: 404\r\n');
    expect(asked).toContain('X-Forged: ours\r\n');
    expect(asked).toContain('X-Other: theirs\r\n');
    expect(asked).not.toMatch(/X-Forged: theirs|X-Gone|X-Real-IP/i);
    expect(asked).toMatch(/Content-Length: 4\r\n\r\nbody$/);
    await logged(1);
    expect(log[0]).toMatchObject({ status: 404, upstreamName: 'the-pages', upstreamStatus: [404, 404] });
    client.send(GET);
    expect(await client.response()).toMatch(/page$/);
  });

  test('answers an error of the proxy, whose request body nobody read', async () => {
    const { port, elsewhere, backend } = await serve(onNotFound);
    const client = await bench.connect(port);
    client.send(
      `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n80\r\n${'x'.repeat(128)}\r\n`,
    );
    expect(await client.ended()).toMatch(/HTTP\/1\.1 404 Gone\r\n[^]*page$/);
    expect(elsewhere.requests).toHaveLength(1);
    expect(backend.requests).toEqual([]);
  });

  const LONG = 'x'.repeat(2_000_000);
  const bodies: [name: string, filter: Filter, sent: string, policy: object, want: RegExp][] = [
    [
      'that nobody has read yet',
      { onRequest: () => ({ status: 404 }), ...onNotFound },
      'Content-Length: 4\r\n\r\nbody',
      {},
      /Content-Length: 4\r\n\r\nbody$/,
    ],
    [
      'that was kept whole',
      onNotFound,
      'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
      { isRequestBuffered: true },
      /Content-Length: 4\r\n\r\nbody$/,
    ],
    [
      'whose beginning is gone, which is left out',
      onNotFound,
      `Content-Length: ${LONG.length}\r\n\r\n${LONG}`,
      { maxBodyBytes: 0 },
      /Content-Length: 0\r\n\r\n$/,
    ],
    [
      'that is too long, which is left out',
      onNotFound,
      'Content-Length: 101\r\n\r\n',
      {},
      /Content-Length: 0\r\n\r\n$/,
    ],
  ];
  for (const [name, filter, sent, policy, want] of bodies) {
    test(`has the method, and a body ${name}`, async () => {
      const { port, elsewhere } = await serve(filter, () => NOT_FOUND, { body: policy });
      const client = await bench.connect(port);
      client.send(`PUT / HTTP/1.1\r\nHost: a.test\r\n${sent}`);
      expect(await client.response()).toMatch(/^HTTP\/1\.1 404 Gone\r\n/);
      expect(elsewhere.requests).toHaveLength(1);
      expect(elsewhere.requests[0]).toMatch(/^PUT \/page/);
      expect(elsewhere.requests[0]).toMatch(want);
    });
  }

  test('declares no body of a request that comes after one whose body was refused', async () => {
    const { port, elsewhere } = await serve(onNotFound);
    const session = connect(`http://127.0.0.1:${port}`);
    for (const declared of [{}, { 'content-length': '128' }]) {
      const stream = session.request({ ':method': 'PUT', ':authority': 'a.test', ...declared });
      stream.on('error', () => {}).resume();
      stream.end('x'.repeat(128));
      await once(stream, 'close');
    }
    session.destroy();
    expect(elsewhere.requests).toHaveLength(2);
    expect(elsewhere.requests[1]).toMatch(/\r\nContent-Length: 0\r\n\r\n$/);
  });

  test('is no matter of the route’s response filters', async () => {
    const filter: Filter = {
      ...onNotFound,
      onRequest: (view) => void view.addResponseHeader('X-Route', '1', true),
      onResponse: (response) => response.set('X-Filter', '1'),
    };
    const { port } = await serve(filter, () => NOT_FOUND);
    const client = await bench.connect(port);
    client.send(GET);
    expect(await client.response()).not.toMatch(/x-route|x-filter/i);
  });

  test('still says how to sign in', async () => {
    const filter: Filter = {
      onRequest: () => ({
        status: 401,
        headers: [
          ['WWW-Authenticate', 'Basic realm="x"'],
          ['X-Else', '1'],
        ],
      }),
      onStatus: () => to,
    };
    const { port } = await serve(filter);
    const client = await bench.connect(port);
    client.send(GET);
    const response = await client.response();
    expect(response).toMatch(/^HTTP\/1\.1 404 Gone\r\n[^]*WWW-Authenticate: Basic realm="x"\r\n[^]*page$/);
    expect(response).not.toContain('X-Else');
  });

  test('is HEAD for HEAD', async () => {
    const { port, elsewhere } = await serve(onNotFound, () => 'HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n');
    const client = await bench.connect(port);
    client.send('HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    await client.until((text) => text.endsWith('\r\n\r\n'));
    expect(elsewhere.requests[0]).toMatch(/^HEAD \/page/);
  });

  test('is made once', async () => {
    const always: Filter = { onStatus: () => to };
    const { port, elsewhere } = await serve(always, () => NOT_FOUND);
    const client = await bench.connect(port);
    client.send(GET);
    expect(await client.response()).toMatch(/page$/);
    expect(elsewhere.requests).toHaveLength(1);
  });

  const failures: [name: string, endpoints: { port: number }[], detour: Detour, status: number][] = [
    ['where nobody is', [], to, 404],
    ['where nobody listens', [{ port: 1 }], to, 502],
    ['to no target', [{ port: 1 }], { ...to, target: '/a b' }, 400],
  ];
  for (const [name, endpoints, detour, status] of failures) {
    test(`${name} ends with a page of the proxy`, async () => {
      const { port } = await serve({ onStatus: () => detour }, () => NOT_FOUND, { there: endpoints });
      const client = await bench.connect(port);
      client.send(GET);
      expect(await client.response()).toContain(`HTTP/1.1 ${status} `);
    });
  }

  const large = 'x'.repeat(3_000_000);
  const errors: [name: string, reply: string][] = [
    ['whose body is large', `HTTP/1.1 404 No\r\nContent-Length: ${large.length}\r\n\r\n${large}`],
    ['whose body never ends', 'HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n'],
    ['whose body ends with the connection', 'HTTP/1.1 404 No\r\nConnection: close\r\n\r\nno'],
    ['without body', 'HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n'],
  ];
  for (const [name, reply] of errors) {
    test(`takes the place of an error ${name}, and the connection goes on`, async () => {
      const { port, elsewhere } = await serve(onNotFound, () => reply);
      const client = await bench.connect(port);
      for (let round = 1; round <= 3; round++) {
        client.send(GET);
        expect(await client.response()).toMatch(/^HTTP\/1\.1 404 Gone\r\n[^]*\r\n\r\npage$/);
        expect(elsewhere.requests).toHaveLength(round);
      }
    });
  }

  test('comes behind the last try, and its own status is tried once', async () => {
    const retry: RetryPolicy = {
      conditions: ['error', 'http_404'],
      isNonIdempotentRetried: false,
      tries: 3,
      timeoutMs: 0,
    };
    const { port, backend, elsewhere, log, logged } = await serve(onNotFound, () => NOT_FOUND, {
      policies: { retry },
    });
    const client = await bench.connect(port);
    client.send(GET);
    expect(await client.response()).toMatch(/page$/);
    expect([backend.requests.length, elsewhere.requests.length]).toEqual([3, 1]);
    await logged(1);
    expect(log[0]!.upstreamStatus).toEqual([404, 404, 404, 404]);
  });

  test('answers who asked for another protocol, without one', async () => {
    const { port, elsewhere } = await serve(onNotFound, () => NOT_FOUND);
    const client = await bench.connect(port);
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(await client.response()).toMatch(/^HTTP\/1\.1 404 Gone\r\n[^]*page$/);
    expect(elsewhere.requests[0]).not.toMatch(/upgrade|websocket/i);
    client.send(GET);
    expect(await client.response()).toMatch(/page$/);
  });

  test('gets all of a body of which some has not come yet', async () => {
    const early = await bench.upstream((socket) => socket.once('data', () => socket.write(NOT_FOUND)));
    const { port, elsewhere: pages } = await serve(onNotFound, undefined, { own: [early] });
    const client = await bench.connect(port);
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 8\r\n\r\nhalf');
    await eventually(() => pages.sockets.length === 1);
    expect(pages.requests).toEqual([]);
    client.send('rest');
    expect(await client.response()).toMatch(/page$/);
    expect(pages.requests[0]).toMatch(/Content-Length: 8\r\n\r\nhalfrest$/);
    client.send(GET);
    expect(await client.response()).toMatch(/page$/);
  });

  const pages: [name: string, page: string | undefined, want: RegExp][] = [
    [
      'an error of its own',
      'HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\noh',
      /^HTTP\/1\.1 500 Oh\r\n[^]*oh$/,
    ],
    ['nothing', undefined, /^HTTP\/1\.1 502 [^]*nginx/],
    ['no HTTP', 'no\r\n\r\n', /^HTTP\/1\.1 502 [^]*nginx/],
  ];
  for (const [name, page, want] of pages) {
    test(`from where they answer ${name} ends there`, async () => {
      const { port, elsewhere } = await serve({ onStatus: () => to }, () => NOT_FOUND, {
        page: (_, socket) => {
          if (page === undefined) socket.destroy();
          return page;
        },
      });
      const client = await bench.connect(port);
      client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1\r\n\r\nx');
      expect(await client.response()).toMatch(want);
      expect(elsewhere.requests).toHaveLength(1);
    });
  }

  test('of a response that was cut off before anything of it left has no stage of it', async () => {
    let isClosed = false;
    const filter: Filter = {
      onStatus: (status) => (status === 502 ? to : undefined),
      stageBody: (_, __, out: BodyOut) => ({
        write: () => true,
        end: () => out.end(),
        drain: () => out.ready(),
        close: () => (isClosed = true),
      }),
    };
    const { port } = await serve(filter, (_, socket) => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf');
      return undefined;
    });
    const client = await bench.connect(port);
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 404 Gone\r\n[^]*page$/);
    expect(isClosed).toBe(true);
  });

  test('keeps what an upstream says of how to sign in', async () => {
    const { port } = await serve(
      { onStatus: (status) => (status === 401 ? to : undefined) },
      () =>
        'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="a"\r\nWWW-Authenticate: Bearer\r\nX-Own: 1\r\nContent-Length: 0\r\n\r\n',
    );
    const client = await bench.connect(port);
    client.send(GET);
    const response = await client.response();
    expect(response.match(/WWW-Authenticate: .*/g)).toEqual([
      'WWW-Authenticate: Basic realm="a"',
      'WWW-Authenticate: Bearer',
    ]);
    expect(response).not.toContain('X-Own');
  });
});

test('an answer in place of the upstream’s is one of the route’s own', async () => {
  const filter: Filter = {
    replaceResponse: (status) =>
      status === 401 ? { status: 302, headers: [['Location', 'https://in.test/']] } : undefined,
    onStatus: (status) => (status === 401 ? { upstreams: [], target: '/', headers: [] } : undefined),
    onResponse: (response) => response.set('X-Filter', String(response.isLocal)),
  };
  const replies = ['HTTP/1.1 401 No\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nno', OK];
  const { port, log, logged } = await serve(filter, (_, __, index) => replies[index]);
  const client = await bench.connect(port);
  client.send(GET);
  const response = await client.response();
  expect(response).toMatch(/^HTTP\/1\.1 302 [^]*Location: https:\/\/in\.test\/\r\n[^]*X-Filter: true\r\n/);
  expect(response).not.toContain('X-Own');
  client.send(GET);
  expect(await client.response()).toMatch(/^HTTP\/1\.1 200 [^]*X-Filter: false\r\n[^]*ok$/);
  await logged(2);
  expect(log[0]).toMatchObject({ status: 302, upstreamStatus: [401] });
});
