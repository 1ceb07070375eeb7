import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, type Engine, eventually, GET, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

async function firstResponse(engine: Engine): Promise<string> {
  const client = await engine.connect();
  client.send('GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
  return await client.response();
}

/** Forwarded head without the lines that differ from run to run. */
function stable(request: string, port: number): string {
  return request
    .replace(/X-Request-ID: [0-9a-f]{32}\r\n/, 'X-Request-ID: ID\r\n')
    .replace(`X-Forwarded-Port: ${port}\r\n`, 'X-Forwarded-Port: PORT\r\n');
}

const FORWARDED =
  'X-Real-IP: 127.0.0.1\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a.test\r\nX-Forwarded-Port: PORT\r\n' +
  'X-Forwarded-Proto: http\r\nX-Forwarded-Scheme: http\r\nX-Scheme: http\r\n';

describe('what is forwarded', () => {
  const cases: { name: string; request: string; want: string }[] = [
    {
      name: 'a plain request',
      request: 'GET /a?b=c HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nUser-Agent: t\r\n\r\n',
      want: `GET /a?b=c HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}Accept: */*\r\nUser-Agent: t\r\n\r\n`,
    },
    {
      name: 'the target byte for byte, whatever it is matched as (docs/reference/routing.md §5)',
      request: 'GET /a/..%2fadmin//x?q=%20 HTTP/1.1\r\nHost: a.test\r\n\r\n',
      want: `GET /a/..%2fadmin//x?q=%20 HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}\r\n`,
    },
    {
      name: 'an absolute-form target as origin form',
      request: 'GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n',
      want: `GET /x?y HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}\r\n`,
    },
    {
      name: 'no hop-by-hop header and none that Connection names (RFC 9110 §7.6.1)',
      request:
        'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, X-Drop\r\nKeep-Alive: 5\r\nX-Drop: 1\r\nTE: trailers\r\n' +
        'Proxy-Connection: x\r\nProxy: evil\r\nX-Keep: 1\r\n\r\n',
      want: `GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}X-Keep: 1\r\n\r\n`,
    },
    {
      name: 'none of the identity headers that a client forges',
      request:
        'GET / HTTP/1.1\r\nHost: a.test\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\n' +
        'X-Forwarded-Scheme: s\r\nX-Scheme: s\r\nX-Original-Forwarded-Host: h\r\nSSL-Client-Verify: SUCCESS\r\n' +
        'ssl-client-cert: c\r\nssl-client-subject-dn: CN=root\r\nssl-client-issuer-dn: CN=ca\r\n\r\n',
      want: `GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}\r\n`,
    },
    {
      name: 'forged forwarding chains under their original names only',
      request:
        'GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\nX-Forwarded-Host: evil\r\n\r\n',
      want:
        `GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}` +
        'X-Original-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Original-Forwarded-Host: evil\r\n\r\n',
    },
    {
      name: 'Upgrade: h2c as a plain request',
      request:
        'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
      want: `GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}\r\n`,
    },
    {
      name: 'a body of declared length, in one go',
      request: 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello',
      want: `POST / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}Content-Length: 5\r\n\r\nhello`,
    },
    {
      name: 'a chunked body with its length, when it is buffered',
      request:
        'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n',
      want: `POST / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}Content-Length: 5\r\n\r\nabcde`,
    },
    {
      name: 'a body behind GET, although Connection names its length',
      request: 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\nabc',
      want: `GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}Content-Length: 3\r\n\r\nabc`,
    },
    {
      name: 'a chunked body behind DELETE, although Connection names its coding',
      request:
        'DELETE / HTTP/1.1\r\nHost: a.test\r\nConnection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
      want: `DELETE / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}Content-Length: 1\r\n\r\nx`,
    },
    {
      name: 'an empty body of declared length',
      request: 'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n',
      want: `POST / HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: ID\r\n${FORWARDED}Content-Length: 0\r\n\r\n`,
    },
  ];
  for (const { name, request, want } of cases) {
    for (const isDribbled of [false, true]) {
      test(`${name}${isDribbled ? ', byte by byte' : ''}`, async () => {
        const upstream = await bench.answering(() => OK);
        const engine = await bench.engine({ endpoints: [upstream.endpoint] });
        const client = await engine.connect();
        if (isDribbled) {
          for (const byte of request) {
            client.send(byte);
            await new Promise((resolve) => setImmediate(resolve));
          }
        } else {
          client.send(request);
        }
        expect(await client.response()).toContain('200 OK');
        expect(upstream.requests.map((got) => stable(got, engine.port))).toEqual([want]);
        expect(engine.faults).toEqual([]);
      });
    }
  }

  test('the client id, and trusted hops as they say', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: { isForwardedTrusted: true, isForwardedForAppended: true, isOriginalUriAdded: true },
    });
    const client = await engine.connect();
    client.send(
      'GET /u HTTP/1.1\r\nHost: a.test\r\nX-Request-ID: mine\r\nX-Forwarded-For: 9.9.9.9, 10.0.0.1\r\nX-Forwarded-Proto: https\r\n' +
        'X-Forwarded-Port: 8443\r\nX-Forwarded-Host: seen.test, b\r\nssl-client-verify: SUCCESS\r\n\r\n',
    );
    await client.response();
    expect(upstream.requests[0]).toBe(
      'GET /u HTTP/1.1\r\nHost: seen.test\r\nX-Request-ID: mine\r\nX-Real-IP: 9.9.9.9\r\nX-Forwarded-For: 9.9.9.9, 10.0.0.1, 127.0.0.1\r\n' +
        'X-Forwarded-Host: seen.test\r\nX-Forwarded-Port: 8443\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Scheme: https\r\n' +
        'X-Scheme: https\r\nX-Original-Forwarded-For: 9.9.9.9, 10.0.0.1\r\nX-Original-Forwarded-Host: seen.test, b\r\nX-Original-URI: /u\r\nssl-client-verify: SUCCESS\r\n\r\n',
    );
  });

  test('variables of proxy-set-headers and add-headers are filled in', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: {
        upstreamHeaders: [
          ['X-Request-Start', 't=${msec}'],
          ['X-Peer', '$realip_remote_addr $scheme $pass_access_scheme $request_id'],
          ['X-Path', '$uri'],
          ['X-Tenant', '$arg_tenant'],
          ['Accept', '$arg_accept'],
        ],
        responseHeaders: [
          ['X-Served', '$service_name.$namespace $request_uri $upstream_addr $status'],
          ['X-Line', '$uri'],
          ['X-Nothing', '$arg_nothing'],
          ['X-Plain', 'costs 5$'],
        ],
        isForwardedTrusted: true,
      },
    });
    const client = await engine.connect();
    client.send(
      'GET /a%0d%0ab?tenant=blue HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https\r\nX-Request-ID: mine\r\nAccept: */*\r\n' +
        'X-Tenant: evil\r\n\r\n',
    );
    const answer = await client.response();
    const [got = ''] = upstream.requests;
    expect(got).toMatch(/\r\nX-Request-Start: t=\d{10}\.\d{3}\r\n/);
    expect(got).toMatch(/\r\nX-Peer: 127\.0\.0\.1 http https [0-9a-f]{32}\r\n/);
    expect(got).toContain('\r\nX-Path: /a%0D%0Ab\r\n');
    expect(got).toContain('\r\nX-Tenant: blue\r\n');
    expect(got).not.toContain('evil');
    expect(got).not.toContain('Accept');
    const { address, port } = upstream.endpoint;
    expect(answer).toContain(`\r\nX-Served: web.lab /a%0d%0ab?tenant=blue ${address}:${port} 200\r\n`);
    expect(answer).toContain('\r\nX-Line: /a%0D%0Ab\r\n');
    expect(answer).toContain('\r\nX-Plain: costs 5$\r\n');
    expect(answer).not.toContain('X-Nothing');
    expect(engine.faults).toEqual([]);
  });

  test('forwarded-host-header and forwarded-for-header name sources, not what is believed and added to', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: {
        isForwardedTrusted: true,
        isForwardedForAppended: true,
        forwardedForHeader: 'cf-connecting-ip',
        forwardedHostHeader: 'x-cdn-host',
      },
    });
    const client = await engine.connect();
    client.send(
      'GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Host: seen.test\r\n' +
        'CF-Connecting-IP: 192.0.2.77\r\nX-CDN-Host: cdn.test\r\n\r\n',
    );
    await client.response();
    const [got = ''] = upstream.requests;
    for (const line of [
      'Host: seen.test',
      'X-Real-IP: 192.0.2.77',
      'X-Forwarded-For: 9.9.9.9, 127.0.0.1',
      'X-Forwarded-Host: seen.test',
      'X-Original-Forwarded-For: 192.0.2.77',
      'X-Original-Forwarded-Host: cdn.test',
    ]) {
      expect(got).toContain(`\r\n${line}\r\n`);
    }
  });

  test('an absolute target counts, and takes the place of Host (RFC 9112 §3.2.2)', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send('GET http://b.test:81/x?y HTTP/1.1\r\nHost: unknown.test\r\n\r\n' + GET);
    await client.response();
    await client.response();
    expect(upstream.requests[0]).toMatch(/^GET \/x\?y HTTP\/1\.1\r\nHost: b\.test:81\r\n/);
    expect(upstream.requests[0]).toContain('\r\nX-Forwarded-Host: b.test:81\r\n');
    expect(upstream.requests[0]).not.toContain('unknown');
    expect(upstream.requests[1]).toMatch(/^GET \/x HTTP\/1\.1\r\nHost: a\.test\r\n/);
  });

  test('a head of many lines within its limit of bytes is passed on', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    const lines = Array.from({ length: 900 }, (_, i) => `X-${i}: v\r\n`).join('');
    client.send(`GET /x HTTP/1.1\r\nHost: a.test\r\n${lines}\r\n`);
    expect(await client.response()).toContain('200 OK');
    expect(upstream.requests[0]).toContain(lines);
    client.send(`GET /x HTTP/1.1\r\nHost: a.test\r\n${'X: v\r\n'.repeat(1001)}\r\n`);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 400 [^]*Request Header Or Cookie Too Large/);
  });

  test('what filters and proxy-set-headers make of the head', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: {
        upstreamHeaders: [
          ['X-Set', 'v'],
          ['Accept', ''],
          ['X-Real-IP', 'mine'],
        ],
      },
      filters: [
        {
          onRequest: (request) => {
            request.upstreamTarget = '/rewritten?q';
            request.upstreamHost = 'vhost';
            return undefined;
          },
          onUpstreamRequest: (head) => {
            head.append('X-Added', '1');
            head.remove('user-agent');
            head.set('Content-Length', '99');
          },
        },
      ],
    });
    const client = await engine.connect();
    client.send('GET /a HTTP/1.1\r\nHost: a.test\r\nAccept: x\r\nUser-Agent: y\r\nX-Set: client\r\n\r\n');
    await client.response();
    const got = upstream.requests[0]!;
    expect(got).toMatch(/^GET \/rewritten\?q HTTP\/1\.1\r\nHost: vhost\r\n/);
    expect(got).toContain('X-Real-IP: mine\r\n');
    expect(got).toContain('X-Set: v\r\nX-Added: 1\r\n');
    expect(got).toContain('X-Forwarded-Host: a.test\r\n');
    expect(got).not.toMatch(/accept|user-agent|content-length|client/i);
  });
});

