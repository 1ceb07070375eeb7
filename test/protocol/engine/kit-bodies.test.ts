import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BodyOut, BodyStage } from '../../../src/features/kit/body.ts';
import { defineFeature } from '../../../src/features/kit/feature.ts';
import type { Detour, Filter } from '../../../src/features/kit/filter.ts';
import { serveModel } from '../../fixtures/feature-rig.ts';
import { hostModel, modelOf, routeModel } from '../../fixtures/models.ts';
import { endpointsAt } from '../../fixtures/worker-rig.ts';
import { Bench, eventually, GET, OK, type Answering, type Served } from './harness.ts';

/** Bodies watched and changed, and requests answered from elsewhere, by throw-away features over real sockets. */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

interface Rig extends Served {
  readonly backend: Answering;
  readonly elsewhere: Answering;
}

async function serve(
  filter: Filter,
  reply: Parameters<Bench['answering']>[0] = () => OK,
  endpoints?: readonly { readonly port: number }[],
  body: object = {},
  own?: readonly { readonly port: number }[],
): Promise<Rig> {
  const backend = await bench.answering(reply);
  const elsewhere = await bench.answering(
    () => 'HTTP/1.1 404 Gone\r\nX-Page: 1\r\nContent-Length: 4\r\n\r\npage',
  );
  const feature = defineFeature({
    name: 'throw-away',
    doc: '',
    scope: 'route',
    stage: 'access',
    annotations: {},
    translate: () => undefined,
    createFilter: () => filter,
  });
  const policies = {
    'throw-away': {},
    body: {
      maxBodyBytes: 100,
      isRequestBuffered: false,
      maxResponseHeadBytes: 4096,
      upstreamHttpMinor: 1,
      ...body,
    } as const,
  };
  const model = modelOf([hostModel('a.test', [routeModel('/', { upstreamId: 'web', policies })])]);
  const served = await serveModel(
    bench,
    model,
    [feature],
    [
      endpointsAt('web', own ?? [backend.endpoint]),
      endpointsAt('elsewhere', endpoints ?? [elsewhere.endpoint]),
    ],
  );
  return { ...served, backend, elsewhere };
}

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

describe('a stand-in', () => {
  const filter: Filter = { onNoEndpoints: () => ({ id: 'elsewhere', name: 'the-stand-in' }) };

  test('takes the requests of an upstream without endpoints, as they are', async () => {
    const { port, elsewhere, log, logged } = await serve(filter, undefined, undefined, {}, []);
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
    const { port } = await serve(filter, undefined, [], {}, []);
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
      const { port, elsewhere } = await serve(filter, () => NOT_FOUND, undefined, policy);
      const client = await bench.connect(port);
      client.send(`PUT / HTTP/1.1\r\nHost: a.test\r\n${sent}`);
      expect(await client.response()).toMatch(/^HTTP\/1\.1 404 Gone\r\n/);
      expect(elsewhere.requests).toHaveLength(1);
      expect(elsewhere.requests[0]).toMatch(/^PUT \/page/);
      expect(elsewhere.requests[0]).toMatch(want);
    });
  }

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
      const { port } = await serve({ onStatus: () => detour }, () => NOT_FOUND, endpoints);
      const client = await bench.connect(port);
      client.send(GET);
      expect(await client.response()).toContain(`HTTP/1.1 ${status} `);
    });
  }
});
