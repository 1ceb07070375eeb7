import { describe, expect, test } from 'vitest';
import { NO_LINES, parsedLines } from '../message/head-text.ts';
import {
  data,
  frame,
  goaway,
  headers,
  ping,
  reset,
  serverOf,
  settings,
  windowUpdate,
  word,
} from './testing.ts';
import { FRAME, SETTING } from './wire-codes.ts';

const NOISE = /^(settings|windowUpdate 0 )/;
const OK = [[':status', '200']] as const;

/** A client that has asked for something on streams 1 and 3. */
function asked(method = 'GET') {
  const { peer, handler } = serverOf();
  peer.send(settings());
  const ask = () =>
    peer.session.request(handler, method, 'http', 'a.test', '/x', parsedLines('X-A: b\r\n'), -1);
  const streams = [ask(), ask()];
  peer.turn();
  return { peer, streams, lines: peer.take() };
}

test('a request is a head with its pseudo-header fields first, behind the preface and SETTINGS', () => {
  const { lines } = asked();
  expect(lines.filter((line) => !NOISE.test(line))[0]).toBe(
    'headers 1 {:method: GET, :scheme: http, :authority: a.test, :path: /x, x-a: b}',
  );
});

test('the id of a request, which is another one each time, takes no place in the table', () => {
  const { peer, handler } = serverOf();
  peer.send(settings());
  const heads = ['1f', '2e', '3d', '4c'].map((id) => {
    const lines = parsedLines('X-A: b\r\n');
    peer.session.request(handler, 'GET', 'http', 'a.test', '/', lines, -1, id);
    peer.turn();
    return peer.take().filter((line) => line.startsWith('headers'));
  });
  expect(heads.flat().map((line) => /x-request-id: (\w+), x-a: b/.exec(line)?.[1])).toEqual([
    '1f',
    '2e',
    '3d',
    '4c',
  ]);
});

