import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, eventually, GET, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const DATE = /Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n/;

describe('what is passed back', () => {
  const cases: {
    name: string;
    request?: string;
    response: string;
    end?: boolean;
    want: string;
    isClosed?: boolean;
  }[] = [
    {
      name: 'a response of declared length, without what is between upstream and proxy (docs/reference/routing.md §12)',
      response:
        'HTTP/1.1 201 Made\r\nServer: up\r\nDate: x\r\nX-Accel-Buffering: no\r\nX-A: 1\r\nConnection: X-B, keep-alive\r\nX-B: 2\r\n' +
        'Keep-Alive: 3\r\nX-Accel-Other: 1\r\nContent-Length: 3\r\n\r\nabc',
      want: 'HTTP/1.1 201 Made\r\nDATEX-A: 1\r\nX-Accel-Other: 1\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nabc',
    },
    {
      name: 'a chunked response with its trailers',
      response:
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3;e=1\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
      want: 'HTTP/1.1 200 OK\r\nDATETrailer: X-T\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n',
    },
    {
      name: 'a response until close, in chunks',
      response: 'HTTP/1.1 200 OK\r\n\r\nabc',
      end: true,
      want: 'HTTP/1.1 200 OK\r\nDATETransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    },
    {
      name: 'a chunked response to HTTP/1.0 until close',
      request: 'GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n',
      response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      want: 'HTTP/1.1 200 OK\r\nDATEConnection: close\r\n\r\nabc',
      isClosed: true,
    },
    {
      name: 'no body behind HEAD, and the length it would have',
      request: 'HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n',
      response: 'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n',
      want: 'HTTP/1.1 200 OK\r\nDATEContent-Length: 99\r\nConnection: keep-alive\r\n\r\n',
    },
    {
      name: 'a 204 without length',
      response: 'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n',
      want: 'HTTP/1.1 204 No Content\r\nDATEConnection: keep-alive\r\n\r\n',
    },
    {
      name: 'a 304 with the length it tells of',
      response: 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 7\r\n\r\n',
      want: 'HTTP/1.1 304 Not Modified\r\nDATEETag: "a"\r\nContent-Length: 7\r\nConnection: keep-alive\r\n\r\n',
    },
    {
      name: 'the final response behind the interim ones, but for 100, which the proxy answers itself',
      response: `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 199 \r\n\r\n${OK}`,
      want: 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 199 \r\n\r\nHTTP/1.1 200 OK\r\nDATEContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
    },
    {
      name: 'an interim response without what is between upstream and proxy',
      response: `HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 5\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nServer: s\r\nDate: d\r\n\r\n${OK}`,
      want: 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nDATEContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
    },
    {
      name: 'no interim response to HTTP/1.0',
      request: 'GET / HTTP/1.0\r\nHost: a.test\r\n\r\n',
      response: `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${OK}`,
      want: 'HTTP/1.1 200 OK\r\nDATEContent-Length: 2\r\nConnection: close\r\n\r\nok',
      isClosed: true,
    },
    {
      name: 'a head with bare LFs, its lines ended by CRLF',
      response: 'HTTP/1.0 200 OK\nX-A: 1 \nX-B:2\r\nX-C: 3\nX-D: 4\r\nContent-Length: 2\n\nok',
      want: 'HTTP/1.1 200 OK\r\nDATEX-A: 1\r\nX-B: 2\r\nX-C: 3\r\nX-D: 4\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
    },
    {
      name: 'a status above 599',
      response: 'HTTP/1.1 999 Request denied\r\nContent-Length: 2\r\n\r\nok',
      want: 'HTTP/1.1 999 Request denied\r\nDATEContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
    },
  ];
  for (const { name, request = GET, response, end = false, want, isClosed = false } of cases) {
    for (const isDribbled of [false, true]) {
      test(`${name}${isDribbled ? ', byte by byte' : ''}`, async () => {
        const upstream = await bench.answering((_request, socket) => {
          if (!isDribbled) {
            socket.write(response, 'latin1');
            if (end) socket.end();
            return undefined;
          }
          void (async () => {
            for (const byte of response) {
              socket.write(byte, 'latin1');
              await new Promise((resolve) => setImmediate(resolve));
            }
            if (end) socket.end();
          })();
          return undefined;
        });
        const engine = await bench.engine({ endpoints: [upstream.endpoint] });
        const client = await engine.connect();
        client.send(request);
        await engine.logged(1);
        // A second request shows where the first response ended, and that no byte of it is left anywhere.
        if (isClosed) await client.ended();
        else {
          client.send('GET / HTTP/1.1\r\nHost: unknown.test\r\nConnection: close\r\n\r\n');
          await client.ended();
        }
        const text = client.text.replace(/HTTP\/1\.1 404 Not Found\r\n[^]*$/, '').replace(DATE, 'DATE');
        if (!isDribbled || !want.includes('abc')) expect(text).toBe(want);
        else expect(joinChunks(text)).toBe(joinChunks(want));
        if (!isClosed) expect(client.text).toContain('404 Not Found');
      });
    }
  }

  test('server-tokens: Server with a version comes first, and pages have it at their foot', async () => {
    const upstream = await bench.answering(
      () => 'HTTP/1.1 200 OK\r\nServer: theirs\r\nContent-Length: 0\r\n\r\n',
    );
    const client = await (
      await bench.engine({ endpoints: [upstream.endpoint], settings: { isServerHeaderSent: true } })
    ).connect();
    client.send(GET);
    expect((await client.response()).replace(DATE, '')).toBe(
      'HTTP/1.1 200 OK\r\nServer: nginx/1.27.1\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n',
    );
    client.send('GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
    const page = await client.response();
    expect(page).toMatch(/^HTTP\/1\.1 404 Not Found\r\nServer: nginx\/1\.27\.1\r\nDate: /);
    expect(page).toContain('Content-Length: 153\r\n');
    expect(page).toContain('<hr><center>nginx/1.27.1</center>\r\n');
  });

  test('HSTS on real https only, instead of the upstream one; add-headers on everything', async () => {
    const upstream = await bench.answering(
      () =>
        'HTTP/1.1 200 OK\r\nStrict-Transport-Security: max-age=1\r\nX-Add: up\r\nX-Hide: 1\r\nContent-Length: 0\r\n\r\n',
    );
    const options = {
      endpoints: [upstream.endpoint],
      settings: { responseHeaders: [['X-Add', 'conf']] as const, hiddenResponseHeaders: ['X-Hide'] },
      setCookie: 'INGRESSCOOKIE=1|2; Path=/',
    };
    const secure = await bench.engine(options, { scheme: 'https', listener: 'https' });
    const client = await secure.connect();
    client.send(GET);
    expect((await client.response()).replace(DATE, '')).toBe(
      'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\nX-Add: conf\r\nSet-Cookie: INGRESSCOOKIE=1|2; Path=/\r\n' +
        'Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n\r\n',
    );
    expect(upstream.requests[0]).toContain('X-Forwarded-Port: 443\r\nX-Forwarded-Proto: https\r\n');
    client.send('GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
    expect(await client.response()).toMatch(
      /^HTTP\/1\.1 404 Not Found\r\nDate: .*\r\nContent-Type: text\/html\r\nContent-Length: 146\r\nConnection: keep-alive\r\nX-Add: conf\r\nStrict-/,
    );
    client.send('GET /healthz HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
    expect(await client.response()).not.toContain('Strict-');
    const plain = await (await bench.engine(options)).connect();
    plain.send(GET);
    expect(await plain.response()).toContain('Strict-Transport-Security: max-age=1\r\n');
  });

  test('what response filters make of it', async () => {
    const upstream = await bench.answering(() => OK);
    const done: number[] = [];
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      filters: [
        {
          onResponse: (response) => {
            response.set('X-Filter', response.isLocal ? 'local' : 'upstream');
            response.status = 202;
          },
          onDone: (_request, { status }) => done.push(status),
        },
      ],
    });
    const client = await engine.connect();
    client.send(GET);
    expect((await client.response()).replace(DATE, '')).toBe(
      'HTTP/1.1 202 Accepted\r\nX-Filter: upstream\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok',
    );
    expect(done).toEqual([202]);
  });

  test('every filter is told the end, though metrics or another one failed', async () => {
    const upstream = await bench.answering(() => OK);
    const done: string[] = [];
    const failing = (what: string) => () => {
      done.push(what);
      throw new Error(what);
    };
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      filters: [{ onDone: failing('first') }, { onDone: () => void done.push('second') }],
      series: { observe: failing('metrics') },
    });
    const client = await engine.connect();
    client.send(GET);
    await client.response();
    expect(done).toEqual(['first', 'second', 'metrics']);
    expect(engine.faults.map((fault) => (fault as Error).message)).toEqual(['first', 'metrics']);
  });
});

