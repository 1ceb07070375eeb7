import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Timers } from '../../../src/lib/timer-wheel.ts';
import { createSocketTransport } from '../../../src/proxy/transport/socket-transport.ts';
import { Pools } from '../../../src/proxy/upstream/pools.ts';
import type { UpstreamPool, UpstreamRequest } from '../../../src/proxy/upstream/stream.ts';
import type { Endpoint } from '../../../src/proxy/upstream/upstream.ts';
import { DEFAULT_SETTINGS } from '../../../src/table/settings.ts';
import { quiet, type ServerPeer, type ServerStream, type UpstreamSubject } from './peers.ts';
import { Recorder, requestOf } from './recorder.ts';

const BLOCK = Buffer.alloc(65_536, 'b');
/** More than buffers on the way hold. */
const MUCH = 256;

/** What a wire promises an exchange towards servers: the contract of `UpstreamStream`. */
export function describeUpstreamSide({ name, key, isShared, hasTunnels, open }: UpstreamSubject): void {
  describe(`${name}, towards servers`, () => {
    let server: ServerPeer;
    let timers: Timers;
    let pools: Pools;
    let pool: UpstreamPool;
    let connected: number;
    let faults: unknown[];
    let recorders: Recorder[];

    beforeEach(async () => {
      server = await open();
      timers = new Timers({ tickMs: 5 });
      connected = 0;
      faults = [];
      recorders = [];
      pools = new Pools({
        wires: server.wires,
        transport: createSocketTransport(),
        timers,
        now: () => performance.now(),
        settings: () => DEFAULT_SETTINGS,
        report: (fault) => faults.push(fault),
      });
      const endpoint: Endpoint = {
        key: 'peer',
        ...server.endpoint,
        inFlight: 0,
        isRemoved: false,
        pools: new Map(),
        started() {},
        finished() {},
        connected: () => {
          connected++;
        },
      };
      pool = pools.poolOf(endpoint, key);
    });

    afterEach(async () => {
      for (const recorder of recorders) recorder.stream?.reset();
      pools.close();
      await server.close();
      timers.close();
      expect(faults).toEqual([]);
      expect(recorders.flatMap(({ misplaced }) => misplaced)).toEqual([]);
    });

    function acquire(isFreshNeeded = false): Recorder {
      const recorder = new Recorder();
      recorders.push(recorder);
      recorder.stream = pool.acquire(recorder, isFreshNeeded, 5_000);
      return recorder;
    }

    async function ready(isFreshNeeded = false): Promise<Recorder> {
      const recorder = acquire(isFreshNeeded);
      if (!recorder.stream!.isReady) await recorder.until(({ isReady }) => isReady);
      return recorder;
    }

    /** Sends a request whose body is all there. */
    function sendAll(recorder: Recorder, request: UpstreamRequest, body = ''): void {
      recorder.call((stream) => {
        stream.sendHead(request);
        const parts = body === '' ? [] : [Buffer.from(body)];
        stream.send(parts, body.length, true);
      });
    }

    async function asked(
      request = requestOf(),
      body = '',
    ): Promise<{ recorder: Recorder; peer: ServerStream }> {
      const recorder = await ready();
      sendAll(recorder, request, body);
      const peer = await server.next();
      await peer.until(({ isEnded }) => isEnded);
      return { recorder, peer };
    }

    describe('heads and bodies', () => {
      test('a head arrives as it was given, and so does the answer', async () => {
        const { recorder, peer } = await asked(
          requestOf({ target: '/a?b=c', lines: 'X-A: one\r\nX-B:  two \r\n' }),
        );
        expect(peer.head!.start).toEqual(['GET', '/a?b=c']);
        expect(peer.head!.field('x-a')).toBe('one');
        expect(peer.head!.field('content-length')).toBeUndefined();
        peer.answer(203, [['X-A', 'answer']], 4);
        peer.send('body');
        peer.end();
        await recorder.until(({ isEnded }) => isEnded);
        expect([
          recorder.status,
          recorder.field,
          recorder.hasBody,
          recorder.contentLength,
          recorder.body,
        ]).toEqual([203, 'answer', true, 4, 'body']);
      });

      test('the head leaves with what is sent first, and not before', async () => {
        const recorder = await ready();
        recorder.call((stream) => stream.sendHead(requestOf({ method: 'POST', hasBody: true })));
        let isThere = false;
        const next = server.next().then((stream) => {
          isThere = true;
          return stream;
        });
        await quiet(() => Number(isThere));
        expect(isThere).toBe(false);
        recorder.call((stream) => stream.send([], 0, false));
        const peer = await next;
        await peer.until(({ head }) => head !== undefined);
        expect([peer.body, peer.isEnded]).toEqual(['', false]);
      });

      for (const { what, contentLength } of [
        { what: 'declared length', contentLength: 10 },
        { what: 'unknown length', contentLength: -1 },
      ]) {
        test(`a body of ${what} arrives in its order, and its end as its end`, async () => {
          const recorder = await ready();
          recorder.call((stream) => {
            stream.sendHead(requestOf({ method: 'POST', hasBody: true, contentLength }));
            stream.send([Buffer.from('ab'), Buffer.from('cd')], 4, false);
          });
          const peer = await server.next();
          await peer.until(({ body }) => body === 'abcd');
          expect(peer.isEnded).toBe(false);
          recorder.call((stream) => stream.send([Buffer.from('efgh')], 4, false));
          recorder.call((stream) => stream.send([Buffer.from('ij')], 2, true));
          await peer.until(({ isEnded }) => isEnded);
          expect(peer.body).toBe('abcdefghij');
        });
      }

      test('a body of unknown length may end behind its last bytes, or be empty', async () => {
        const recorder = await ready();
        recorder.call((stream) => {
          stream.sendHead(requestOf({ method: 'POST', hasBody: true }));
          stream.send([], 0, false);
        });
        const peer = await server.next();
        recorder.call((stream) => stream.send([], 0, true));
        await peer.until(({ isEnded }) => isEnded);
        expect(peer.body).toBe('');
      });

      test('a length of 0 is told where it is declared', async () => {
        const { peer } = await asked(requestOf({ method: 'POST', contentLength: 0 }));
        expect(peer.head!.field('content-length')).toBe('0');
      });

      test('a response of unknown length ends where it ends, with its trailers', async () => {
        const { recorder, peer } = await asked();
        peer.answer(200, [['Trailer', 'X-T']], 'stream');
        await recorder.until(({ status }) => status === 200);
        expect([recorder.hasBody, recorder.contentLength]).toEqual([true, -1]);
        peer.send('one');
        await recorder.until(({ body }) => body === 'one');
        peer.send('two');
        peer.end([['X-T', 'trailer']]);
        await recorder.until(({ isEnded }) => isEnded);
        expect([recorder.body, recorder.trailer]).toEqual(['onetwo', 'trailer']);
      });

      for (const { method, status, length } of [
        { method: 'HEAD', status: 200, length: 5 },
        { method: 'GET', status: 304, length: 5 },
        { method: 'GET', status: 204, length: 'none' as const },
        { method: 'GET', status: 200, length: 0 },
      ]) {
        test(`${status} to ${method} with length ${length} has no body`, async () => {
          const { recorder, peer } = await asked(requestOf({ method }));
          peer.answer(status, [], length);
          await recorder.until(({ isEnded }) => isEnded);
          const declared = length === 'none' ? -1 : length;
          expect([recorder.hasBody, recorder.contentLength, recorder.body]).toEqual([false, declared, '']);
        });
      }

      test('heads before the final one are told one by one', async () => {
        const { recorder, peer } = await asked();
        peer.interim(103, [['Link', '</a>']]);
        peer.interim(102, []);
        peer.answer(200, [], 0);
        await recorder.until(({ isEnded }) => isEnded);
        expect([recorder.interims, recorder.status]).toEqual([[103, 102], 200]);
      });

      test('a head alone is followed by the word that all of it was read', async () => {
        const { recorder, peer } = await asked();
        peer.answer(200, [], 'stream');
        await recorder.until(({ status, reads }) => status === 200 && reads > 0);
      });

      test('all that one read brought is followed by the word that it was', async () => {
        const { recorder, peer } = await asked();
        peer.answer(200, [], 'stream');
        peer.send('one');
        await recorder.until(({ body, reads }) => body === 'one' && reads > 0);
      });
    });

    describe('who comes next', () => {
      test('a connection is used again, and ready at once', async () => {
        const first = await asked();
        first.peer.answer(200, [], 0);
        await first.recorder.until(({ isEnded }) => isEnded);
        const second = acquire();
        expect(second.stream!.isReady).toBe(true);
        sendAll(second, requestOf({ target: '/second' }));
        const peer = await server.next();
        peer.answer(200, [], 0);
        await second.until(({ isEnded }) => isEnded);
        expect([server.connections, connected]).toEqual([1, 1]);
      });

      test('one that rests is not taken where the request cannot be sent twice', async () => {
        const { recorder, peer } = await asked();
        peer.answer(200, [], 0);
        await recorder.until(({ isEnded }) => isEnded);
        await ready(true);
        expect(server.connections).toBe(2);
      });

      test('two at a time go by as many connections as the wire needs', async () => {
        const first = await asked();
        const second = await asked(requestOf({ target: '/second' }));
        expect(server.connections).toBe(isShared ? 1 : 2);
        second.peer.answer(202, [], 0);
        await second.recorder.until(({ isEnded }) => isEnded);
        first.peer.answer(201, [], 0);
        await first.recorder.until(({ isEnded }) => isEnded);
        expect([first.recorder.status, second.recorder.status]).toEqual([201, 202]);
      });

      test('an answer before the request is all there is an answer; the next request finds its way', async () => {
        const recorder = await ready();
        recorder.call((stream) => {
          stream.sendHead(requestOf({ method: 'POST', hasBody: true, contentLength: 100 }));
          stream.send([Buffer.from('abc')], 3, false);
        });
        const peer = await server.next();
        peer.answer(413, [], 4);
        peer.send('much');
        peer.end();
        await recorder.until(({ isEnded }) => isEnded);
        expect([recorder.status, recorder.body]).toEqual([413, 'much']);
        const next = await asked(requestOf({ target: '/next' }));
        expect(next.peer.head!.start).toEqual(['GET', '/next']);
        next.peer.answer(200, [], 0);
        await next.recorder.until(({ isEnded }) => isEnded);
      });
    });

    describe('backpressure', () => {
      test('a server that reads nothing stops what is sent, and one drain follows when it reads', async () => {
        const recorder = await ready();
        recorder.call((stream) => {
          stream.sendHead(requestOf({ method: 'POST', hasBody: true }));
          stream.send([], 0, false);
        });
        const peer = await server.next();
        peer.pause();
        let sent = 0;
        let isTaken = true;
        while (isTaken) {
          isTaken = recorder.call((stream) => stream.send([BLOCK], BLOCK.length, false));
          sent++;
          if (isTaken) await new Promise((resolve) => setImmediate(resolve));
          expect(sent).toBeLessThan(MUCH);
        }
        expect(recorder.drains).toBe(0);
        peer.resume();
        await recorder.until(({ drains }) => drains === 1);
        recorder.call((stream) => stream.send([Buffer.from('end')], 3, true));
        await peer.until(({ isEnded }) => isEnded);
        expect(peer.body.length).toBe(sent * BLOCK.length + 3);
      });

      test('a stream that is paused brings nothing, and all of it in order later', async () => {
        const { recorder, peer } = await asked();
        peer.answer(200, [], 'stream');
        peer.send('first');
        await recorder.until(({ body }) => body === 'first');
        recorder.call((stream) => stream.pause());
        for (let i = 0; i < MUCH; i++) peer.send(`${i} `.padEnd(BLOCK.length));
        peer.end();
        const paused = await quiet(() => recorder.body.length);
        expect(paused).toBeLessThan(MUCH * BLOCK.length);
        expect(recorder.isEnded).toBe(false);
        recorder.call((stream) => stream.resume());
        await recorder.until(({ isEnded }) => isEnded);
        expect(recorder.body.length).toBe(5 + MUCH * BLOCK.length);
        expect(recorder.body.endsWith(`${MUCH - 1} `.padEnd(BLOCK.length))).toBe(true);
      });
    });

    describe('what goes wrong', () => {
      test('a connection that is refused has touched nothing', async () => {
        await server.refuse();
        const recorder = acquire();
        expect(await recorder.untilFailed()).toBe('connect_failed');
        expect([recorder.isUntouched, recorder.stream!.isStale]).toEqual([true, false]);
      });

      test('cut before the answer: the server may have seen the request', async () => {
        const { recorder, peer } = await asked();
        peer.reset();
        expect(['upstream_reset', 'upstream_closed_early']).toContain(await recorder.untilFailed());
        expect([recorder.isUntouched, recorder.stream!.isStale]).toEqual([false, false]);
      });

      test('cut within the answer: what came is told, and that it is not all', async () => {
        const { recorder, peer } = await asked();
        peer.answer(200, [], 100);
        peer.send('part');
        await recorder.until(({ body }) => body === 'part');
        peer.reset();
        expect(['upstream_reset', 'upstream_closed_early']).toContain(await recorder.untilFailed());
        expect([recorder.status, recorder.isUntouched]).toEqual([200, false]);
      });

      test('a kept connection that is gone is not taken, or told to be stale', async () => {
        const first = await asked();
        first.peer.answer(200, [], 0);
        await first.recorder.until(({ isEnded }) => isEnded);
        server.closeIdle();
        const second = await ready();
        sendAll(second, requestOf({ target: '/second' }));
        const answer = server.next().then((peer) => peer.answer(200, [], 0));
        const end = await Promise.race([second.untilFailed(), answer]);
        if (end === undefined) return;
        expect(second.stream!.isStale).toBe(true);
        sendAll(await ready(true), requestOf());
        await answer;
      });

      test('silence counts from the moment the request is all there', async () => {
        const recorder = await ready();
        const request = requestOf({ method: 'POST', hasBody: true, readTimeoutMs: 30 });
        recorder.call((stream) => {
          stream.sendHead(request);
          stream.send([Buffer.from('a')], 1, false);
        });
        const peer = await server.next();
        timers.advance(100);
        expect(recorder.failure).toBeUndefined();
        recorder.call((stream) => stream.send([], 0, true));
        await peer.until(({ isEnded }) => isEnded);
        expect(await recorder.untilFailed()).toBe('read_timeout');
      });

      test('a pause is no silence', async () => {
        const { recorder, peer } = await asked(requestOf({ readTimeoutMs: 1_000 }));
        peer.answer(200, [], 'stream');
        peer.send('first');
        await recorder.until(({ body }) => body === 'first');
        recorder.call((stream) => stream.pause());
        timers.advance(1_000);
        expect(recorder.failure).toBeUndefined();
        recorder.call((stream) => stream.resume());
        timers.advance(1_000);
        expect(recorder.failure).toBe('read_timeout');
      });

      for (const stage of [
        'before it is ready',
        'before it is sent',
        'within the request',
        'before the answer',
        'within the answer',
      ] as const) {
        test(`whoever lets go ${stage} hears nothing more, and the server that nobody waits`, async () => {
          const recorder = stage === 'before it is ready' ? acquire() : await ready();
          let peer: ServerStream | undefined;
          if (stage === 'within the request') {
            recorder.call((stream) => {
              stream.sendHead(requestOf({ method: 'POST', hasBody: true }));
              stream.send([Buffer.from('part')], 4, false);
            });
            peer = await server.next();
            await peer.until(({ body }) => body === 'part');
          } else if (stage === 'before the answer' || stage === 'within the answer') {
            sendAll(recorder, requestOf());
            peer = await server.next();
          }
          if (stage === 'within the answer') {
            peer!.answer(200, [], 'stream');
            peer!.send('part');
            await recorder.until(({ body }) => body === 'part');
          }
          recorder.call((stream) => stream.reset());
          await peer?.untilCut();
          const next = await asked(requestOf({ target: '/next' }));
          next.peer.answer(200, [], 0);
          await next.recorder.until(({ isEnded }) => isEnded);
          expect([recorder.isEnded, recorder.failure]).toEqual([false, undefined]);
        });
      }
    });

    describe.runIf(hasTunnels)('tunnels', () => {
      async function tunnel(): Promise<{ recorder: Recorder; peer: ServerStream }> {
        const { recorder, peer } = await asked(requestOf({ upgrade: 'echo' }));
        peer.grant('echo');
        await recorder.until(({ isTunnel }) => isTunnel);
        expect(recorder.upgrade).toBe('echo');
        return { recorder, peer };
      }

      test('bytes go both ways, and each half ends by itself', async () => {
        const { recorder, peer } = await tunnel();
        peer.send('from the server');
        await recorder.until(({ body }) => body === 'from the server');
        recorder.call((stream) => stream.sendTunnel(Buffer.from('from the client')));
        await peer.until(({ body }) => body === 'from the client');
        peer.end();
        await recorder.until(({ isTunnelEnded }) => isTunnelEnded);
        recorder.call((stream) => stream.sendTunnel(Buffer.from(', still')));
        await peer.until(({ body }) => body.endsWith(', still'));
        recorder.call((stream) => stream.endTunnel());
        await peer.until(({ isEnded }) => isEnded);
      });

      test('our half may end first', async () => {
        const { recorder, peer } = await tunnel();
        recorder.call((stream) => stream.endTunnel());
        await peer.until(({ isEnded }) => isEnded);
        peer.send('still');
        await recorder.until(({ body }) => body === 'still');
        expect(recorder.isTunnelEnded).toBe(false);
      });

      test('a server that reads nothing stops what is sent', async () => {
        const { recorder, peer } = await tunnel();
        peer.pause();
        let sent = 0;
        while (recorder.call((stream) => stream.sendTunnel(BLOCK))) {
          sent++;
          await new Promise((resolve) => setImmediate(resolve));
          expect(sent).toBeLessThan(MUCH);
        }
        peer.resume();
        await recorder.until(({ drains }) => drains === 1);
      });

      test('a protocol that nobody asked for is malformed', async () => {
        const { recorder, peer } = await asked();
        peer.grant('echo');
        expect(await recorder.untilFailed()).toBe('upstream_malformed');
        expect(recorder.isTunnel).toBe(false);
      });

      test('a reset ends a tunnel', async () => {
        const { recorder, peer } = await tunnel();
        peer.reset();
        expect(['upstream_reset', 'upstream_closed_early']).toContain(await recorder.untilFailed());
      });
    });
  });
}
