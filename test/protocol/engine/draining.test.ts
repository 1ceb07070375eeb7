import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WAITS } from '../../../src/proxy/exchange/client-waits.ts';
import { Bench, eventually, GET, OK, type Client, type Engine } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** What the bench's timers count in. */
const TICK_MS = 5;
const passGrace = ({ context }: Engine) => context.timers.advance(WAITS.drainIdleMs / TICK_MS + 2);

/** A client that has had one answer and is kept alive. */
async function idleClient(engine: Engine): Promise<Client> {
  const client = await engine.connect();
  client.send('GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n');
  expect(await client.response()).toContain('Connection: keep-alive\r\n');
  return client;
}

describe('draining', () => {
  test('idle connections close, the response in flight says so and closes too', async () => {
    let answer: (() => void) | undefined;
    const upstream = await bench.answering((_request, socket) => {
      answer = () => socket.write(OK);
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const idle = await idleClient(engine);
    const busy = await engine.connect();
    busy.send(GET + GET);
    await eventually(() => upstream.requests.length === 1);
    const drained = engine.drain(10_000);
    passGrace(engine);
    expect(await idle.ended()).toBe('');
    idle.socket.end();
    answer!();
    expect(await busy.ended()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*ok$/);
    busy.socket.end();
    expect(await drained).toBe(0);
    expect(upstream.requests.length).toBe(1);
  });

  test('a request that comes on an idle connection is answered, and the answer says close', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await idleClient(engine);
    const drained = engine.drain(10_000);
    client.send(GET);
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n[^]*ok$/);
    client.socket.end();
    expect(await drained).toBe(0);
  });

  test('a request that was sent by the moment its idle connection is to be closed is answered', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await idleClient(engine);
    const drained = engine.drain(10_000);
    client.send(GET);
    passGrace(engine);
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*ok$/);
    client.socket.end();
    expect(await drained).toBe(0);
  });

  test('what crosses the end of an idle connection is no reset', async () => {
    const engine = await bench.engine();
    const client = await idleClient(engine);
    let error: Error | undefined;
    client.socket.on('error', (met: Error) => (error = met));
    const drained = engine.drain(10_000);
    passGrace(engine);
    expect(await client.ended()).toBe('');
    client.send(GET);
    await new Promise((resolve) => client.socket.write(GET, resolve));
    client.socket.end();
    expect(await drained).toBe(0);
    await eventually(() => client.isClosed);
    expect(error).toBeUndefined();
  });

  test('a connection that has not sent anything yet has its first request answered', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    await eventually(() => engine.context.connections.size === 1);
    const drained = engine.drain(10_000);
    client.send(GET.slice(0, 20));
    await eventually(() => engine.context.stats.reading === 1);
    // The head has begun: it has the time of a head.
    passGrace(engine);
    client.send(GET.slice(20));
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: close\r\n/);
    client.socket.end();
    expect(await drained).toBe(0);
  });

  test('what does not end in time is cut and counted', async () => {
    const upstream = await bench.upstream((socket) => socket.on('data', () => {}));
    const engine = await bench.engine({ endpoints: [upstream] });
    const client = await engine.connect();
    client.send(GET);
    await eventually(() => engine.router.endpoints[0]!.inFlight === 1);
    expect(await engine.drain(1)).toBe(1);
    await client.ended();
    expect(engine.log[0]!.status).toBe(499);
  });
});

test('a request that was sent by the moment the keep-alive time ends is answered', async () => {
  const upstream = await bench.answering(() => OK);
  const engine = await bench.engine({
    endpoints: [upstream.endpoint],
    settings: { keepAliveTimeoutMs: 60_000 },
  });
  const client = await idleClient(engine);
  client.send(GET);
  engine.context.timers.advance(60_000 / TICK_MS + 2);
  expect(await client.response()).toContain('200 OK');
});