/** Chunked text with its chunks joined, so that it does not matter where they were cut. */
function joinChunks(text: string): string {
  return text.replace(/\r\n\r\n[^]*$/, (body) =>
    body.replace(/\r\n[0-9]\r\n/g, '').replace(/\r\n(?=[abc])/g, ''),
  );
}

describe('a hostile upstream', () => {
  const refused: { name: string; response: string; request?: string }[] = [
    { name: 'garbage', response: '\x00\x01garbage\r\n\r\n' },
    { name: 'no status line', response: 'X-A: 1\r\n\r\n' },
    { name: 'status 99', response: 'HTTP/1.1 099 x\r\nContent-Length: 0\r\n\r\n' },
    { name: 'two lengths', response: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab' },
    {
      name: 'length and coding',
      response: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    },
    {
      name: 'a malformed chunk behind a good one',
      response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\nzz\r\n',
    },
    {
      name: 'a length among the trailers',
      response:
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nsecret\r\n0\r\nContent-Length: 1\r\n\r\n',
    },
    { name: 'an unknown coding', response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n' },
    { name: 'a folded header', response: 'HTTP/1.1 200 OK\r\nX: 1\r\n 2\r\nContent-Length: 0\r\n\r\n' },
    {
      name: 'a bare LF behind a chunk size',
      response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\nsecret\r\n',
    },
    {
      name: '101 unasked',
      response: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nsecret',
    },
    { name: 'a head above the limit', response: `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(5000)}\r\n\r\n` },
    { name: 'interim responses without end', response: 'HTTP/1.1 100 x\r\n\r\n'.repeat(40) },
  ];
  for (const { name, response, request = GET } of refused) {
    test(`${name}: a 502, its connection closed, none of its bytes passed on`, async () => {
      const upstream = await bench.answering(() => response);
      const engine = await bench.engine({ endpoints: [upstream.endpoint] });
      const client = await engine.connect();
      client.send(request);
      const answer = await client.response();
      expect(answer).toMatch(
        /^HTTP\/1\.1 502 Bad Gateway\r\n[^]*Content-Length: 150\r\nConnection: keep-alive\r\n/,
      );
      expect(answer).not.toContain('secret');
      await eventually(() => upstream.sockets.every((socket) => socket.readableEnded || socket.destroyed));
      expect(engine.context.pools.idleCount).toBe(0);
      expect(engine.log[0]).toMatchObject({ status: 502, upstreamStatus: [502] });
      expect(engine.router.endpoints[0]!.inFlight).toBe(0);
      expect(engine.faults).toEqual([]);
    });
  }

  test('interim responses above their number or size: a 502 behind those that were passed on', async () => {
    const many = 'HTTP/1.1 103 x\r\nLink: a\r\n\r\n'.repeat(40);
    const large = `HTTP/1.1 103 x\r\nLink: ${'a'.repeat(3000)}\r\n\r\n`.repeat(30);
    const upstream = await bench.answering((_request, _socket, index) => (index === 0 ? many : large));
    const retry = { tries: 1 };
    const engine = await bench.engine({ endpoints: [upstream.endpoint], retry });
    for (const limit of [32, 21]) {
      const client = await engine.connect();
      client.send('GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
      const text = await client.ended();
      expect(text.match(/HTTP\/1\.1 103 /g)).toHaveLength(limit);
      expect(text).toMatch(/\r\n\r\nHTTP\/1\.1 502 /);
    }
    expect(engine.context.pools.idleCount).toBe(0);
  });

  test('an interim head above the limit of heads is a 502', async () => {
    const upstream = await bench.answering(() => `HTTP/1.1 103 x\r\nLink: ${'a'.repeat(5000)}\r\n\r\n${OK}`);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], retry: { tries: 1 } });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
  });

  test('an interim response of a try that failed does not stand in the way of the next', async () => {
    const upstream = await bench.answering((_request, socket, index) => {
      if (index > 0) return OK;
      socket.end('HTTP/1.1 103 x\r\nLink: a\r\n\r\n');
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send('GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 103 x\r\nLink: a\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  });

  test('heads with bare LFs are counted, once each', async () => {
    const upstream = await bench.answering((_request, _socket, index) =>
      index < 2 ? 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok' : OK,
    );
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(GET + GET + GET);
    for (let i = 0; i < 3; i++) expect(await client.response()).toMatch(/^HTTP\/1\.1 200 /);
    expect(engine.oddities.bareLineFeeds).toBe(2);
  });

  const surplus: { name: string; response: string; request?: string }[] = [
    { name: 'two responses', response: OK + 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret' },
    { name: 'bytes behind the body', response: `${OK}secret` },
    { name: 'a body behind 204', response: 'HTTP/1.1 204 No Content\r\n\r\nsecret' },
    { name: 'a body behind 304', response: 'HTTP/1.1 304 Not Modified\r\n\r\nsecret' },
    {
      name: 'a body behind HEAD',
      response: 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret',
      request: 'HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n',
    },
    {
      name: 'bytes behind the last chunk',
      response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nsecret',
    },
  ];
  for (const { name, response, request = GET } of surplus) {
    test(`${name}: the response goes through, what is behind it to nobody`, async () => {
      let count = 0;
      const upstream = await bench.answering(() => (count++ === 0 ? response : OK));
      const engine = await bench.engine({ endpoints: [upstream.endpoint] });
      const client = await engine.connect();
      client.send(request);
      await engine.logged(1);
      client.send('GET /second HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
      const text = await client.ended();
      expect(text).not.toContain('secret');
      expect(text).toMatch(/ok$/);
      expect(upstream.sockets.length).toBe(2);
    });
  }

  test('bytes on an idle connection close it and reach nobody', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(GET);
    await client.response();
    expect(engine.context.pools.idleCount).toBe(1);
    upstream.sockets[0]!.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret');
    await eventually(() => engine.context.pools.idleCount === 0);
    client.send(GET);
    expect(await client.response()).toMatch(/ok$/);
    expect(upstream.sockets.length).toBe(2);
  });

  const truncated: { name: string; response: string }[] = [
    { name: 'of declared length', response: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc' },
    { name: 'in chunks', response: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc' },
  ];
  for (const { name, response } of truncated) {
    test(`a body ${name} that is cut off never looks complete`, async () => {
      const upstream = await bench.answering((_request, socket) => {
        socket.write(response);
        setImmediate(() => socket.end());
        return undefined;
      });
      const engine = await bench.engine({ endpoints: [upstream.endpoint] });
      const client = await engine.connect();
      client.send(GET + GET);
      const text = await client.ended();
      expect(text).not.toContain('0\r\n\r\n');
      expect(text.match(/HTTP\/1\.1/g) ?? []).toHaveLength(text === '' ? 0 : 1);
      expect(engine.log.length).toBe(1);
      expect(upstream.requests.length).toBe(1);
    });
  }

  test('chunks that are malformed when some are out are cut off', async () => {
    const upstream = await bench.answering((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(GET + GET);
    await client.until((text) => text.includes('abc'));
    upstream.sockets[0]!.write('zz\r\n');
    const text = await client.ended();
    expect(text).not.toContain('0\r\n\r\n');
    expect(text.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(upstream.requests.length).toBe(1);
  });

  test('a body until close that is reset is a reset for an HTTP/1.0 client too', async () => {
    const upstream = await bench.answering((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nabc');
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    const errors: string[] = [];
    client.socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? ''));
    client.send('GET / HTTP/1.0\r\nHost: a.test\r\n\r\n');
    await client.until((text) => text.endsWith('abc'));
    upstream.sockets[0]!.resetAndDestroy();
    await client.ended();
    await eventually(() => client.isClosed);
    expect(errors).toEqual(['ECONNRESET']);
  });

  test('a response before the request was complete is delivered, and the upstream connection not used again', async () => {
    const upstream = await bench.upstream((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'));
      socket.on('data', () => {});
    });
    const engine = await bench.engine({ endpoints: [upstream], body: { isRequestBuffered: false } });
    const client = await engine.connect();
    client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 500000\r\n\r\n${'a'.repeat(1000)}`);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 403 [^]*Connection: close\r\n[^]*no$/);
    expect(engine.context.pools.idleCount).toBe(0);
    client.send('b'.repeat(100_000));
    client.socket.end();
    await client.ended();
    expect(engine.log.map(({ status }) => status)).toEqual([403]);
  });

  test('names such as __proto__ are names', async () => {
    const upstream = await bench.answering(
      () => 'HTTP/1.1 200 OK\r\n__proto__: 1\r\nconstructor: 2\r\nContent-Length: 0\r\n\r\n',
    );
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(
      'GET /__proto__ HTTP/1.1\r\nHost: a.test\r\nconstructor: x\r\nCookie: __proto__=1; toString=2\r\n\r\n',
    );
    expect(await client.response()).toContain('__proto__: 1\r\nconstructor: 2\r\n');
    expect(upstream.requests[0]).toContain('constructor: x\r\nCookie: __proto__=1; toString=2\r\n');
  });
});

test('responses that come in pieces, many at once, are each their own', async () => {
  const upstream = await bench.answering((request, socket) => {
    const name = /^GET \/(\S+)/.exec(request)![1]!;
    const framing = name.includes('chunked')
      ? 'Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n4\r\nbody\r\n0\r\nX-T: ' + name + '\r\n\r\n'
      : `Content-Length: ${name.length}\r\n\r\n${name}`;
    const text = `HTTP/1.1 200 OK\r\nX-Name: ${name}\r\n${framing}`;
    void (async () => {
      for (let at = 0; at < text.length; at += 7) {
        socket.write(text.slice(at, at + 7), 'latin1');
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    return undefined;
  });
  const engine = await bench.engine({ endpoints: [upstream.endpoint] });
  const names = Array.from({ length: 24 }, (_, i) => (i % 3 === 0 ? `chunked-${i}` : `plain-${i}`));
  await Promise.all(
    names.map(async (name) => {
      const client = await engine.connect();
      for (let round = 0; round < 4; round++) {
        client.text = '';
        client.send(`GET /${name} HTTP/1.1\r\nHost: a.test\r\n\r\n`);
        const isChunked = name.startsWith('chunked');
        const end = isChunked ? `0\r\nX-T: ${name}\r\n\r\n` : `\r\n\r\n${name}`;
        const text = await client.until((all) => all.endsWith(end));
        expect(text).toContain(`X-Name: ${name}\r\n`);
        expect(text.match(/X-Name/g)).toHaveLength(1);
      }
    }),
  );
  expect(engine.faults).toEqual([]);
  expect(engine.log.map(({ status }) => status)).toEqual(Array(96).fill(200));
});
