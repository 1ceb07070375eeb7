import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { defineFeature } from '../../../src/features/kit/feature.ts';
import type { DirectResponse, FilterContext } from '../../../src/features/kit/filter.ts';
import type { Answer, Question } from '../../../src/features/kit/subrequest.ts';
import { serveModel } from '../../fixtures/feature-rig.ts';
import { hostModel, modelOf, routeModel } from '../../fixtures/models.ts';
import { endpointsAt } from '../../fixtures/worker-rig.ts';
import { Bench, eventually, OK, type Answering, type Client, type Served } from './harness.ts';

/** Questions beside an exchange, asked by a throw-away feature that answers with what it was told. */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const QUESTION: Question = {
  upstreamId: 'asked',
  method: 'GET',
  target: ({ path }) => `/check${path}`,
  host: () => 'asked.test',
  isHeadPassed: true,
  fields: [{ name: 'X-Original', value: ({ target }) => target }],
  without: ['x-secret'],
  kept: ['x-user', 'set-cookie'],
  maxBodyBytes: 0,
  maxHeadBytes: 4096,
  timeoutMs: 60_000,
};

type Reply = Parameters<Bench['answering']>[0];

const told = (answer: Answer): DirectResponse => ({
  status: 200,
  body: [
    answer.status,
    answer.failure,
    answer.header('x-user'),
    answer.headers('set-cookie').join('|'),
    answer.body,
    answer.isBodyCut,
  ].join(','),
});

interface Asking extends Served {
  readonly asked: Answering;
}

async function serve(
  reply: Reply,
  question: Partial<Question> = {},
  endpoints?: readonly { readonly port: number }[],
): Promise<Asking> {
  const asked = await bench.answering(reply);
  const feature = defineFeature({
    name: 'asking',
    doc: '',
    scope: 'route',
    stage: 'access',
    annotations: {},
    translate: () => undefined,
    createFilter: (_: object, { subrequest }: FilterContext) => {
      const { ask } = subrequest({ ...QUESTION, ...question });
      return {
        onRequest(request) {
          const answer = ask(request);
          return answer instanceof Promise ? answer.then(told) : told(answer);
        },
      };
    },
  });
  const backend = await bench.answering(() => OK);
  const route = routeModel('/', { upstreamId: 'web', policies: { asking: {} } });
  const model = modelOf([hostModel('a.test', [route])]);
  const served = await serveModel(
    bench,
    model,
    [feature],
    [endpointsAt('web', [backend.endpoint]), endpointsAt('asked', endpoints ?? [asked.endpoint])],
  );
  return { ...served, asked };
}

