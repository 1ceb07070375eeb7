import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, eventually, GET, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

describe('kept-alive connections to endpoints', () => {
  async function twice(settings: object, pauseMs = 0) {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint], settings });
    const client = await engine.connect();
    for (let i = 0; i < 2; i++) {
      client.send(GET);
      await client.response();
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    return { upstream, engine };
  }

  test('are used again', async () => {
    const { upstream, engine } = await twice({});
    expect([upstream.sockets.length, engine.context.pools.idleCount]).toEqual([1, 1]);
  });

  test('upstream-keepalive-connections 0: none is kept', async () => {
    const { upstream, engine } = await twice({ upstreamKeepAliveConnections: 0 });
    expect([upstream.sockets.length, engine.context.pools.idleCount]).toEqual([2, 0]);
    expect(upstream.requests[0]).toContain('Connection: close\r\n');
  });

  test('upstream-keepalive-requests: one that served so many is closed', async () => {
    const { upstream } = await twice({ upstreamKeepAliveRequests: 1 });
    expect(upstream.sockets.length).toBe(2);
    await eventually(() => upstream.sockets.every((socket) => socket.readableEnded || socket.destroyed));
  });

  test('upstream-keepalive-time: one that is so old is closed behind its response', async () => {
    const { upstream } = await twice({ upstreamKeepAliveTimeMs: 1 }, 5);
    // The first response may come within its first millisecond; the second cannot. Where the first one's connection is closed, the second has
    // a millisecond of its own.
    await eventually(() => upstream.sockets[0]!.readableEnded || upstream.sockets[0]!.destroyed);
  });

  test('upstream-keepalive-timeout: one that rests so long is closed', async () => {
    const { upstream, engine } = await twice({ upstreamKeepAliveTimeoutMs: 50 });
    expect(engine.context.pools.idleCount).toBe(1);
    await eventually(() => engine.context.pools.idleCount === 0);
    await eventually(() => upstream.sockets.every((socket) => socket.readableEnded || socket.destroyed));
  });

  test('upstream-keepalive-connections: of more than so many, the one that rested longest is closed', async () => {
    const waiting: (() => void)[] = [];
    const upstream = await bench.answering((_request, socket) => {
      waiting.push(() => socket.write(OK));
      return undefined;
    });
    const engine = await bench.engine({
      endpoints: [upstream.endpoint],
      settings: { upstreamKeepAliveConnections: 2 },
    });
    const clients = await Promise.all([1, 2, 3].map(() => engine.connect()));
    for (const client of clients) client.send(GET);
    await eventually(() => waiting.length === 3);
    for (const [i, answer] of waiting.entries()) {
      answer();
      await engine.logged(i + 1);
    }
    expect(engine.context.pools.idleCount).toBe(2);
    await eventually(
      () => upstream.sockets.filter((socket) => socket.readableEnded || socket.destroyed).length === 1,
    );
    expect(upstream.sockets[0]!.readableEnded || upstream.sockets[0]!.destroyed).toBe(true);
  });
});
