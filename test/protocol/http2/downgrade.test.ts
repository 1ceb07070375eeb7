import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { data, type Fields, GET, headers, POST } from '../../../src/proxy/http2/testing.ts';
import { createFixedRouter } from '../engine/fixed-router.ts';
import { type Answering, Bench, type Engine, OK } from '../engine/harness.ts';
import { connectRaw, type RawHttp2Client } from './raw-client.ts';

/*
 * What enters as HTTP/2 and leaves as HTTP/1.1: an upstream gets nothing, or a request that every parser reads alike, with a body that is
 * framed. What is wrong with a stream is no other stream's affair.
 */

let bench: Bench;
let upstream: Answering;
let engine: Engine;
let client: RawHttp2Client;

beforeEach(async () => {
  bench = new Bench();
  upstream = await bench.answering(() => OK);
  engine = await bench.engine({ endpoints: [upstream.endpoint] });
  client = await connectRaw(engine.port);
});
afterEach(async () => {
  client.socket.destroy();
  await bench.close();
  expect(engine.faults).toEqual([]);
});

const field = (name: string, value: string): Fields => [...GET, [name, value]];
const without = (name: string, fields: Fields = GET): Fields => fields.filter(([each]) => each !== name);
const withPseudo = (name: string, value: string, fields: Fields = GET): Fields =>
  fields.map(([each, old]) => [each, each === name ? value : old] as const);

const MALFORMED: readonly (readonly [name: string, fields: Fields])[] = [
  ['LF in a value', field('x', 'a\nevil: 1')],
  ['CR in a value', field('x', 'a\rb')],
  ['CRLF and a second request in a value', field('x', 'a\r\n\r\nGET /evil HTTP/1.1\r\nHost: a.test\r\n\r\n')],
  ['NUL in a value', field('x', 'a\0b')],
  ['CRLF in a name', field('x: 1\r\nevil', 'a')],
  ['a colon in a name', field('x:y', 'a')],
  ['a blank in a name', field('x y', 'a')],
  ['a name in capitals', field('X', 'a')],
  ['an empty name', field('', 'a')],
  ['a blank before a value', field('x', ' a')],
  ['LF in the path', withPseudo(':path', '/x\nHost: evil')],
  ['CR in the method', withPseudo(':method', 'GET\r')],
  ['CRLF in the authority', withPseudo(':authority', 'a.test\r\nx: y')],
  ['a blank in the method', withPseudo(':method', 'GET /evil HTTP/1.1')],
  ['transfer-encoding', field('transfer-encoding', 'chunked')],
  ['connection', field('connection', 'close')],
  ['connection that names another field', field('connection', 'x-real-ip')],
  ['upgrade', field('upgrade', 'h2c')],
  ['keep-alive', field('keep-alive', '1')],
  ['proxy-connection', field('proxy-connection', 'close')],
  ['te of another coding', field('te', 'chunked')],
  ['no method', without(':method')],
  ['no path', without(':path')],
  ['no scheme', without(':scheme')],
  ['an empty path', withPseudo(':path', '')],
  ['a pseudo-field twice', [...GET, [':path', '/evil']]],
  ['a pseudo-field behind a field', [['x', 'y'], ...GET]],
  ['a pseudo-field of responses', [[':status', '200'], ...GET]],
  ['a pseudo-field that nobody knows', [[':evil', '1'], ...GET]],
  ['a length that the end of the head contradicts', field('content-length', '5')],
];

for (const [name, fields] of MALFORMED) {
  test(`malformed: ${name}`, async () => {
    client.send(headers(1, fields), headers(3, GET));
    expect(await client.until(/^reset 1 /)).toBe('reset 1 protocolError');
    await client.until(/^data 3 "ok" end/);
    expect(upstream.requests.length).toBe(1);
    expect(upstream.requests[0]).toMatch(/^GET \/ HTTP\/1\.1\r\n/);
    expect(client.of(1)).toEqual(['reset 1 protocolError']);
  });
}

