import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, GET, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

describe('bodies that nobody wants', () => {
  test('a small one is read off, and the next request is the next request', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      filters: [
        {
          onRequest: ({ path }) =>
            path === '/deny' ? { status: 401, headers: [['WWW-Authenticate', 'Basic']] } : undefined,
        },
      ],
    });
    const client = await engine.connect();
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n';
    client.send(`POST /deny HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${smuggled.length}\r\n\r\n`);
    expect(await client.response()).toMatch(
      /^HTTP\/1\.1 401 [^]*Connection: keep-alive\r\nWWW-Authenticate: Basic\r\n/,
    );
    client.send(smuggled + GET);
    expect(await client.response()).toContain('200 OK');
    expect(upstream.requests.length).toBe(1);
    expect(upstream.requests[0]).toMatch(/^GET \/x /);
  });

  for (const { name, framing, body } of [
    { name: 'a large one', framing: 'Content-Length: 70000', body: GET.repeat(2000) },
    { name: 'a chunked one', framing: 'Transfer-Encoding: chunked', body: '5\r\nabcde\r\n0\r\n\r\n' + GET },
  ]) {
    test(`${name} ends the connection behind the answer`, async () => {
      const upstream = await bench.answering(() => OK);
      const engine = await bench.engine({
        endpoints: [upstream.endpoint],
        filters: [{ onRequest: () => ({ status: 308, headers: [['Location', 'https://a.test/']] }) }],
      });
      const client = await engine.connect();
      client.send(`POST /deny HTTP/1.1\r\nHost: a.test\r\n${framing}\r\n\r\n${body}`);
      const text = await client.ended();
      expect(text).toMatch(/^HTTP\/1\.1 308 [^]*Connection: close\r\n/);
      expect(text.match(/HTTP\/1\.1 /g)!.length).toBe(1);
      expect(upstream.requests).toEqual([]);
    });
  }

  test('a refused head is answered once, and what is behind it never', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(
      `POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GET}`,
    );
    const text = await client.ended();
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*Connection: close\r\n/);
    expect(text.match(/HTTP\/1\.1 /g)!.length).toBe(1);
    expect(upstream.requests).toEqual([]);
    expect(engine.log[0]).toMatchObject({
      status: 400,
      upstreamName: '',
      requestLength: 0,
      bodyBytesSent: 150,
    });
  });

  test('a malformed chunk ends the exchange before the upstream hears of it', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(`POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n${GET}`);
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 400 /);
    expect(upstream.requests).toEqual([]);
  });
});
