import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLongAnswers } from './long-answers.ts';
import { sendPieces } from './send-pieces.ts';

const PIECE = Buffer.alloc(65_536, 'p');

describe('pieces', () => {
  const options = { signal: new AbortController().signal, turn: async () => {} };

  test('the next one is made when the last was taken, and after a turn of the event loop', async () => {
    const trace: string[] = [];
    function* pieces() {
      for (let i = 0; i < 3; i++) {
        trace.push(`make ${i}`);
        yield i === 1 ? Buffer.alloc(0) : Buffer.from(String(i));
      }
    }
    const sink = new Writable({
      write(chunk, _encoding, done) {
        trace.push(`write ${String(chunk)}`);
        setImmediate(() => {
          trace.push('taken');
          done();
        });
      },
    });
    await sendPieces(pieces(), sink, { ...options, turn: async () => void trace.push('turn') });
    expect(trace).toEqual([
      'make 0',
      'write 0',
      'taken',
      'turn',
      'make 1',
      'turn',
      'make 2',
      'write 2',
      'taken',
      'turn',
    ]);
    expect(sink.writableEnded).toBe(true);
  });

  for (const how of ['closed', 'aborted'] as const) {
    test(`of a sink that is ${how} while it takes nothing no more are made`, async () => {
      const abort = new AbortController();
      let made = 0;
      function* pieces() {
        for (;;) {
          made++;
          yield PIECE;
        }
      }
      const sink: Writable = new Writable({
        // One that is full calls back for nothing.
        write() {
          if (how === 'closed') sink.destroy();
          else abort.abort();
        },
      });
      await sendPieces(pieces(), sink, { ...options, signal: abort.signal });
      expect(made).toBe(1);
      expect(sink.destroyed).toBe(true);
    });
  }
});

describe('over HTTP', () => {
  let server: Server;
  let begun = 0;
  let made = 0;
  let ended = 0;
  let count = 200;

  beforeEach(async () => {
    [begun, made, ended, count] = [0, 0, 0, 200];
    const long = createLongAnswers();
    server = createServer((request, response) => {
      void long.answer(request, response, () => {
        begun++;
        function* pieces() {
          try {
            for (let i = 0; i < count; i++) {
              made++;
              yield PIECE;
            }
          } finally {
            ended++;
            server.emit('ended');
          }
        }
        return { contentType: 'text/plain', pieces: pieces() };
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const port = () => (server.address() as AddressInfo).port;

  async function ask(headers: Record<string, string> = {}, method = 'GET'): Promise<IncomingMessage> {
    const sent = get({ host: '127.0.0.1', port: port(), headers, method });
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return response;
  }

  const codings: [accepted: string | undefined, isZipped: boolean][] = [
    [undefined, false],
    ['gzip', true],
    ['deflate, GZIP;q=0.5', true],
    ['gzip;q=0, identity', false],
    ['gzip; q=0.000', false],
    ['br', false],
  ];
  for (const [accepted, isZipped] of codings) {
    test(`accept-encoding ${accepted}: ${isZipped ? 'gzip' : 'plain'}`, async () => {
      const response = await ask(accepted === undefined ? {} : { 'accept-encoding': accepted });
      expect(response.headers['content-encoding']).toBe(isZipped ? 'gzip' : undefined);
      const body = await buffer(response);
      expect((isZipped ? gunzipSync(body) : body).equals(Buffer.alloc(200 * PIECE.length, 'p'))).toBe(true);
    });
  }

  test('HEAD makes nothing', async () => {
    const response = await ask({}, 'HEAD');
    expect(response.statusCode).toBe(200);
    response.resume();
    await once(response, 'end');
    expect(made).toBe(0);
  });

  test('a client that does not read stops the making, and one that goes away ends it', async () => {
    count = Infinity;
    const socket = connect({ host: '127.0.0.1', port: port() });
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    let last = -1;
    for (let quiet = 0; quiet < 200; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (made !== last) quiet = 0;
      last = made;
    }
    expect(made).toBeGreaterThan(0);
    const over = once(server, 'ended');
    socket.destroy();
    await over;
    expect(ended).toBe(1);
  });

  test('more than eight at a time are not begun', async () => {
    count = Infinity;
    const responses = await Promise.all(Array.from({ length: 8 }, () => ask()));
    const ninth = await ask();
    expect([ninth.statusCode, ninth.headers['retry-after'], begun]).toEqual([503, '1', 8]);
    ninth.resume();
    const over = once(server, 'ended');
    responses[0]!.destroy();
    await over;
    for (const response of responses) response.destroy();
  });
});
