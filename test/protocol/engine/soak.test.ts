import type { Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Bench, eventually, type Client } from './harness.ts';

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** Small seeded generator (mulberry32): a failure can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const EXCHANGES = 1_500;

/** What an upstream may do to a request. */
function answerAtRandom(random: () => number, path: string, socket: Socket): void {
  const body = `<${path}>`.repeat(1 + Math.floor(random() * 8_000));
  const dice = random();
  if (dice < 0.5) socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  else if (dice < 0.65) {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write(`${body.length.toString(16)}\r\n${body}\r\n`);
    setImmediate(() => socket.write('0\r\n\r\n'));
  } else if (dice < 0.72) socket.end(`HTTP/1.1 200 OK\r\n\r\n${body}`);
  else if (dice < 0.79) socket.resetAndDestroy();
  else if (dice < 0.85) socket.end();
  else if (dice < 0.9) socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`);
  else if (dice < 0.95)
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}surplus<other>`);
  else socket.write('\x00nonsense\r\n\r\n');
}

for (const seed of [1, 2, 3]) {
  test(`clients and upstreams that do anything at any time leave nothing behind (seed ${seed})`, async () => {
    const random = createRandom(seed);
    const upstream = await bench.answering((request, socket) => {
      answerAtRandom(random, / (\S+) /.exec(request)![1]!, socket);
      return undefined;
    });
    const engine = await bench.engine({ endpoints: [upstream.endpoint] });
    const strangers: string[] = [];

    const play = async (name: string): Promise<void> => {
      let client: Client = await engine.connect();
      for (let i = 0; i < EXCHANGES / 10; i++) {
        const path = `/${name}-${i}`;
        const body = random() < 0.3 ? 'b'.repeat(Math.floor(random() * 100_000)) : '';
        const method = body !== '' && random() < 0.5 ? 'POST' : 'GET';
        client.text = '';
        client.send(
          `${method} ${path} HTTP/1.1\r\nHost: a.test\r\nContent-Length: ${body.length}\r\n\r\n${body.slice(0, random() < 0.05 ? 10 : undefined)}`,
        );
        const dice = random();
        if (dice < 0.1) client.socket.resetAndDestroy();
        else if (dice < 0.2) client.socket.end();
        else if (body === '') {
          await client.until((text) => isComplete(text)).catch(() => {});
        } else {
          await new Promise((resolve) => setImmediate(resolve));
          client.socket.resetAndDestroy();
        }
        // No client ever sees a byte that was meant for another, nor what nobody asked for.
        for (const [seen] of client.text.matchAll(/<\/?[a-z0-9/-]+-\d+>|surplus|<other>|nonsense/g)) {
          if (seen !== `<${path}>`) strangers.push(`${path} got ${seen}`);
        }
        if (
          client.isEnded ||
          client.isClosed ||
          client.socket.destroyed ||
          client.socket.writableEnded ||
          !isComplete(client.text)
        ) {
          client.socket.destroy();
          client = await engine.connect();
        }
      }
      client.socket.destroy();
    };
    await Promise.all(Array.from({ length: 10 }, (_, index) => play(`c${index}`)));

    await eventually(() => engine.context.connections.size === 0);
    expect(strangers).toEqual([]);
    expect(engine.faults).toEqual([]);
    expect(engine.router.endpoints[0]!.inFlight).toBe(0);
    expect(engine.context.stats).toMatchObject({ reading: 0, writing: 0, waiting: 0 });
    expect(engine.log.length).toBe(engine.context.stats.requests);
  });
}

function isComplete(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /\r\nContent-Length: (\d+)\r\n/.exec(text.slice(0, headEnd + 2));
  if (length === null) return text.endsWith('0\r\n\r\n');
  return text.length >= headEnd + 4 + Number(length[1]);
}