const head = (path: string, lines = ''): string => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n`;

async function get(client: Client, path = '/', lines = ''): Promise<string> {
  client.send(head(path, lines));
  const response = await client.response();
  return response.slice(response.indexOf('\r\n\r\n') + 4);
}

describe('a question', () => {
  test('is the request without body, with its own lines in place of what they name', async () => {
    const { port, asked } = await serve(() => OK);
    const client = await bench.connect(port);
    client.send(
      'POST /x?y=1 HTTP/1.1\r\nHost: a.test\r\nConnection: x-hop\r\nX-Hop: 1\r\nX-Secret: s\r\nx-original: forged\r\n' +
        'Cookie: a=b\r\nExpect: 100-continue\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody',
    );
    await client.until((text) => text.includes('200,,'));
    expect(asked.requests).toEqual([
      'GET /check/x HTTP/1.1\r\nHost: asked.test\r\nCookie: a=b\r\nContent-Type: text/plain\r\nX-Original: /x?y=1\r\n\r\n',
    ]);
  });

  test('answers with what was wanted of the head, and its connection is kept', async () => {
    const reply =
      'HTTP/1.1 401 No\r\nX-User: ann\r\nSet-Cookie: a=1\r\nX-Other: 1\r\nset-cookie: b=2\r\nContent-Length: 3\r\n\r\nno!';
    const { port, asked } = await serve(() => reply);
    const client = await bench.connect(port);
    expect(await get(client)).toBe('401,,ann,a=1|b=2,,false');
    await eventually(() => asked.sockets.length === 1);
    expect(await get(client)).toBe('401,,ann,a=1|b=2,,false');
    expect(asked.sockets).toHaveLength(1);
  });

  test('answers before the body is there', async () => {
    const { port } = await serve(() =>
      'HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n'.replace('204', '200'),
    );
    expect(await get(await bench.connect(port))).toBe('200,,,,,false');
  });

  test('has a line in the access log where it is to, before that of its request', async () => {
    const { port, log, logged, asked } = await serve(
      () => 'HTTP/1.1 401 No\r\nContent-Length: 3\r\n\r\nno!',
      {
        isLogged: true,
      },
    );
    const client = await bench.connect(port);
    await get(client, '/x?y=1');
    await get(client, '/x?y=1');
    await logged(4);
    const address = `127.0.0.1:${asked.endpoint.port}`;
    const line = {
      requestLine: 'GET /x?y=1 HTTP/1.1',
      status: 401,
      bodyBytesSent: 0,
      bytesSent: 0,
      upstreamStatus: [401],
      addresses: [address],
    };
    expect([log[0], log[2]]).toEqual([expect.objectContaining(line), expect.objectContaining(line)]);
    expect([log[1], log[3]]).toEqual([
      expect.objectContaining({ status: 200, upstreamStatus: [] }),
      expect.objectContaining({ status: 200, upstreamStatus: [] }),
    ]);
  });

  test('has one line for all who wait for it, and one with the failure where there is no answer', async () => {
    const { port, log, logged } = await serve(() => '', {
      isLogged: true,
      timeoutMs: 50,
      caching: { scope: '', key: () => '', lifeMs: () => 0 },
    });
    await Promise.all([get(await bench.connect(port)), get(await bench.connect(port))]);
    await logged(3);
    expect(log.map(({ status, upstreamStatus }) => [status, upstreamStatus])).toEqual([
      [504, [504]],
      [200, []],
      [200, []],
    ]);
  });

  test('gives a connection up whose body nobody wants and that does not end', async () => {
    const { port, asked } = await serve((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
      return 'x'.repeat(80_000);
    });
    expect(await get(await bench.connect(port))).toBe('200,,,,,false');
    await eventually(() => asked.sockets[0]!.destroyed || asked.sockets[0]!.readableEnded);
  });

  const bodies: [name: string, reply: string, told: string][] = [
    ['is kept', 'Content-Length: 4\r\n\r\nfour', '200,,,,four,false'],
    ['is kept as it fits', 'Content-Length: 5\r\n\r\nfive!', '200,,,,five!,false'],
    ['is kept as far as there is room', 'Content-Length: 6\r\n\r\nsix!!!', '200,,,,six!!,true'],
    [
      'of chunks is kept',
      'Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n',
      '200,,,,abcd,false',
    ],
    ['that is empty', 'Content-Length: 0\r\n\r\n', '200,,,,,false'],
  ];
  for (const [name, reply, want] of bodies) {
    test(`a wanted body ${name}`, async () => {
      const { port } = await serve(() => `HTTP/1.1 200 OK\r\n${reply}`, { maxBodyBytes: 5 });
      expect(await get(await bench.connect(port))).toBe(want);
    });
  }
});

describe('a question that fails', () => {
  const GARBAGE = 'nonsense\r\n\r\n';
  const replies: [name: string, reply: Reply, failure: string][] = [
    ['a server that closes', (_, socket) => void socket.destroy(), 'upstream_closed_early'],
    ['a server that speaks something else', () => GARBAGE, 'upstream_malformed'],
    ['a head without end', () => `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(5_000)}`, 'upstream_head_too_large'],
    [
      'another protocol that nobody asked for',
      () => 'HTTP/1.1 101 Ho\r\nUpgrade: ho\r\nConnection: upgrade\r\n\r\n',
      'upstream_malformed',
    ],
  ];
  for (const [name, reply, failure] of replies) {
    test(name, async () => {
      const { port, faults } = await serve(reply);
      expect(await get(await bench.connect(port))).toMatch(new RegExp(`^0,${failure}|^0,upstream_reset`));
      expect(faults).toEqual([]);
    });
  }

  test('nobody there', async () => {
    const { port } = await serve(() => OK, {}, []);
    expect(await get(await bench.connect(port))).toBe('0,no_endpoints,,,,false');
  });

  test('nobody listens', async () => {
    const { port } = await serve(() => OK, {}, [{ port: 1 }]);
    expect(await get(await bench.connect(port))).toBe('0,connect_failed,,,,false');
  });

  test('no answer in time, however it drips', async () => {
    const sockets: Socket[] = [];
    const { port } = await serve(
      (_, socket) => {
        sockets.push(socket);
        const drip = setInterval(() => socket.write('X'), 5);
        socket.on('close', () => clearInterval(drip));
        return 'HTTP/1.1 200 OK\r\nX-';
      },
      { timeoutMs: 50, maxHeadBytes: 1_000_000 },
    );
    expect(await get(await bench.connect(port))).toBe('0,read_timeout,,,,false');
    await eventually(() => sockets[0]!.destroyed);
  });

  test('a target that would be more than one word', async () => {
    const { port, faults } = await serve(() => OK, { target: () => '/a b' });
    expect(await get(await bench.connect(port))).toBe('0,unsafe_request,,,,false');
    expect(faults).toEqual([]);
  });

  test('a fault of ours', async () => {
    const { port, faults } = await serve(() => OK, {
      upstreamId: 'asked',
      host: () => {
        throw new Error('ours');
      },
    });
    expect(await get(await bench.connect(port))).toBe('0,internal,,,,false');
    expect(faults).toMatchObject([{ message: 'ours' }]);
  });

  test('another endpoint is asked when one is gone', async () => {
    const other = await bench.answering(() => OK);
    const { port } = await serve(() => OK, {}, [{ port: 1 }, other.endpoint]);
    const client = await bench.connect(port);
    for (let i = 0; i < 3; i++) expect(await get(client)).toBe('200,,,,,false');
  });

  test('a kept connection that is gone meanwhile is no failure', async () => {
    const { port, asked } = await serve(() => OK);
    const client = await bench.connect(port);
    expect(await get(client)).toBe('200,,,,,false');
    asked.sockets[0]!.resetAndDestroy();
    expect(await get(client)).toBe('200,,,,,false');
  });
});

describe('a client that goes', () => {
  test('takes its question with it', async () => {
    const { port, asked, faults } = await serve(() => undefined);
    const client = await bench.connect(port);
    client.send(head('/'));
    await eventually(() => asked.requests.length === 1);
    client.socket.destroy();
    await eventually(() => asked.sockets[0]!.destroyed || asked.sockets[0]!.readableEnded);
    expect(faults).toEqual([]);
  });
});

describe('answers that are remembered', () => {
  const caching = {
    scope: 's',
    key: ({ query }: { query: string }) => query,
    lifeMs: ({ status }: Answer) => (status === 200 ? 60_000 : 0),
  };
  const numbered: Reply = (_, __, index) =>
    `HTTP/1.1 200 OK\r\nX-User: ${index}\r\nContent-Length: 0\r\n\r\n`;

  test('are given to all of the same key', async () => {
    const { port, asked } = await serve(numbered, { caching });
    const client = await bench.connect(port);
    expect(await get(client, '/?a')).toBe('200,,0,,,false');
    expect(await get(client, '/x?a')).toBe('200,,0,,,false');
    expect(await get(client, '/?b')).toBe('200,,1,,,false');
    const long = `/?${'c'.repeat(500)}`;
    expect([await get(client, long), await get(client, long)]).toEqual(['200,,2,,,false', '200,,2,,,false']);
    expect(asked.requests).toHaveLength(3);
  });

  test('are not when they have no life, or failed', async () => {
    const replies = ['HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n', 'nonsense\r\n\r\n'];
    const { port } = await serve((_, __, index) => replies[index] ?? OK, { caching });
    const client = await bench.connect(port);
    expect(await get(client, '/?a')).toBe('401,,,,,false');
    expect(await get(client, '/?a')).toContain('0,upstream_malformed');
    expect(await get(client, '/?a')).toContain('200,');
  });

  test('are not for requests that differ in what Vary names', async () => {
    const { port, asked } = await serve(
      (_, __, index) => `HTTP/1.1 200 OK\r\nX-User: ${index}\r\nVary: X-Who\r\nContent-Length: 0\r\n\r\n`,
      { caching },
    );
    const client = await bench.connect(port);
    expect(await get(client, '/?a', 'X-Who: ann\r\n')).toBe('200,,0,,,false');
    expect(await get(client, '/?a', 'X-Who: ann\r\n')).toBe('200,,0,,,false');
    expect(await get(client, '/?a', 'X-Who: bob\r\n')).toBe('200,,1,,,false');
    expect(await get(client, '/?a')).toBe('200,,2,,,false');
    expect(asked.requests).toHaveLength(3);
  });

  test('one question is asked for all that wait; it goes on while one of them is there', async () => {
    const { port, asked } = await serve(() => undefined, { caching });
    const clients = [await bench.connect(port), await bench.connect(port), await bench.connect(port)];
    for (const client of clients) client.send(head('/?a'));
    await eventually(() => asked.requests.length === 1);
    clients[0]!.socket.destroy();
    asked.sockets[0]!.write('HTTP/1.1 200 OK\r\nX-User: one\r\nContent-Length: 0\r\n\r\n');
    for (const client of clients.slice(1)) expect(await client.response()).toContain('200,,one,,,false');
    expect(asked.requests).toHaveLength(1);
  });

  test('who waits and differs in what Vary names asks for itself', async () => {
    const { port, asked } = await serve((_, __, index) => (index === 0 ? undefined : OK), { caching });
    const [one, two] = [await bench.connect(port), await bench.connect(port)];
    one!.send(head('/?a', 'X-Who: ann\r\n'));
    await eventually(() => asked.requests.length === 1);
    two!.send(head('/?a', 'X-Who: bob\r\n'));
    await get(await bench.connect(port), '/?other');
    asked.sockets[0]!.write('HTTP/1.1 200 OK\r\nX-User: ann\r\nVary: x-who\r\nContent-Length: 0\r\n\r\n');
    expect(await one!.response()).toContain('200,,ann,,,false');
    expect(await two!.response()).toContain('200,,,,,false');
  });

  for (const line of ['Set-Cookie: session=1', 'Cache-Control: max-age=5, private']) {
    test(`who waits is not given what is for another client: ${line}`, async () => {
      const { port, asked } = await serve((_, __, index) => (index === 0 ? undefined : OK), {
        caching,
        kept: ['x-user', 'set-cookie', 'cache-control'],
      });
      const [one, two] = [await bench.connect(port), await bench.connect(port)];
      one!.send(head('/?a'));
      await eventually(() => asked.requests.length === 1);
      two!.send(head('/?a'));
      await get(await bench.connect(port), '/?other');
      asked.sockets[0]!.write(`HTTP/1.1 200 OK\r\nX-User: ann\r\n${line}\r\nContent-Length: 0\r\n\r\n`);
      expect(await one!.response()).toContain('200,,ann,');
      expect(await two!.response()).toContain('200,,,,,false');
      expect(asked.requests).toHaveLength(3);
    });
  }

  test('it is taken back when the last one goes', async () => {
    const { port, asked } = await serve(() => undefined, { caching });
    const clients = [await bench.connect(port), await bench.connect(port)];
    for (const client of clients) client.send(head('/?a'));
    await eventually(() => asked.requests.length === 1);
    for (const client of clients) client.socket.destroy();
    await eventually(() => asked.sockets[0]!.destroyed || asked.sockets[0]!.readableEnded);
  });
});