const REFUSED: readonly (readonly [name: string, fields: Fields, status?: number])[] = [
  ['neither authority nor Host', without(':authority')],
  ['an authority with user information', withPseudo(':authority', 'user@a.test')],
  ['an authority with a path', withPseudo(':authority', 'a.test/evil')],
  ['an authority with a blank', withPseudo(':authority', 'a.test b.test')],
  ['an empty authority', withPseudo(':authority', '')],
  ['a port that is none', withPseudo(':authority', 'a.test:99999')],
  ['a Host that differs from the authority', field('host', 'b.test')],
  ['two Hosts', [...GET, ['host', 'a.test'], ['host', 'a.test']]],
  ['a path with a blank', withPseudo(':path', '/ HTTP/1.1')],
  ['a path with a tab', withPseudo(':path', '/\tx')],
  ['a whole URI as path', withPseudo(':path', 'http://evil.test/')],
  ['a path without a slash', withPseudo(':path', 'x')],
  ['an asterisk', withPseudo(':path', '*')],
  ['a method in small letters', withPseudo(':method', 'get')],
  ['a method with a bang', withPseudo(':method', 'GET!')],
  ['two lengths', [...POST, ['content-length', '2'], ['content-length', '2']]],
  ['a list of lengths', [...POST, ['content-length', '2, 2']]],
  ['a length with a sign', [...POST, ['content-length', '+2']]],
  ['a length above 2^53', [...POST, ['content-length', '18446744073709551654']]],
  ['TRACE', withPseudo(':method', 'TRACE'), 405],
  ['a field that is too long', field('x', 'y'.repeat(9_000))],
  [
    'CONNECT',
    [
      [':method', 'CONNECT'],
      [':authority', 'a.test:443'],
    ],
  ],
  ['a protocol that would be HTTP', [[':method', 'CONNECT'], [':protocol', 'h2c'], ...GET.slice(1)], 501],
];

for (const [name, fields, status = 400] of REFUSED) {
  test(`refused: ${name}`, async () => {
    client.send(headers(1, fields, 4), headers(3, GET));
    expect(await client.until(/^headers 1 /)).toContain(`{:status: ${status}, `);
    await client.until(/^data 3 "ok" end/);
    expect(upstream.requests.length).toBe(1);
  });
}

/** Body of an upstream's request as a parser of HTTP/1.1 has it. */
function bodyOf(request: string): string {
  const [head, ...rest] = request.split('\r\n\r\n');
  const body = rest.join('\r\n\r\n');
  const length = /\r\ncontent-length: (\d+)/i.exec(head!)?.[1];
  if (length !== undefined) expect(body.length).toBe(Number(length));
  return body;
}

describe('bodies are framed anew', () => {
  test('DATA on a GET gets a length', async () => {
    client.send(headers(1, GET, 4), data(1, 'GET /evil HTTP/1.1\r\nHost: a.test\r\n\r\n', 1));
    await client.until(/^data 1 "ok" end/);
    expect(upstream.requests.length).toBe(1);
    expect(bodyOf(upstream.requests[0]!)).toBe('GET /evil HTTP/1.1\r\nHost: a.test\r\n\r\n');
  });

  test('a stream that ends with an empty DATA frame has a body of nothing', async () => {
    client.send(headers(1, POST, 4), data(1, '', 1));
    await client.until(/^data 1 "ok" end/);
    expect(upstream.requests[0]).toMatch(/\r\ncontent-length: 0\r\n/i);
  });

  test('a body of unknown length that is passed on as it comes is sent in chunks', async () => {
    const streamed = await bench.engine({
      endpoints: [upstream.endpoint],
      body: { isRequestBuffered: false, maxBodyBytes: 0 },
    });
    const other = await connectRaw(streamed.port);
    other.send(headers(1, GET, 4), data(1, 'GET /evil HTTP/1.1\r\n\r\n', 1));
    await other.until(/^data 1 "ok" end/);
    expect(upstream.requests.length).toBe(1);
    expect(upstream.requests[0]).toMatch(/\r\ntransfer-encoding: chunked\r\n/i);
    expect(upstream.requests[0]).toContain('\r\n16\r\nGET /evil HTTP/1.1\r\n\r\n\r\n0\r\n\r\n');
    other.socket.destroy();
  });

  for (const [name, sent] of [
    ['more', '123456'],
    ['fewer', '1234'],
  ] as const) {
    test(`${name} bytes than Content-Length says end the stream, and never reach the upstream`, async () => {
      client.send(headers(1, [...POST, ['content-length', '5']], 4), data(1, sent, 1), headers(3, GET));
      expect(await client.until(/^reset 1 /)).toBe('reset 1 protocolError');
      await client.until(/^data 3 "ok" end/);
      expect(upstream.requests.length).toBe(1);
      await engine.logged(2);
      expect(engine.log.map(({ status }) => status).toSorted()).toEqual([200, 499]);
    });
  }

  test('trailers of a request go no further', async () => {
    client.send(headers(1, POST, 4), data(1, 'ab'), headers(1, [['x-t', '1']]));
    await client.until(/^data 1 "ok" end/);
    expect(bodyOf(upstream.requests[0]!)).toBe('ab');
    expect(upstream.requests[0]).not.toContain('x-t');
  });
});

