import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, eventually, OK } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: a.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n';
const ACCEPTED =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: v\r\n\r\n';

/** An upstream that accepts upgrades when told to, and shows what comes through. */
async function tunnelling(isAcceptedAtOnce: boolean): Promise<{
  endpoint: { address: string; port: number };
  state: { head: string; text: string; socket: Socket | undefined; isEnded: boolean };
}> {
  const state = { head: '', text: '', socket: undefined as Socket | undefined, isEnded: false };
  const endpoint = await bench.upstream((socket) => {
    state.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      state.text += chunk.toString('latin1');
      const end = state.text.indexOf('\r\n\r\n');
      if (state.head !== '' || end < 0) return;
      state.head = state.text.slice(0, end + 4);
      state.text = state.text.slice(end + 4);
      if (isAcceptedAtOnce) socket.write(ACCEPTED);
    });
    socket.on('end', () => {
      state.isEnded = true;
    });
  });
  return { endpoint, state };
}

describe('upgrades (RFC 9110 §7.8, RFC 6455)', () => {
  test('bytes pass both ways once the upstream has agreed', async () => {
    const { endpoint, state } = await tunnelling(true);
    const engine = await bench.engine({ endpoints: [endpoint] });
    const client = await engine.connect();
    client.send(UPGRADE);
    const head = await client.until((text) => text.includes('\r\n\r\n'));
    expect(head.replace(/Date: .*\r\n/, '')).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: v\r\n\r\n',
    );
    expect(state.head).toMatch(/Sec-WebSocket-Key: k\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n$/);
    client.send('\x81\x00client');
    await eventually(() => state.text === '\x81\x00client');
    state.socket!.write('\x82\xffserver', 'latin1');
    await client.until((text) => text.endsWith('\x82\xffserver'));
    // Half-close: the other direction goes on.
    client.socket.end();
    await eventually(() => state.isEnded);
    state.socket!.end('bye');
    expect(await client.ended()).toMatch(/bye$/);
    await engine.logged(1);
    expect(engine.log[0]).toMatchObject({ status: 101, upstreamStatus: [101] });
    expect(engine.log[0]!.bodyBytesSent).toBe('\x82\xffserverbye'.length);
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    await eventually(() => engine.context.connections.size === 0);
  });

  test('bytes behind the request wait for the 101', async () => {
    const { endpoint, state } = await tunnelling(false);
    const engine = await bench.engine({ endpoints: [endpoint] });
    const client = await engine.connect();
    client.send(`${UPGRADE}early`);
    await eventually(() => state.head !== '');
    client.send(' bytes');
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.text).toBe('');
    state.socket!.write(`${ACCEPTED}hello`);
    await client.until((text) => text.endsWith('hello'));
    await eventually(() => state.text === 'early bytes');
  });

  const grants: [asked: string, granted: string, isOne: boolean][] = [
    ['websocket', 'WebSocket', true],
    ['foo/1, websocket', 'websocket', true],
    ['foo/1, bar', 'bar, foo/1', true],
    ['websocket', 'foo', false],
    ['websocket', 'websocket, foo', false],
    ['foo/1', 'foo/2', false],
    ['websocket', 'h2c', false],
    ['websocket', 'websocket,', false],
  ];
  for (const [asked, granted, isOne] of grants) {
    test(`a 101 for ${granted} when ${asked} was asked for is ${isOne ? 'passed on' : 'a 502'}`, async () => {
      const answer = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${granted}\r\nConnection: Upgrade\r\n\r\n`;
      const upstream = await bench.answering(() => answer);
      const engine = await bench.engine({ endpoints: [upstream.endpoint] });
      const client = await engine.connect();
      client.send(UPGRADE.replace('websocket', asked));
      const head = await client.until((text) => text.includes('\r\n\r\n'));
      expect(head).toMatch(isOne ? /^HTTP\/1\.1 101 / : /^HTTP\/1\.1 502 /);
    });
  }

  test('a refused upgrade is a normal response, and what is behind the request a request', async () => {
    const upstream = await bench.answering(() => OK);
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const client = await engine.connect();
    client.send(`${UPGRADE}GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n`);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*Connection: keep-alive\r\n[^]*ok$/);
    expect(await client.response()).toMatch(/ok$/);
    expect(upstream.requests[1]).toMatch(/^GET \/next /);
  });

  const notAsked: { name: string; request: string }[] = [
    { name: 'HTTP/1.0', request: UPGRADE.replace('HTTP/1.1', 'HTTP/1.0') },
    { name: 'no Connection: upgrade', request: UPGRADE.replace('Connection: keep-alive, Upgrade\r\n', '') },
    { name: 'h2c', request: UPGRADE.replace('Upgrade: websocket', 'Upgrade: h2c') },
    { name: 'a body', request: UPGRADE.replace('\r\n\r\n', '\r\nContent-Length: 1\r\n\r\nx') },
  ];
  for (const { name, request } of notAsked) {
    test(`${name}: no upgrade is asked for, and a 101 is a malformed answer`, async () => {
      const upstream = await bench.answering(() => `${ACCEPTED}secret`);
      const engine = await bench.engine({ endpoints: [upstream.endpoint], retry: { tries: 1 } });
      const client = await engine.connect();
      client.send(request);
      const text = await client.response();
      expect(text).toMatch(/^HTTP\/1\.1 502 /);
      expect(text).not.toContain('secret');
      expect(upstream.requests[0]).not.toMatch(/upgrade/i);
    });
  }

  test('a 101 without Upgrade is malformed', async () => {
    const upstream = await bench.answering(() => 'HTTP/1.1 101 Switching Protocols\r\n\r\nsecret');
    const engine = await bench.engine({ endpoints: [upstream.endpoint], retry: { tries: 1 } });
    const client = await engine.connect();
    client.send(UPGRADE);
    expect(await client.response()).toMatch(/^HTTP\/1\.1 502 /);
  });

  test('silence closes a tunnel', async () => {
    const { endpoint } = await tunnelling(true);
    const engine = await bench.engine({ endpoints: [endpoint], timeouts: { readTimeoutMs: 30 } });
    const client = await engine.connect();
    client.send(UPGRADE);
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 101 /);
    await engine.logged(1);
    expect(engine.log[0]!.status).toBe(101);
  });

  test('an upstream that resets a tunnel resets it for the client', async () => {
    const { endpoint, state } = await tunnelling(true);
    const engine = await bench.engine({ endpoints: [endpoint] });
    const client = await engine.connect();
    client.send(UPGRADE);
    await client.until((text) => text.includes('101'));
    state.socket!.resetAndDestroy();
    await client.ended();
    await engine.logged(1);
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    expect(engine.faults).toEqual([]);
  });

  test('a client that goes away takes the upstream connection with it', async () => {
    const { endpoint, state } = await tunnelling(true);
    const engine = await bench.engine({ endpoints: [endpoint] });
    const client = await engine.connect();
    client.send(UPGRADE);
    await client.until((text) => text.includes('101'));
    client.socket.resetAndDestroy();
    await eventually(() => state.socket!.destroyed || state.isEnded);
    await engine.logged(1);
    expect(engine.log.length).toBe(1);
  });

  test('a tunnel outlives a drain until its time is over', async () => {
    const { endpoint, state } = await tunnelling(true);
    const engine = await bench.engine({ endpoints: [endpoint] });
    const client = await engine.connect();
    client.send(UPGRADE);
    await client.until((text) => text.includes('101'));
    const drained = engine.drain(10_000);
    client.send('still');
    await eventually(() => state.text === 'still');
    client.socket.end();
    await eventually(() => state.isEnded);
    state.socket!.end();
    expect(await drained).toBe(0);
  });

  test('a tunnel reads no faster than the other side', async () => {
    const { endpoint, state } = await tunnelling(true);
    const engine = await bench.engine({ endpoints: [endpoint] });
    const client = await engine.connect();
    client.send(UPGRADE);
    await client.until((text) => text.includes('101'));
    client.socket.pause();
    const total = 64 * 1024 * 1024;
    const chunk = Buffer.alloc(65_536, 't');
    let sent = 0;
    const pump = () => {
      while (sent < total) {
        sent += chunk.length;
        if (!state.socket!.write(chunk)) return;
      }
    };
    state.socket!.on('drain', pump);
    pump();
    await stalled(() => sent);
    expect(sent).toBeLessThan(total / 2);
    client.socket.resume();
    while (client.bytes < total) await new Promise((resolve) => client.socket.once('data', resolve));
  });
});

/** Resolves when the number has not changed for many turns of the event loop. */
async function stalled(value: () => number): Promise<void> {
  let last = value();
  for (let quiet = 0; quiet < 2_000; quiet++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (value() !== last) {
      last = value();
      quiet = 0;
    }
  }
}
