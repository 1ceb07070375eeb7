import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bench, type Engine, eventually } from '../../protocol/engine/harness.ts';
import type { FixedRouterOptions } from '../../protocol/engine/fixed-router.ts';
import { listenHttp1 } from './http1-peers.ts';
import { type Asked, type ClientPeer, type ClientSubject, quiet, type ServerPeer } from './peers.ts';

const BLOCK = 'b'.repeat(65_536);
/** More than buffers on the way hold. */
const MUCH = 256;

/** What a wire promises an exchange towards clients: the contract of `Downstream` and `ExchangeEvents`. */
export function describeClientSide({ name, isInTurn, connect }: ClientSubject): void {
  describe(`${name}, towards clients`, () => {
    let bench: Bench;
    let server: ServerPeer;
    let clients: ClientPeer[];
    let engine: Engine;

    beforeEach(async () => {
      bench = new Bench();
      server = await listenHttp1();
      clients = [];
    });

    afterEach(async () => {
      for (const client of clients) client.destroy();
      await server.close();
      await bench.close();
      expect(engine.faults).toEqual([]);
    });

    async function connected(options: FixedRouterOptions = {}): Promise<ClientPeer> {
      engine = await bench.engine({ endpoints: [server.endpoint], ...options });
      return join();
    }

    async function join(): Promise<ClientPeer> {
      const client = await connect(engine.context, engine.port);
      clients.push(client);
      return client;
    }

    const STREAMED: FixedRouterOptions = { body: { isRequestBuffered: false, maxBodyBytes: 0 } };

    async function asked(client: ClientPeer, what: Asked = {}) {
      const stream = client.ask(what);
      const peer = await server.next();
      await peer.until(({ head }) => head !== undefined);
      return { stream, peer };
    }

    describe('heads and bodies', () => {
      test('a request arrives, and so does its answer', async () => {
        const client = await connected();
        const { stream, peer } = await asked(client, { target: '/a?b=c', fields: [['X-A', 'one']] });
        expect(peer.head!.start).toEqual(['GET', '/a?b=c']);
        expect([peer.head!.field('host'), peer.head!.field('x-a')]).toEqual(['a.test', 'one']);
        peer.answer(203, [['X-B', 'two']], 4);
        peer.send('body');
        peer.end();
        await stream.until(({ isEnded }) => isEnded);
        expect(stream.head!.start).toEqual(['203']);
        expect([stream.head!.field('x-b'), stream.head!.field('content-length')]).toEqual(['two', '4']);
        expect(stream.body).toBe('body');
        await engine.logged(1);
        expect(engine.log[0]).toMatchObject({ status: 203, bodyBytesSent: 4 });
        expect(engine.log[0]!.requestLine).toMatch(/^GET \/a\?b=c /);
      });

      for (const { what, body } of [
        { what: 'declared length', body: 6 },
        { what: 'unknown length', body: 'stream' },
      ] as const) {
        test(`a body of ${what} arrives as it comes`, async () => {
          const client = await connected(STREAMED);
          const { stream, peer } = await asked(client, { method: 'POST', body });
          stream.send('abc');
          await peer.until((request) => request.body === 'abc');
          stream.send('def');
          stream.end();
          await peer.until(({ isEnded }) => isEnded);
          expect(peer.body).toBe('abcdef');
          peer.answer(200, [], 0);
          await stream.until(({ isEnded }) => isEnded);
        });

        test(`a body of ${what} is collected where the route says so`, async () => {
          const client = await connected();
          const stream = client.ask({ method: 'POST', body });
          stream.send('abc');
          stream.send('def');
          stream.end();
          const peer = await server.next();
          await peer.until(({ isEnded }) => isEnded);
          expect([peer.body, peer.head!.field('content-length')]).toEqual(['abcdef', '6']);
          peer.answer(200, [], 0);
          await stream.until(({ isEnded }) => isEnded);
        });
      }

      test('a response of unknown length ends where it ends, with its trailers', async () => {
        const client = await connected();
        const { stream, peer } = await asked(client);
        peer.answer(200, [], 'stream');
        peer.send('one');
        await stream.until(({ body }) => body === 'one');
        expect(stream.isEnded).toBe(false);
        peer.send('two');
        peer.end([['X-T', 'trailer']]);
        await stream.until(({ isEnded }) => isEnded);
        expect([stream.body, stream.trailers?.field('x-t')]).toEqual(['onetwo', 'trailer']);
      });

      for (const { method, status, length } of [
        { method: 'HEAD', status: 200, length: 5 },
        { method: 'GET', status: 304, length: 5 },
        { method: 'GET', status: 204, length: 'none' as const },
      ]) {
        test(`${status} to ${method} with length ${length} has no body, and another request follows`, async () => {
          const client = await connected();
          const { stream, peer } = await asked(client, { method });
          peer.answer(status, [], length);
          await stream.until(({ isEnded }) => isEnded);
          expect([stream.body, stream.head!.field('content-length')]).toEqual([
            '',
            length === 'none' ? undefined : String(length),
          ]);
          const next = await asked(client);
          next.peer.answer(200, [], 0);
          await next.stream.until(({ isEnded }) => isEnded);
        });
      }

      test('heads before the final one arrive before it', async () => {
        const client = await connected();
        const { stream, peer } = await asked(client);
        peer.interim(103, [['Link', '</a>']]);
        await stream.until(({ interims }) => interims.length === 1);
        expect([stream.interims[0]!.start, stream.interims[0]!.field('link')]).toEqual([['103'], '</a>']);
        peer.answer(200, [], 0);
        await stream.until(({ isEnded }) => isEnded);
      });

      for (const method of ['GET', 'HEAD']) {
        test(`an answer of the proxy's own to ${method}`, async () => {
          const client = await connected({ deniedStatus: 403 });
          const stream = client.ask({ method });
          await stream.until(({ isEnded }) => isEnded);
          const length = Number(stream.head!.field('content-length'));
          expect(stream.head!.start).toEqual(['403']);
          expect(length).toBeGreaterThan(0);
          expect(stream.body.length).toBe(method === 'HEAD' ? 0 : length);
          await engine.logged(1);
          expect(engine.log[0]!.bodyBytesSent).toBe(stream.body.length);
          expect(engine.log[0]!.bytesSent).toBeGreaterThanOrEqual(stream.body.length);
        });
      }
    });

    describe('many requests', () => {
      test('one after another, each answered for itself', async () => {
        const client = await connected();
        for (let i = 0; i < 5; i++) {
          const { stream, peer } = await asked(client, { target: `/${i}` });
          peer.answer(200, [], 1);
          peer.send(String(i));
          peer.end();
          await stream.until(({ isEnded }) => isEnded);
          expect([peer.head!.start[1], stream.body]).toEqual([`/${i}`, String(i)]);
        }
        await engine.logged(5);
        expect(new Set(engine.log.map(({ status }) => status))).toEqual(new Set([200]));
      });

      test('all at once, each answered for itself', async () => {
        const client = await connected();
        const streams = Array.from({ length: 8 }, (_, i) => client.ask({ target: `/${i}` }));
        const targets: string[] = [];
        for (let i = 0; i < 8; i++) {
          const peer = await server.next();
          await peer.until(({ isEnded }) => isEnded);
          const target = peer.head!.start[1]!;
          targets.push(target);
          peer.answer(200, [], target.length);
          peer.send(target);
          peer.end();
        }
        for (const [i, stream] of streams.entries()) {
          await stream.until(({ isEnded }) => isEnded);
          expect(stream.body).toBe(`/${i}`);
        }
        if (isInTurn) expect(targets).toEqual(streams.map((_, i) => `/${i}`));
      });

      test('what is cut leaves the others as they are', async () => {
        const client = await connected();
        const other = await join();
        const { stream, peer } = await asked(isInTurn ? other : client, { target: '/cut' });
        const kept = await asked(client, { target: '/kept' });
        stream.reset();
        await peer.untilCut();
        kept.peer.answer(200, [], 2);
        kept.peer.send('ok');
        kept.peer.end();
        await kept.stream.until(({ isEnded }) => isEnded);
        expect(kept.stream.body).toBe('ok');
      });
    });

    describe('backpressure', () => {
      test('a client that reads nothing stops the server, and gets all of it later', async () => {
        const client = await connected();
        const { stream, peer } = await asked(client);
        peer.answer(200, [], 'stream');
        peer.send('first');
        await stream.until(({ body }) => body === 'first');
        stream.pause();
        for (let i = 0; i < MUCH; i++) peer.send(BLOCK);
        peer.end();
        await quiet(() => stream.body.length);
        expect(stream.isEnded).toBe(false);
        stream.resume();
        await stream.until(({ isEnded }) => isEnded);
        expect(stream.body.length).toBe(5 + MUCH * BLOCK.length);
      });

      test('a server that reads nothing stops the client, and gets all of it later', async () => {
        const client = await connected(STREAMED);
        const { stream, peer } = await asked(client, { method: 'POST', body: 'stream' });
        peer.pause();
        for (let i = 0; i < MUCH; i++) stream.send(BLOCK);
        stream.end();
        await quiet(() => engine.context.bodies.budget.memoryBytes);
        expect(engine.context.bodies.budget.memoryBytes).toBeLessThan((MUCH * BLOCK.length) / 4);
        peer.resume();
        await peer.until(({ isEnded }) => isEnded);
        expect(peer.body.length).toBe(MUCH * BLOCK.length);
        peer.answer(200, [], 0);
        await stream.until(({ isEnded }) => isEnded);
      });
    });

    describe('what ends early', () => {
      test('an answer before the request is all there', async () => {
        const client = await connected(STREAMED);
        const { stream, peer } = await asked(client, { method: 'POST', body: 100 });
        stream.send('part');
        await peer.until(({ body }) => body === 'part');
        peer.answer(413, [], 4);
        peer.send('much');
        peer.end();
        await stream.until(({ isEnded }) => isEnded);
        expect([stream.head!.start, stream.body]).toEqual([['413'], 'much']);
      });

      test('an answer of the proxy’s own before the request is all there', async () => {
        const client = await connected({ body: { maxBodyBytes: 10 } });
        const stream = client.ask({ method: 'POST', body: 'stream' });
        stream.send('longer than that');
        await stream.until(({ isEnded }) => isEnded);
        expect(stream.head!.start).toEqual(['413']);
      });

      test('a client that ended its half gets its answer', async () => {
        const client = await connected();
        const { stream, peer } = await asked(client);
        client.endHalf();
        peer.answer(200, [], 4);
        peer.send('body');
        peer.end();
        await stream.until(({ isEnded }) => isEnded);
        expect(stream.body).toBe('body');
        await eventually(() => client.isClosed);
      });

      for (const stage of ['within the request', 'before the answer', 'within the answer'] as const) {
        test(`a client that goes ${stage} takes its request from the server`, async () => {
          const client = await connected(STREAMED);
          const isHalf = stage === 'within the request';
          const { stream, peer } = await asked(client, isHalf ? { method: 'POST', body: 100 } : {});
          if (isHalf) {
            stream.send('part');
            await peer.until(({ body }) => body === 'part');
          } else if (stage === 'within the answer') {
            peer.answer(200, [], 'stream');
            peer.send('part');
            await stream.until(({ body }) => body === 'part');
          }
          stream.reset();
          await peer.untilCut();
          await engine.logged(1);
          expect(engine.log[0]!.status).toBe(stage === 'within the answer' ? 200 : 499);
          expect(engine.router.endpoints[0]!.inFlight).toBe(0);
        });
      }

      test('a server that is gone before its answer is a 502', async () => {
        const client = await connected({ retry: { tries: 1 } });
        const { stream, peer } = await asked(client);
        peer.reset();
        await stream.until(({ isEnded }) => isEnded);
        expect(stream.head!.start).toEqual(['502']);
      });

      for (const length of ['stream', 100] as const) {
        test(`a server that is gone within its answer leaves one of length ${length} that cannot look complete`, async () => {
          const client = await connected();
          const { stream, peer } = await asked(client);
          peer.answer(200, [], length);
          peer.send('part');
          await stream.until(({ body }) => body === 'part');
          peer.reset();
          await stream.untilCut();
          expect(stream.isEnded).toBe(false);
        });
      }

      test('a worker that drains closes what rests, and ends what is under way first', async () => {
        const client = await connected({ settings: { keepAliveTimeoutMs: 60_000 } });
        const { stream, peer } = await asked(client);
        const drained = engine.drain(60_000);
        peer.answer(200, [], 4);
        peer.send('body');
        peer.end();
        await stream.until(({ isEnded }) => isEnded);
        client.endHalf();
        expect([stream.body, await drained]).toEqual(['body', 0]);
      });
    });

    describe('tunnels', () => {
      async function tunnel() {
        const client = await connected();
        const { stream, peer } = await asked(client, { upgrade: 'echo' });
        peer.grant('echo');
        await stream.until(({ head }) => head !== undefined);
        expect(stream.head!.start).toEqual(['101']);
        return { stream, peer };
      }

      test('bytes go both ways, and each half ends by itself', async () => {
        const { stream, peer } = await tunnel();
        stream.send('from the client');
        await peer.until(({ body }) => body === 'from the client');
        peer.send('from the server');
        await stream.until(({ body }) => body === 'from the server');
        stream.end();
        await peer.until(({ isEnded }) => isEnded);
        peer.send(', still');
        await stream.until(({ body }) => body.endsWith(', still'));
        peer.end();
        await stream.until(({ isEnded }) => isEnded);
        await engine.logged(1);
        expect(engine.log[0]!.status).toBe(101);
      });

      test('a client that reads nothing stops the server', async () => {
        const { stream, peer } = await tunnel();
        stream.pause();
        for (let i = 0; i < MUCH; i++) peer.send(BLOCK);
        await quiet(() => stream.body.length);
        stream.resume();
        await stream.until(({ body }) => body.length === MUCH * BLOCK.length);
      });

      test('a client that goes takes the tunnel with it', async () => {
        const { stream, peer } = await tunnel();
        stream.reset();
        await peer.untilOver();
        await engine.logged(1);
      });

      test('a server that goes takes the tunnel with it', async () => {
        const { stream, peer } = await tunnel();
        peer.reset();
        await stream.untilOver();
        await engine.logged(1);
      });
    });
  });
}
