import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { DirectResponse } from '../../../src/features/kit/filter.ts';
import { DownstreamConnection } from '../../../src/proxy/http1/downstream-connection.ts';
import { Bench, eventually, OK, type Client, type Engine } from './harness.ts';

/* Clients that close their half as soon as they have sent what they have to say, while nobody reads their body yet. */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

const POST = 'POST / HTTP/1.1\r\nHost: a.test\r\n';
const BODIES: Record<string, string> = {
  'of declared length': 'Content-Length: 4\r\n\r\nbody',
  'in chunks': 'Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n',
};

/** An engine whose route waits for a check; `decide` is its answer. */
async function checked(endpoint: { address: string; port: number }): Promise<{
  engine: Engine;
  decide: (answer: DirectResponse | undefined) => void;
}> {
  const waiting: ((answer: DirectResponse | undefined) => void)[] = [];
  const check = () => new Promise<DirectResponse | undefined>((resolve) => void waiting.push(resolve));
  const engine = await bench.engine({ endpoints: [endpoint], filters: [{ onRequest: check }] });
  return { engine, decide: (answer) => waiting.shift()!(answer) };
}

/** Sends it all, closes its half, and resolves when Serin has seen that. */
async function sendAndEnd(engine: Engine, text: string): Promise<Client> {
  const client = await engine.connect();
  const onEnd = vi.spyOn(DownstreamConnection.prototype, 'onEnd');
  client.socket.end(text, 'latin1');
  await eventually(() => onEnd.mock.calls.length > 0);
  onEnd.mockRestore();
  return client;
}

for (const [name, body] of Object.entries(BODIES)) {
  describe(`with a body ${name}`, () => {
    test('a request that a check lets in late is answered', async () => {
      const upstream = await bench.answering(() => OK);
      const { engine, decide } = await checked(upstream.endpoint);
      const client = await sendAndEnd(engine, POST + body);
      decide(undefined);
      expect(await client.ended()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(upstream.requests[0]).toMatch(/body/);
    });

    test('one that a check refuses is told so', async () => {
      const upstream = await bench.answering(() => OK);
      const { engine, decide } = await checked(upstream.endpoint);
      const client = await sendAndEnd(engine, POST + body);
      decide({ status: 401 });
      expect(await client.ended()).toMatch(/^HTTP\/1\.1 401 /);
      expect(upstream.requests).toEqual([]);
    });

    test('what stands behind it is answered too', async () => {
      const upstream = await bench.answering(() => OK);
      const { engine, decide } = await checked(upstream.endpoint);
      const client = await sendAndEnd(engine, POST + body + POST + body);
      decide(undefined);
      await client.until((text) => text.includes('200 OK'));
      decide(undefined);
      expect((await client.ended()).match(/200 OK/g)).toHaveLength(2);
    });

    test('one whose body is not all there is given up when it is read', async () => {
      const upstream = await bench.answering(() => OK);
      const { engine, decide } = await checked(upstream.endpoint);
      const client = await sendAndEnd(engine, POST + body.slice(0, -2));
      decide(undefined);
      expect(await client.ended()).toBe('');
      expect([upstream.requests, engine.log[0]?.status]).toEqual([[], 499]);
    });
  });
}

test('all of a pipeline is answered, though its client reads late and closes its half before', async () => {
  const count = 1_500;
  const body = 'b'.repeat(10_000);
  const upstream = await bench.answering(
    () => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  const engine = await bench.engine({
    endpoints: [upstream.endpoint],
    settings: { keepAliveRequests: count + 1 },
  });
  const client = await engine.connect();
  client.socket.pause();
  client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'.repeat(count));
  // Until what waits for the client is more than sockets hold.
  let before = -1;
  while (engine.log.length > before) {
    before = engine.log.length;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(before).toBeLessThan(count);
  const onEnd = vi.spyOn(DownstreamConnection.prototype, 'onEnd');
  client.socket.end();
  await eventually(() => onEnd.mock.calls.length > 0);
  onEnd.mockRestore();
  client.socket.resume();
  expect((await client.ended()).match(/HTTP\/1\.1 200 OK/g)?.length).toBe(count);
});