describe('heads are made anew', () => {
  test('crumbs of Cookie are one field, and the authority is Host', async () => {
    client.send(
      headers(1, [
        ...GET,
        ['cookie', 'a=1'],
        ['x', 'y'],
        ['cookie', 'b=2'],
        ['host', 'a.test'],
        ['te', 'trailers'],
      ]),
    );
    await client.until(/^data 1 "ok" end/);
    const lines = upstream.requests[0]!.split('\r\n').map((line) => line.toLowerCase());
    expect(lines[0]).toBe('get / http/1.1');
    expect(lines.filter((line) => line.startsWith('cookie:'))).toEqual(['cookie: a=1; b=2']);
    expect(lines.filter((line) => line.startsWith('host:'))).toEqual(['host: a.test']);
    expect(lines.filter((line) => /^(te|connection|transfer-encoding|upgrade):/.test(line))).toEqual([]);
  });

  test('names with underscores are dropped, as over HTTP/1.1', async () => {
    client.send(headers(1, [...GET, ['x_real_ip', '192.0.2.1'], ['x-ok', '1']]));
    await client.until(/^data 1 "ok" end/);
    expect(upstream.requests[0]).toContain('x-ok: 1\r\n');
    expect(upstream.requests[0]).not.toContain('192.0.2.1');
  });

  test('names with underscores that look like what Serin says are dropped even where others pass, and what is owned', async () => {
    const other = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: { areUnderscoresAllowed: true, upstreamHeaders: [['X-Team', 'shop']] },
    });
    const raw = await connectRaw(other.port);
    raw.send(
      headers(1, [...GET, ['x_real_ip', '6'], ['ssl_client-verify', '6'], ['x_team', '6'], ['x_mine', '1']]),
    );
    await raw.until(/^data 1 "ok" end/);
    raw.socket.destroy();
    const text = upstream.requests.at(-1)!.toLowerCase();
    expect(text).toContain('x_mine: 1\r\n');
    expect(text).toContain('x-team: shop\r\n');
    expect(text).not.toMatch(/: 6\r\n/);
    expect(other.faults).toEqual([]);
  });

  const ALIKE: readonly Fields[] = [
    GET,
    withPseudo(':path', '/other'),
    withPseudo(':authority', 'other.test:8443'),
    withPseudo(':method', 'HEAD'),
    field('x', '1'),
    field('x', '2'),
    [...GET, ['x', '1'], ['x', '2']],
    [...GET, ['x', '2'], ['x', '1']],
    field('cookie', 'a=1'),
    [...GET, ['cookie', 'a=1'], ['cookie', 'b=2']],
    field('authorization', 'Basic eDp5'),
    field('host', 'a.test'),
    field('te', 'trailers'),
    field('x_odd', '1'),
    field('x-forwarded-for', '192.0.2.1'),
    field('x-forwarded-host', 'evil.test'),
    field('x-forwarded-proto', 'ftp'),
    field('x-request-id', 'mine'),
    without(':authority', field('host', 'a.test')),
  ];

  test('one after the other on a connection, alike or not, they are what each would be alone', async () => {
    const idLess = (request: string) => request.replace(/X-Request-ID: [0-9a-f]{32}/, 'X-Request-ID: ID');
    const alone: string[] = [];
    for (const fields of ALIKE) {
      const other = await connectRaw(engine.port);
      other.send(headers(1, fields));
      await other.until(/^(data|headers) 1 .*end/);
      other.socket.destroy();
      alone.push(idLess(upstream.requests.pop()!));
    }
    expect(new Set(alone).size).toBeGreaterThan(12);
    const orders = [ALIKE.keys(), ALIKE.flatMap((_, i) => [i, i, i]), [...ALIKE.keys()].toReversed()];
    let id = -1;
    for (const order of orders) {
      for (const index of order) {
        id += 2;
        client.send(headers(id, ALIKE[index]!));
        await client.until(new RegExp(`^(data|headers) ${id} .*end`));
        expect(idLess(upstream.requests.pop()!)).toBe(alone[index]);
      }
    }
  });

  test('what a new table says of them holds from the next request on', async () => {
    const plain = createFixedRouter({ endpoints: [upstream.endpoint] });
    const marked = createFixedRouter({
      endpoints: [upstream.endpoint],
      settings: { upstreamHeaders: [['X-Team', 'shop']] },
    });
    const trusting = createFixedRouter({
      endpoints: [upstream.endpoint],
      settings: { isForwardedTrusted: true },
    });
    let router = plain;
    const other = await bench.serve(() => router);
    const raw = await connectRaw(other.port);
    let id = -1;
    for (const next of [plain, plain, plain, marked, marked, plain, trusting, trusting, plain, marked]) {
      router = next;
      id += 2;
      raw.send(headers(id, field('x-forwarded-for', '192.0.2.1')));
      await raw.until(new RegExp(`^data ${id} "ok" end`));
      const request = upstream.requests.at(-1)!;
      expect(request.includes('X-Team: shop\r\n')).toBe(next === marked);
      expect(request.includes('X-Forwarded-For: 192.0.2.1')).toBe(next === trusting);
    }
    raw.socket.destroy();
    expect(other.faults).toEqual([]);
  });

  test('the log says HTTP/2.0', async () => {
    client.send(headers(1, withPseudo(':path', '/a?b=c')));
    await engine.logged(1);
    expect(engine.log[0]!.requestLine).toBe('GET /a?b=c HTTP/2.0');
  });
});