describe('pipelining and keep-alive', () => {
  test('requests are answered in order', async () => {
    const upstream = await bench.answering((request) => {
      const path = / (\S+) /.exec(request)![1]!;
      return `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    let pipelined = '';
    for (let i = 0; i < 50; i++) {
      pipelined += `POST /${i} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc`;
      pipelined += `GET /none HTTP/1.1\r\nHost: unknown.test\r\n\r\n`;
    }
    client.send(pipelined);
    for (let i = 0; i < 50; i++) {
      expect(await client.response()).toMatch(new RegExp(`\r\n/${i}$`));
      expect(await client.response()).toMatch(/^HTTP\/1\.1 404 /);
    }
    expect(upstream.sockets.length).toBe(1);
  });

  test('thousands of pipelined local answers need no stack', async () => {
    const engine = await bench.engine({ settings: { keepAliveRequests: 1_000_000 } });
    const client = await engine.connect();
    const count = 20_000;
    client.send('GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n'.repeat(count));
    const bytes = (await firstResponse(engine)).length * count;
    while (client.bytes < bytes) await new Promise((resolve) => client.socket.once('data', resolve));
    expect(engine.faults).toEqual([]);
  });

  test('the last allowed request is answered with Connection: close', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], settings: { keepAliveRequests: 2 } });
    const client = await engine.connect();
    client.send(GET + GET + GET);
    expect(await client.response()).toContain('Connection: keep-alive\r\n');
    expect(await client.response()).toContain('Connection: close\r\n');
    expect(await client.ended()).toBe('');
    expect(upstream.requests.length).toBe(2);
  });

  test('with keep-alive 0 every response closes the connection', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: { keepAliveTimeoutMs: 0 },
    });
    const client = await engine.connect();
    client.send(GET + GET);
    expect(await client.response()).toContain('Connection: close\r\n');
    expect(await client.ended()).toBe('');
  });

  test('HTTP/1.0 is kept only when asked', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const asking = await engine.connect();
    asking.send('GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n');
    expect(await asking.response()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: keep-alive\r\n/);
    const plain = await engine.connect();
    plain.send('GET / HTTP/1.0\r\nHost: a.test\r\n\r\n');
    expect(await plain.ended()).toMatch(/Connection: close\r\n[^]*ok$/);
  });

  test('a client that closes its half gets the answers to what it sent', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.socket.end(GET + GET);
    const text = await client.ended();
    expect(engine.log.map(({ status }) => status)).toEqual([200, 200]);
    expect(text.match(/200 OK/g)?.length).toBe(2);
  });
});

describe('request bodies', () => {
  test('Expect: 100-continue is answered here and not passed on (RFC 9110 §10.1.1)', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n');
    await client.until((text) => text === 'HTTP/1.1 100 Continue\r\n\r\n');
    expect(upstream.requests).toEqual([]);
    client.text = '';
    client.send('body');
    expect(await client.response()).toContain('200 OK');
    expect(upstream.requests[0]).toMatch(/\r\n\r\nbody$/);
    expect(upstream.requests[0]).not.toMatch(/expect/i);
  });

  test('a client that waits for 100 and is answered without it loses the connection', async () => {
    const engine = await bench.engine();
    const client = await engine.connect();
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 40\r\n\r\n');
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 503 [^]*Connection: close\r\n/);
  });

  test('a long unbuffered body streams while it comes', async () => {
    const got: Buffer[] = [];
    let socketOf: import('node:net').Socket | undefined;
    const endpoint = await bench.upstream((socket) => {
      socketOf = socket;
      socket.on('data', (chunk: Buffer) => got.push(chunk));
    });
    const engine = await bench.engine({ endpoints: [endpoint], body: { isRequestBuffered: false } });
    const client = await engine.connect();
    const half = Buffer.alloc(100_000, 'a');
    client.send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n');
    client.send(half);
    await eventually(
      () => Buffer.concat(got).toString().includes('\r\n\r\n') && Buffer.concat(got).length > 100_000,
    );
    client.send(half);
    await eventually(() => Buffer.concat(got).length > 200_000);
    expect(Buffer.concat(got).toString('latin1')).toMatch(/Content-Length: 200000\r\n\r\na{200000}$/);
    socketOf!.write(OK);
    expect(await client.response()).toContain('Connection: keep-alive');
    expect(engine.log[0]!.requestLength).toBeGreaterThan(200_000);
  });

  test('an unbuffered chunked body streams without its trailers, which nobody has checked', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], body: { isRequestBuffered: false } });
    const client = await engine.connect();
    client.send(
      'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\nX_Forwarded_For: evil\r\nContent_Length: 9\r\n\r\n',
    );
    expect(await client.response()).toContain('200 OK');
    expect(upstream.requests[0]).toMatch(/Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
  });

  test('a buffered chunked body above a megabyte goes on with its length', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], body: { maxBodyBytes: 0 } });
    const client = await engine.connect();
    const chunk = `10000\r\n${'z'.repeat(65_536)}\r\n`;
    client.send(
      `POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(20)}0\r\n\r\n`,
    );
    await client.response();
    const [head, ...rest] = upstream.requests[0]!.split('\r\n\r\n');
    expect(head).toContain(`Content-Length: ${65_536 * 20}`);
    expect(rest.join('').match(/z+/g)!.join('').length).toBe(65_536 * 20);
  });

  const tooLarge: { name: string; request: string }[] = [
    {
      name: 'declared',
      request:
        'POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 11\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n',
    },
    {
      name: 'chunked',
      request:
        'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n',
    },
  ];
  for (const { name, request } of tooLarge) {
    for (const isRequestBuffered of [true, false]) {
      test(`a ${name} body above the limit is a 413, and nothing behind it is parsed (buffered: ${isRequestBuffered})`, async () => {
        const upstream = await bench.answering(() => OK);
        const engine = await bench.engine({
          endpoints: [upstream.endpoint],
          body: { maxBodyBytes: 10, isRequestBuffered },
        });
        const client = await engine.connect();
        client.send(request);
        const text = await client.ended();
        expect(text).toMatch(/^HTTP\/1\.1 413 Request Entity Too Large\r\n[^]*Connection: close\r\n/);
        expect(text.match(/HTTP\/1\.1/g)!.length).toBe(1);
        expect(upstream.requests).toEqual([]);
        expect(engine.log.map(({ status }) => status)).toEqual([413]);
      });
    }
  }
});