describe('responses', () => {
  for (const { name, method, send, events, want = [] } of [
    {
      name: 'a head, a body and an end',
      send: [headers(1, OK, 4), data(1, 'ok', 1)],
      events: ['head 1 200', 'data 1 "ok"', 'end 1'],
    },
    { name: 'a head alone', send: [headers(1, OK)], events: ['head 1 200', 'end 1'] },
    {
      name: 'trailers',
      send: [headers(1, OK, 4), headers(1, [['grpc-status', '0']])],
      events: ['head 1 200', 'end 1 {grpc-status: 0;}'],
    },
    {
      name: 'heads before the final one',
      send: [headers(1, [[':status', '103']], 4), headers(1, OK)],
      events: ['interim 1 103', 'head 1 200', 'end 1'],
    },
    {
      name: '8.1: a head before the final one that ends',
      send: [headers(1, [[':status', '103']])],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.1: a body without a head',
      send: [data(1, 'HTTP/1.1 200 OK\r\n\r\n', 0)],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.1: a body behind nothing but a head before the final one',
      send: [headers(1, [[':status', '103']], 4), data(1, 'x', 1)],
      events: ['interim 1 103', 'reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.3.2: no :status',
      send: [headers(1, [['x', '1']])],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.3.2: a status that is none',
      send: [headers(1, [[':status', 'ok']])],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.6: 101',
      send: [headers(1, [[':status', '101']], 4)],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.3: a pseudo-header field of requests',
      send: [headers(1, [...OK, [':path', '/']])],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.2.1: a line break in a value',
      send: [headers(1, [...OK, ['x', 'a\r\nb']])],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.2.2: a field of connections',
      send: [headers(1, [...OK, ['connection', 'close']])],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.2.2: TE',
      send: [headers(1, [...OK, ['te', 'trailers']])],
      events: ['reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.1.1: more than Content-Length',
      send: [headers(1, [...OK, ['content-length', '1']], 4), data(1, 'ab')],
      events: ['head 1 200', 'reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.1.1: less than Content-Length',
      send: [headers(1, [...OK, ['content-length', '3']], 4), data(1, 'ab', 1)],
      events: ['head 1 200', 'data 1 "ab"', 'reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.1.1: HEAD has a length and no body',
      method: 'HEAD',
      send: [headers(1, [...OK, ['content-length', '3']])],
      events: ['head 1 200', 'end 1'],
    },
    {
      name: '8.1.1: 304 has a length and no body',
      send: [
        headers(1, [
          [':status', '304'],
          ['content-length', '3'],
        ]),
      ],
      events: ['head 1 304', 'end 1'],
    },
    {
      name: '8.1.1: a body of a response to HEAD',
      method: 'HEAD',
      send: [headers(1, OK, 4), data(1, 'x', 1)],
      events: ['head 1 200', 'reset 1 protocolError'],
      want: ['reset 1 protocolError'],
    },
    {
      name: '8.7: a refused stream was not touched',
      send: [reset(1, 7)],
      events: ['reset 1 refusedStream untouched'],
    },
    {
      name: '6.4: a reset stream may have been',
      send: [reset(1, 2)],
      events: ['reset 1 internalError'],
    },
    {
      name: '6.8: streams above the last of GOAWAY were not touched',
      send: [goaway(1, 0), headers(1, OK)],
      events: ['reset 3 refusedStream untouched', 'head 1 200', 'end 1'],
    },
  ] as const) {
    test(name, () => {
      const { peer, streams } = asked(method);
      for (const stream of streams) stream.end('');
      peer.turn();
      peer.take();
      peer.send(...send);
      expect(peer.events).toEqual(events);
      expect(peer.take().filter((line) => line.startsWith('reset'))).toEqual(want);
    });
  }
});

describe('connection errors', () => {
  for (const { name, send, code } of [
    { name: '3.4: no SETTINGS first', send: ping(), code: '' },
    { name: '5.1: HEADERS on an idle stream', send: headers(5, OK), code: 'protocolError' },
    { name: '5.1: DATA on an idle stream', send: data(5, 'x'), code: 'protocolError' },
    { name: '5.1.1: a stream of the server', send: headers(2, OK), code: 'protocolError' },
    {
      name: '6.5.2: ENABLE_PUSH of 1',
      send: settings([SETTING.enablePush, 1]),
      code: 'protocolError',
    },
    {
      name: '6.6: PUSH_PROMISE',
      send: frame(FRAME.pushPromise, 4, 1, word(2)),
      code: 'protocolError',
    },
    {
      name: '6.9: WINDOW_UPDATE on an idle stream',
      send: windowUpdate(5, 1),
      code: 'protocolError',
    },
    {
      name: '4.2: too large a frame',
      send: frame(FRAME.ping, 0, 0, '', 20_000),
      code: 'frameSizeError',
    },
    {
      name: '4.3: a bad block',
      send: frame(FRAME.headers, 5, 1, Buffer.from([0x80])),
      code: 'compressionError',
    },
    {
      name: 'RFC 9218 §7: PRIORITY_UPDATE',
      send: frame(FRAME.priorityUpdate, 0, 0, word(1)),
      code: 'protocolError',
    },
  ]) {
    test(name, () => {
      if (code === '') {
        const { peer } = serverOf();
        peer.send(send);
        expect(peer.take().slice(-2)).toEqual(['goaway 0 protocolError', 'end']);
        return;
      }
      const { peer } = asked();
      peer.send(send);
      expect(peer.take().slice(-2)).toEqual([`goaway 0 ${code}`, 'end']);
    });
  }
});

describe('responses that nobody reads', () => {
  test('take no room from the others: only their own windows hold them up', () => {
    const { peer, handler } = serverOf((stream) => stream.pause());
    peer.send(settings([SETTING.maxConcurrentStreams, 1000]));
    const octets = 16_384 * 3;
    for (let i = 0; i < 200; i++) {
      const stream = peer.session.request(handler, 'GET', 'http', 'a.test', '/', NO_LINES, -1);
      stream.end('');
    }
    peer.turn().take();
    for (let i = 0; i < 200; i++) {
      const id = i * 2 + 1;
      const piece = data(id, Buffer.alloc(16_384));
      peer.send(headers(id, OK, 4), piece, piece, piece);
    }
    expect(handler.body).toBe('');
    const lines = peer.take();
    const given = lines.filter((line) => line.startsWith('windowUpdate 0 '));
    expect(given.length).toBeGreaterThan(0);
    expect(given.reduce((sum, line) => sum + Number(line.split(' ')[2]), 0)).toBeLessThanOrEqual(
      200 * octets,
    );
    expect(lines.filter((line) => line.startsWith('windowUpdate') && !given.includes(line))).toEqual([]);
  });

  test('a stream is nobody else’s while it is being worked on', () => {
    let next: unknown;
    const { peer, handler } = serverOf((stream) => {
      if (stream.id !== 1) return;
      stream.release();
      next = peer.session.request(handler, 'GET', 'http', 'a.test', '/again', NO_LINES, -1);
    });
    peer.send(settings());
    const stream = peer.session.request(handler, 'GET', 'http', 'a.test', '/', NO_LINES, -1);
    stream.end('');
    peer.turn();
    peer.send(headers(1, OK));
    expect(next).not.toBe(stream);
    peer.send(headers(3, OK));
    expect(peer.events).toEqual(['head 1 200', 'head 3 200', 'end 3']);
  });
});

describe('capacity', () => {
  test('is what the server says', () => {
    const { peer } = asked();
    expect(peer.session.isOpen).toBe(true);
    peer.send(settings([SETTING.maxConcurrentStreams, 2]));
    expect(peer.session.isOpen).toBe(false);
    peer.send(reset(1, 8));
    expect(peer.session.isOpen).toBe(true);
  });

  test('is none behind GOAWAY, and the connection ends with its last stream', () => {
    const { peer, streams } = asked();
    for (const stream of streams) stream.end('');
    peer.send(goaway(3, 0));
    expect(peer.session.isUsable).toBe(false);
    peer.send(headers(1, OK), headers(3, OK));
    expect(peer.take().at(-1)).toBe('end');
  });

  test('a body waits for the window', () => {
    const { peer, handler } = serverOf();
    peer.send(settings([SETTING.initialWindowSize, 2]));
    const stream = peer.session.request(handler, 'POST', 'http', 'a.test', '/', NO_LINES, 3);
    stream.write(Buffer.from('abc'), 0, 3);
    stream.end('');
    peer.turn();
    expect(peer.take().at(-1)).toBe('data 1 "ab"');
    peer.send(windowUpdate(1, 1));
    expect(peer.take()).toEqual(['data 1 "c" end']);
  });
});
