import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Fields, GET, headers, settings } from '../../../src/proxy/http2/testing.ts';
import { PREFACE } from '../../../src/proxy/http2/wire-codes.ts';
import { Bench, type Engine } from './harness.ts';

/* How many requests of one connection begin in one turn of the event loop. */

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** An engine that answers by itself; `perTurn` counts the requests of each turn. */
async function counting(): Promise<{ engine: Engine; perTurn: () => number[] }> {
  const counts = new Map<number, number>();
  const engine: Engine = await bench.engine({
    settings: { keepAliveRequests: 1_000_000 },
    filters: [
      {
        onRequest() {
          const { number } = engine.context.inputTurns;
          counts.set(number, (counts.get(number) ?? 0) + 1);
          return { status: 403 };
        },
      },
    ],
  });
  return { engine, perTurn: () => [...counts.values()] };
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

test('3,000 requests that HTTP/1.1 has in one piece begin at most 150 in a turn, and all are answered', async () => {
  const { engine, perTurn } = await counting();
  const client = await engine.connect();
  client.socket.end('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'.repeat(3_000), 'latin1');
  const text = await client.ended();
  expect(text.match(/HTTP\/1\.1 403/g)?.length).toBe(3_000);
  expect(sum(perTurn())).toBe(3_000);
  expect(Math.max(...perTurn())).toBeLessThanOrEqual(150);
});

test('100 requests of 400 fields that HTTP/2 has in one piece begin at most 20 in a turn, and all are answered', async () => {
  const { engine, perTurn } = await counting();
  const fields: Fields = [...GET, ...Array.from({ length: 400 }, (_, i) => [`x-${i}`, 'v'] as const)];
  const socket = await bench.open(engine.port);
  socket.resume();
  socket.end(
    Buffer.concat([
      PREFACE,
      settings(),
      ...Array.from({ length: 100 }, (_, i) => headers(i * 2 + 1, fields)),
    ]),
  );
  await engine.logged(100);
  expect(sum(perTurn())).toBe(100);
  expect(Math.max(...perTurn())).toBeLessThanOrEqual(20);
});

test('connections that flood leave a turn to each other, and to those that do not', async () => {
  const { engine, perTurn } = await counting();
  const flood = 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n'.repeat(3_000);
  const floods = await Promise.all(Array.from({ length: 4 }, () => engine.connect()));
  for (const each of floods) each.socket.end(flood, 'latin1');
  const client = await engine.connect();
  client.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  await client.until((text) => text.includes('403'));
  for (const each of floods) expect((await each.ended()).match(/HTTP\/1\.1 403/g)?.length).toBe(3_000);
  // Each of them once before it is known for what it is, and one after the other from then on.
  expect(perTurn().filter((count) => count > 300).length).toBeLessThanOrEqual(4);
});
