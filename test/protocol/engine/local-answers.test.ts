import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const DATE = /Date: .*\r\n/;

function page(title: string): string {
  return `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n`;
}

async function ask(
  options: Parameters<Bench['engine']>[0],
  request: string,
): Promise<{ text: string; engine: Awaited<ReturnType<Bench['engine']>> }> {
  const engine = await bench.engine(options);
  const client = await engine.connect();
  client.send(request);
  client.socket.end();
  const text = (await client.ended()).replace(DATE, '');
  return { text, engine };
}

describe('answers of the proxy itself, to the byte (docs/reference/evaluation-order.md §3)', () => {
  test('404 of a host that is not configured: not logged, not counted', async () => {
    const { text, engine } = await ask({}, 'GET /x HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
    expect(text).toBe(
      `HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 146\r\nConnection: keep-alive\r\n\r\n${page('404 Not Found')}`,
    );
    expect(engine.log).toEqual([]);
    expect(engine.counted()).toBe(0);
  });

  test('301 of a path that lacks its slash: Location before Connection', async () => {
    const { text } = await ask(
      { match: (path) => ({ kind: 'slash-redirect', path: `${path}/` }) },
      'GET /f%20oo?a=b HTTP/1.1\r\nHost: A.test:8080\r\n\r\n',
    );
    expect(text).toBe(
      'HTTP/1.1 301 Moved Permanently\r\nContent-Type: text/html\r\nContent-Length: 162\r\nLocation: http://a.test/f%20oo/?a=b\r\n' +
        `Connection: keep-alive\r\n\r\n${page('301 Moved Permanently')}`,
    );
  });

  test('a redirect of a filter: Location behind Connection; HEAD keeps the length', async () => {
    const filters = [
      { onRequest: () => ({ status: 308, headers: [['Location', 'https://a.test/x']] as const }) },
    ];
    const get = await ask({ filters }, 'GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n');
    const head =
      'HTTP/1.1 308 Permanent Redirect\r\nContent-Type: text/html\r\nContent-Length: 164\r\nConnection: keep-alive\r\n' +
      'Location: https://a.test/x\r\n\r\n';
    expect(get.text).toBe(head + page('308 Permanent Redirect'));
    const headOnly = await ask({ filters }, 'HEAD /x HTTP/1.1\r\nHost: a.test\r\n\r\n');
    expect(headOnly.text).toBe(head);
    expect(headOnly.engine.log[0]).toMatchObject({
      status: 308,
      bodyBytesSent: 0,
      upstreamName: 'lab-web-80',
    });
  });

  for (const status of [408, 444, 499]) {
    test(`${status} of a filter: nothing is answered, the connection is closed, the log says so`, async () => {
      const { text, engine } = await ask(
        { filters: [{ onRequest: () => ({ status }) }] },
        'GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n',
      );
      expect(text).toBe('');
      expect(engine.log).toMatchObject([{ status, bytesSent: 0 }]);
    });
  }

  test('a host filter answers before any route, in the name of the host', async () => {
    const { text, engine } = await ask(
      { hostFilters: [{ onRequest: () => ({ status: 302, headers: [['Location', 'http://a.test/app']] }) }] },
      'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
    );
    expect(text).toMatch(
      /^HTTP\/1\.1 302 Moved Temporarily\r\n[^]*Content-Length: 138\r\n[^]*<h1>302 Found<\/h1>/,
    );
    expect(engine.log[0]).toMatchObject({ status: 302, upstreamName: '-' });
  });

  const errors: { name: string; options: Parameters<Bench['engine']>[0]; status: string; bytes: number }[] = [
    {
      name: 'no endpoints',
      options: { endpoints: [] },
      status: '503 Service Temporarily Unavailable',
      bytes: 190,
    },
    {
      name: 'a denied route',
      options: { deniedStatus: 503 },
      status: '503 Service Temporarily Unavailable',
      bytes: 190,
    },
    {
      name: 'a route without backend',
      options: { hasNoUpstream: true },
      status: '404 Not Found',
      bytes: 146,
    },
  ];
  for (const { name, options, status, bytes } of errors) {
    test(`${name}: ${status}`, async () => {
      const { text, engine } = await ask(options, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
      expect(
        text.startsWith(`HTTP/1.1 ${status}\r\nContent-Type: text/html\r\nContent-Length: ${bytes}\r\n`),
      ).toBe(true);
      expect(engine.counted()).toBe(1);
    });
  }

  const refused: { name: string; request: string; status: string; bytes: number }[] = [
    {
      name: 'a lower-case method',
      request: 'get / HTTP/1.1\r\nHost: a.test\r\n\r\n',
      status: '400 Bad Request',
      bytes: 150,
    },
    {
      name: 'TRACE',
      request: 'TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n',
      status: '405 Not Allowed',
      bytes: 150,
    },
    {
      name: 'CONNECT',
      request: 'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n',
      status: '400 Bad Request',
      bytes: 150,
    },
    { name: 'no Host', request: 'GET / HTTP/1.1\r\n\r\n', status: '400 Bad Request', bytes: 150 },
    {
      name: 'a way above the root',
      request: 'GET /../x HTTP/1.1\r\nHost: a.test\r\n\r\n',
      status: '400 Bad Request',
      bytes: 150,
    },
    {
      name: 'an unknown coding',
      request: 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: gzip\r\n\r\n',
      status: '501 Not Implemented',
      bytes: 158,
    },
    {
      name: 'a long target',
      request: `GET /${'a'.repeat(9000)} HTTP/1.1\r\nHost: a.test\r\n\r\n`,
      status: '414 Request-URI Too Large',
      bytes: 170,
    },
    {
      name: 'HTTP/2.0',
      request: 'GET / HTTP/2.0\r\nHost: a.test\r\n\r\n',
      status: '505 HTTP Version Not Supported',
      bytes: 180,
    },
    {
      name: 'a long header',
      request: `GET / HTTP/1.1\r\nHost: a.test\r\nX: ${'a'.repeat(9000)}\r\n\r\n`,
      status: '400 Bad Request',
      bytes: 226,
    },
  ];
  for (const { name, request, status, bytes } of refused) {
    test(`${name}: ${status}, and the connection ends`, async () => {
      const { text } = await ask({}, request);
      expect(
        text.startsWith(
          `HTTP/1.1 ${status}\r\nContent-Type: text/html\r\nContent-Length: ${bytes}\r\nConnection: close\r\n\r\n`,
        ),
      ).toBe(true);
      expect(text.length - text.indexOf('\r\n\r\n') - 4).toBe(bytes);
    });
  }

  test('the health path: empty, a prefix, and without a trace', async () => {
    for (const path of ['/healthz', '/healthzfoo']) {
      const { text, engine } = await ask({}, `GET ${path} HTTP/1.1\r\nHost: unknown.test\r\n\r\n`);
      expect(text).toBe(
        'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n',
      );
      expect(engine.log).toEqual([]);
    }
  });

  test('/nginx_status: four lines for this machine, 403 for others', async () => {
    const { text } = await ask({}, 'GET /nginx_status HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
    expect(text).toMatch(
      /Content-Type: text\/plain\r\n[^]*\r\n\r\nActive connections: 1 \nserver accepts handled requests\n 1 1 1 \nReading: 0 Writing: 1 Waiting: 0 \n$/,
    );
    const engine = await bench.engine({}, { peerAddress: '192.0.2.1', clientAddress: '192.0.2.1' });
    const client = await engine.connect();
    client.send('GET /nginx_status HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
    expect(await client.response()).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('/nginx_status is for those on its lists', async () => {
    const settings = { statusReadersIPv4: ['192.0.2.0/24'], statusReadersIPv6: ['2001:db8::1'] };
    const statusFor = async (address: string) => {
      const engine = await bench.engine({ settings }, { peerAddress: address, clientAddress: address });
      const client = await engine.connect();
      client.send('GET /nginx_status HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
      return (await client.response()).slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length);
    };
    expect(await statusFor('192.0.2.77')).toBe('200');
    expect(await statusFor('2001:db8::1')).toBe('200');
    expect(await statusFor('2001:db8::2')).toBe('403');
    expect(await statusFor('127.0.0.1')).toBe('403');
  });

  test('/nginx_status is for nobody whom a hop on this machine speaks for', async () => {
    const { text } = await ask(
      { settings: { isForwardedTrusted: true } },
      'GET /nginx_status HTTP/1.1\r\nHost: unknown.test\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('a header value with a line break never leaves the proxy', async () => {
    const { text, engine } = await ask(
      { filters: [{ onRequest: () => ({ status: 302, headers: [['Location', 'x\r\nSet-Cookie: evil']] }) }] },
      'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
    );
    expect(text).toMatch(/^HTTP\/1\.1 500 /);
    expect(text).not.toContain('evil');
    expect(engine.oddities.refusedHeads).toBe(1);
    expect(engine.faults).toEqual([]);
  });
});

describe('the split (docs/reference/annotations.md §1.1)', () => {
  test('a canary with endpoints takes what is decided for it; log and names say so', async () => {
    const main = await bench.answering(() => OK.replace('\r\nok', '\r\nma'));
    const canary = await bench.answering(() => OK.replace('\r\nok', '\r\nca'));
    const decideCanary = (request: { header(name: string): string | undefined }) =>
      request.header('x-canary') === 'always';
    const engine = await bench.engine({
      endpoints: [main.endpoint],
      canary: [canary.endpoint],
      decideCanary,
    });
    const client = await engine.connect();
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\nX-Canary: always\r\n\r\n');
    expect(await client.response()).toMatch(/ca$/);
    client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    expect(await client.response()).toMatch(/ma$/);
    expect(engine.log.map(({ upstreamName, canaryName }) => [upstreamName, canaryName])).toEqual([
      ['lab-web-80', 'lab-canary-80'],
      ['lab-web-80', ''],
    ]);
  });

  test('a canary without endpoints is passed over; a primary without them is a 503 whatever the canary has', async () => {
    const main = await bench.answering(() => OK);
    const decideCanary = () => true;
    const first = await ask(
      { endpoints: [main.endpoint], canary: [], decideCanary },
      'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
    );
    expect(first.text).toMatch(/^HTTP\/1\.1 200 /);
    const second = await ask(
      { endpoints: [], canary: [main.endpoint], decideCanary },
      'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
    );
    expect(second.text).toMatch(/^HTTP\/1\.1 503 /);
  });
});
