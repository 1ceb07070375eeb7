import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, eventually, GET, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** An address that refuses connections. */
async function refusing(): Promise<{ address: string; port: number }> {
  const other = new Bench();
  const endpoint = await other.upstream(() => {});
  await other.close();
  return endpoint;
}

const POST = 'POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\n\r\nbody';

describe('retries (docs/reference/annotations.md §3.3)', () => {
  for (const [method, request] of [
    ['GET', GET],
    ['POST', POST],
  ] as const) {
    test(`${method}: a refused connection is tried elsewhere`, async () => {
      const upstream = await bench.answering(() => OK);
      const bad = await refusing();
      const engine = await bench.engine({ endpoints: [bad, upstream.endpoint] });
      const client = await engine.connect();
      client.send(request);
      expect(await client.response()).toContain('200 OK');
      expect(engine.log[0]).toMatchObject({ status: 200, upstreamStatus: [502, 200] });
      expect(engine.router.endpoints.map(({ outcomes }) => outcomes)).toEqual([['connect-failed'], ['ok']]);
    });
  }

  test('a lone endpoint that refuses is tried three times, then it is a 502', async () => {
    const engine = await bench.engine({ endpoints: [await refusing()] });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
    expect(engine.log[0]).toMatchObject({ status: 502, bodyBytesSent: 150, upstreamStatus: [502, 502, 502] });
    expect(new Set(engine.log[0]!.addresses).size).toBe(1);
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
  });

  test('tries that are used up still reach an endpoint that was not met yet', async () => {
    const upstream = await bench.answering(() => OK);
    const gone = [await refusing(), await refusing(), await refusing(), await refusing(), await refusing()];
    const engine = await bench.engine({ endpoints: [...gone, upstream.endpoint] });
    const client = await engine.connect();
    client.send(POST);
    expect(await client.response()).toContain('200 OK');
    expect(engine.log[0]!.upstreamStatus).toEqual([502, 502, 502, 502, 502, 200]);
    const obedient = await bench.engine({ endpoints: [...gone, upstream.endpoint], retry: { tries: 2 } });
    const other = await obedient.connect();
    other.send(GET);
    expect(await other.response()).toMatch(/^HTTP\/1\.1 502 /);
  });

  test('off and tries are obeyed', async () => {
    const off = await bench.engine({ endpoints: [await refusing()], retry: { conditions: [] } });
    const one = await bench.engine({ endpoints: [await refusing()], retry: { tries: 1 } });
    for (const engine of [off, one]) {
      const client = await engine.connect();
      client.send(GET);
      expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
      expect(engine.log[0]!.upstreamStatus).toEqual([502]);
    }
  });

  test('one try in all stays at its endpoint when a kept-alive connection turns out closed', async () => {
    let isGone = false;
    const upstream = await bench.answering((_request, socket) => {
      if (!isGone) return OK;
      socket.resetAndDestroy();
      return undefined;
    });
    const other = await bench.answering(() => OK);
    const engine = await bench.engine({
      endpoints: [upstream.endpoint, other.endpoint],
      retry: { tries: 1 },
    });
    const client = await engine.connect();
    for (let i = 0; i < 2; i++) {
      client.send(GET);
      await client.response();
    }
    isGone = true;
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
    const addresses = engine.log[2]!.addresses;
    expect([addresses.length, new Set(addresses).size]).toEqual([2, 1]);
    expect(other.requests.length).toBe(1);
  });

  test('a GET that was cut off before an answer is sent again', async () => {
    const upstream = await bench.answering((_request, socket, index) => {
      if (index > 0) return OK;
      socket.resetAndDestroy();
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.response()).toContain('200 OK');
    expect(engine.log[0]!.upstreamStatus).toEqual([502, 200]);
  });

  for (const method of ['POST', 'PATCH', 'LOCK']) {
    test(`a ${method} that went out is never sent twice`, async () => {
      const upstream = await bench.answering((_request, socket) => {
        socket.end();
        return undefined;
      });
      const engine = await bench.engine({ endpoints: [upstream.endpoint] });
      const client = await engine.connect();
      client.send(POST.replace('POST', method));
      expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
      expect(upstream.requests.length).toBe(1);
    });
  }

  test('non_idempotent sends it again, body and all', async () => {
    const upstream = await bench.answering((_request, socket, index) => {
      if (index > 0) return OK;
      socket.end();
      return undefined;
    });
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      retry: { isNonIdempotentRetried: true },
    });
    const client = await engine.connect();
    client.send(POST);
    expect(await client.response()).toContain('200 OK');
    expect(upstream.requests.map((request) => request.slice(-4))).toEqual(['body', 'body']);
  });

  test('a stale kept-alive connection costs an idempotent request nothing, not even a try', async () => {
    let isStale = false;
    const upstream = await bench.answering((_request, socket) => {
      if (!isStale) return OK;
      isStale = false;
      socket.resetAndDestroy();
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint], retry: { tries: 1 } });
    const client = await engine.connect();
    client.send(GET);
    await client.response();
    isStale = true;
    client.send(GET);
    expect(await client.response()).toContain('200 OK');
    expect(upstream.requests.length).toBe(3);
  });

  test('on a stale kept-alive connection a POST is not sent twice', async () => {
    let isStale = false;
    const upstream = await bench.answering((_request, socket) => {
      if (!isStale) return OK;
      socket.resetAndDestroy();
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(GET);
    await client.response();
    isStale = true;
    client.send(POST);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
    expect(upstream.requests.filter((request) => request.startsWith('POST')).length).toBe(1);
  });

  test('retriable statuses: the last response is delivered', async () => {
    const upstream = await bench.answering(
      (_request, _socket, index) => `HTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\n${index}`,
    );
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      retry: { conditions: ['http_503'] },
    });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 503 Busy\r\n[^]*2$/);
    expect(engine.log[0]!.upstreamStatus).toEqual([503, 503, 503]);
    client.send(POST);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 503 Busy\r\n[^]*3$/);
  });

  test('a streamed PUT is sent again from the start', async () => {
    const upstream = await bench.answering((_request, socket, index) => {
      if (index > 0) return OK;
      socket.resetAndDestroy();
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(`PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 300000\r\n\r\n${'p'.repeat(300_000)}`);
    expect(await client.response()).toContain('200 OK');
    expect(upstream.requests.map((request) => /p+$/.exec(request)![0].length)).toEqual([300_000, 300_000]);
  });

  test('the time budget ends the tries', async () => {
    const hung = await bench.upstream((socket) => socket.on('data', () => {}));
    const engine = await bench.engine({
      endpoints: [hung],
      retry: { timeoutMs: 20, tries: 0 },
      timeouts: { readTimeoutMs: 30 },
    });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 504 Gateway Time-out\r\n/);
    expect(engine.log[0]!.upstreamStatus).toEqual([504]);
  });

  test('silence is a 504 after three tries, told to the endpoint', async () => {
    const hung = await bench.upstream((socket) => socket.on('data', () => {}));
    const engine = await bench.engine({ endpoints: [hung], timeouts: { readTimeoutMs: 20 } });
    const client = await engine.connect();
    client.send(GET);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 504 /);
    expect(engine.router.endpoints[0]!.outcomes).toEqual(['timed-out', 'timed-out', 'timed-out']);
  });

  test('an endpoint that left its upstream gets no further request on what it left behind', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    const endpoint = engine.router.endpoints[0]!;
    client.send(GET);
    await client.response();
    for (const pool of endpoint.pools.values()) pool.destroy();
    await eventually(() => upstream.sockets[0]!.readableEnded || upstream.sockets[0]!.destroyed);
    endpoint.isRemoved = true;
    client.send(GET);
    await client.response();
    expect(engine.context.pools.idleCount).toBe(0);
    expect(upstream.sockets.length).toBe(2);
  });
});
