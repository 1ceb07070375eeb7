import { describe, expect, test } from 'vitest';
import type { ServerSession } from './server-session.ts';
import type { Stream } from './stream.ts';
import {
  answer,
  block,
  clientOf,
  data,
  type Fields,
  frame,
  GET,
  goaway,
  headers,
  ping,
  POST,
  reset,
  settings,
  windowUpdate,
  word,
} from './testing.ts';
import { FRAME, PREFACE, SETTING } from './wire-codes.ts';

const START = Buffer.concat([PREFACE, settings()]);
/** What is no answer to anything in particular. */
const NOISE = /^(settings|windowUpdate 0 )/;

/** Serves a request without reading or answering it. */
const hold = (): void => {};
/** Reads it, and leaves the answer open. */
const read = (stream: Stream): void => stream.resume();

interface Case {
  readonly name: string;
  readonly send: readonly Buffer[];
  /** All that comes back, but for settings and the connection's windows. */
  readonly want: readonly string[];
  readonly events?: readonly string[];
  readonly onHead?: (stream: Stream, session: ServerSession) => void;
}

function run(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    for (const { name, send, want, events, onHead = hold } of cases) {
      test(name, () => {
        const peer = clientOf(onHead);
        peer.send(START, ...send);
        expect(peer.take().filter((line) => !NOISE.test(line))).toEqual(want);
        if (events !== undefined) expect(peer.events).toEqual(events);
      });
      test(`${name}, octet by octet`, () => {
        const peer = clientOf(onHead);
        for (const octet of Buffer.concat([START, ...send])) peer.send(Buffer.from([octet]));
        expect(peer.take().filter((line) => !NOISE.test(line))).toEqual(want);
      });
    }
  });
}

const fatal = (code: string, lastId = 0): string[] => [`goaway ${lastId} ${code}`, 'end'];
const OK_1 = ['headers 1 {:status: 200, x-a: b}', 'data 1 "ok" end'];
const open = headers(1, POST, 4);
const get = headers(1, GET);

describe('3.4: the preface', () => {
  for (const { name, bytes } of [
    { name: 'none', bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n') },
    {
      name: 'one that differs at its end',
      bytes: Buffer.concat([PREFACE.subarray(0, 23), Buffer.from('x')]),
    },
    { name: 'no SETTINGS behind it', bytes: Buffer.concat([PREFACE, ping()]) },
    { name: 'HEADERS behind it', bytes: Buffer.concat([PREFACE, get]) },
    { name: 'an acknowledgement behind it', bytes: Buffer.concat([PREFACE, frame(FRAME.settings, 1, 0)]) },
  ]) {
    test(`refuses ${name}`, () => {
      const peer = clientOf();
      peer.take();
      peer.send(bytes);
      expect(peer.take()).toEqual(fatal('protocolError'));
      expect(peer.session.isOver).toBe(true);
    });
  }

  test('the server sends its SETTINGS first, without waiting for the client', () => {
    expect(clientOf().take()).toEqual(['settings 4', 'windowUpdate 0 983041']);
  });

  test('a client may send requests at once', () => {
    const peer = clientOf(answer);
    peer.send(START, get);
    expect(peer.take()).toEqual(['settings 4', 'windowUpdate 0 983041', 'settings ack', ...OK_1]);
  });

  test('no preface in time', () => {
    const peer = clientOf();
    peer.take();
    peer.wait(11_000);
    expect(peer.take()).toEqual(fatal('settingsTimeout'));
  });
});

run('4.1: frames', [
  {
    name: 'of unknown types are passed over',
    send: [frame(0x42, 0xff, 7, 'anything'), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: 'of unknown types on the connection too',
    send: [frame(0xbe, 0, 0), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: 'unknown flags are ignored',
    send: [frame(FRAME.ping, 0xfe, 0, 'pingpong')],
    want: ['ping ack pingpong'],
  },
  {
    name: 'the reserved bit is ignored',
    send: [frame(FRAME.headers, 5, 0x8000_0001, block(GET))],
    want: OK_1,
    onHead: answer,
  },
]);

run('4.2: frame sizes', [
  {
    name: 'DATA of 16,384 octets is taken',
    send: [open, data(1, 'x'.repeat(16_384))],
    want: [],
    events: ['head 1 POST /'],
  },
  {
    name: 'DATA of 16,385 octets is not',
    send: [open, data(1, 'x'.repeat(16_385))],
    want: fatal('frameSizeError', 1),
  },
  {
    name: 'HEADERS of 16,385 octets are not',
    send: [frame(FRAME.headers, 5, 1, 'x'.repeat(16_385))],
    want: fatal('frameSizeError'),
  },
  {
    name: 'unknown frames of 16,385 octets are not',
    send: [frame(0x42, 0, 0, 'x'.repeat(16_385))],
    want: fatal('frameSizeError'),
  },
  {
    name: 'SETTINGS of 16,385 octets are not',
    send: [frame(FRAME.settings, 0, 0, '', 16_385)],
    want: fatal('frameSizeError'),
  },
]);

run('4.3: field blocks', [
  {
    name: 'an index that nothing has',
    send: [frame(FRAME.headers, 5, 1, Buffer.from([0xff, 0x80, 0x01]))],
    want: fatal('compressionError', 1),
  },
  {
    name: 'a block that ends in a field',
    send: [frame(FRAME.headers, 5, 1, Buffer.from([0x82, 0x00, 0x05, 0x61]))],
    want: fatal('compressionError', 1),
  },
  {
    name: 'a block in three frames',
    send: [
      frame(FRAME.headers, 1, 1, block(GET.slice(0, 1))),
      frame(FRAME.continuation, 0, 1, block(GET.slice(1, 3))),
      frame(FRAME.continuation, 4, 1, block(GET.slice(3))),
    ],
    want: OK_1,
    onHead: answer,
  },
  {
    name: 'a block cut in the middle of a field',
    send: [
      frame(FRAME.headers, 1, 1, block(GET).subarray(0, 7)),
      frame(FRAME.continuation, 4, 1, block(GET).subarray(7)),
    ],
    want: OK_1,
    onHead: answer,
  },
  {
    name: 'an empty HEADERS frame before CONTINUATION',
    send: [frame(FRAME.headers, 1, 1), frame(FRAME.continuation, 4, 1, block(GET))],
    want: OK_1,
    onHead: answer,
  },
  {
    name: 'a bad block of a refused stream is a bad block',
    send: [
      ...[1, 3, 5, 7, 9, 11, 13, 15].map((id) => headers(id, GET)),
      frame(FRAME.headers, 5, 17, Buffer.from([0x80])),
    ],
    want: ['reset 17 refusedStream', ...fatal('compressionError', 17)],
  },
  {
    name: 'a bad block of trailers is a bad block',
    send: [open, frame(FRAME.headers, 5, 1, Buffer.from([0x80]))],
    want: fatal('compressionError', 1),
  },
]);

run('5.1: states', [
  { name: 'idle: DATA', send: [data(1, 'x')], want: fatal('protocolError') },
  { name: 'idle: RST_STREAM', send: [reset(1, 8)], want: fatal('protocolError') },
  { name: 'idle: WINDOW_UPDATE', send: [windowUpdate(1, 1)], want: fatal('protocolError') },
  {
    name: 'idle: CONTINUATION',
    send: [frame(FRAME.continuation, 4, 1, block(GET))],
    want: fatal('protocolError'),
  },
  {
    name: 'idle: PRIORITY',
    send: [frame(FRAME.priority, 0, 1, Buffer.alloc(5)), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: 'half-closed (remote): DATA',
    send: [get, data(1, 'x')],
    want: ['reset 1 streamClosed'],
    events: ['head 1 GET /', 'reset 1 streamClosed'],
  },
  {
    name: 'half-closed (remote): HEADERS',
    send: [get, headers(1, [['x-t', '1']])],
    want: ['reset 1 streamClosed'],
  },
  {
    name: 'half-closed (remote): CONTINUATION',
    send: [get, frame(FRAME.continuation, 4, 1)],
    want: fatal('protocolError', 1),
  },
  {
    name: 'half-closed (remote): WINDOW_UPDATE',
    send: [get, windowUpdate(1, 1), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: 'half-closed (remote): PRIORITY',
    send: [get, frame(FRAME.priority, 0, 1, Buffer.alloc(5)), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: 'half-closed (remote): RST_STREAM',
    send: [get, reset(1, 8)],
    want: [],
    events: ['head 1 GET /', 'reset 1 cancel'],
  },
  {
    name: 'closed by both: DATA',
    send: [get, data(1, 'x')],
    want: [...OK_1, ...fatal('streamClosed', 1)],
    onHead: answer,
  },
  {
    name: 'closed by both: HEADERS',
    send: [get, get],
    want: [...OK_1, ...fatal('streamClosed', 1)],
    onHead: answer,
  },
  {
    name: 'closed by both: WINDOW_UPDATE',
    send: [get, windowUpdate(1, 1), ping()],
    want: [...OK_1, 'ping ack pingpong'],
    onHead: answer,
  },
  {
    name: 'closed by both: RST_STREAM',
    send: [get, reset(1, 8), ping()],
    want: [...OK_1, 'ping ack pingpong'],
    onHead: answer,
  },
  {
    name: 'closed by both: PRIORITY',
    send: [get, frame(FRAME.priority, 0, 1, Buffer.alloc(5)), ping()],
    want: [...OK_1, 'ping ack pingpong'],
    onHead: answer,
  },
  {
    name: 'closed by their RST_STREAM: DATA',
    send: [open, reset(1, 8), data(1, 'x')],
    want: fatal('streamClosed', 1),
  },
  {
    name: 'closed by their RST_STREAM: HEADERS',
    send: [open, reset(1, 8), get],
    want: fatal('streamClosed', 1),
  },
  {
    name: 'closed by our RST_STREAM: DATA and trailers on their way are passed over',
    send: [open, data(1, 'x'), headers(1, [['x-t', '1']]), ping()],
    want: ['reset 1 cancel', 'ping ack pingpong'],
    onHead: (stream) => stream.reset(8),
  },
  {
    name: 'closed because a higher one was opened',
    send: [headers(5, GET), headers(3, GET)],
    want: fatal('streamClosed', 5),
  },
]);

run('5.1.1: stream numbers', [
  { name: 'even', send: [headers(2, GET)], want: fatal('protocolError') },
  { name: 'zero', send: [frame(FRAME.headers, 5, 0, block(GET))], want: fatal('protocolError') },
  {
    name: 'may skip',
    send: [headers(101, GET)],
    want: ['headers 101 {:status: 200, x-a: b}', 'data 101 "ok" end'],
    onHead: answer,
  },
  {
    name: 'the highest there is',
    send: [headers(0x7fff_ffff, GET)],
    want: ['headers 2147483647 {:status: 200, x-a: b}', 'data 2147483647 "ok" end'],
    onHead: answer,
  },
  { name: 'even, of frames for streams', send: [data(2, 'x')], want: fatal('protocolError') },
]);

describe('5.1.2: concurrency', () => {
  test('streams beyond the limit are refused, and the client may try again', () => {
    const peer = clientOf(hold, { maxConcurrentStreams: 2 });
    peer.send(START, get, headers(3, GET), headers(5, GET));
    expect(peer.take().at(-1)).toBe('reset 5 refusedStream');
    peer.send(reset(1, 8), headers(7, GET));
    expect(peer.events).toEqual(['head 1 GET /', 'head 3 GET /', 'reset 1 cancel', 'head 7 GET /']);
  });

  test('a block of a refused stream is decoded all the same', () => {
    const peer = clientOf(answer, { maxConcurrentStreams: 1 });
    const indexed = Buffer.from([0x40, 1, 0x61, 1, 0x62]);
    peer.send(START, open, frame(FRAME.headers, 5, 3, Buffer.concat([block(GET), indexed])));
    peer.send(reset(1, 8), frame(FRAME.headers, 5, 5, Buffer.concat([block(GET), Buffer.from([0xbe])])));
    expect(peer.take().slice(-2)).toEqual(['headers 5 {:status: 200, x-a: b}', 'data 5 "ok" end']);
  });

  test('half-open streams count', () => {
    const peer = clientOf(hold, { maxConcurrentStreams: 2 });
    peer.send(START, open, headers(3, POST, 4), headers(5, POST, 4));
    expect(peer.take().at(-1)).toBe('reset 5 refusedStream');
  });
});

run('5.4: errors', [
  {
    name: 'the last stream that was seen is named',
    send: [get, headers(3, GET), headers(7, GET), headers(2, GET)],
    want: fatal('protocolError', 7),
  },
  {
    name: 'nothing behind the error is read',
    send: [frame(FRAME.ping, 0, 1, 'pingpong'), get],
    want: fatal('protocolError'),
    events: [],
  },
  {
    name: 'the streams learn of it',
    send: [get, frame(FRAME.ping, 0, 1, 'pingpong')],
    want: fatal('protocolError', 1),
    events: ['head 1 GET /', 'reset 1 protocolError'],
  },
  {
    name: 'an error of one stream leaves the others',
    send: [open, headers(3, POST, 4), windowUpdate(1, 0), data(3, 'x', 1)],
    want: ['reset 1 protocolError'],
    onHead: read,
  },
]);

run('5.5: extensions', [
  {
    name: 'unknown settings are ignored',
    send: [settings([0xffff, 1], [7, 9]), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: 'an unknown frame within a block',
    send: [frame(FRAME.headers, 1, 1, block(GET)), frame(0x42, 0, 1)],
    want: fatal('protocolError'),
  },
]);

run('6.1: DATA', [
  { name: 'on stream 0', send: [data(0, 'x')], want: fatal('protocolError') },
  {
    name: 'with padding',
    send: [open, frame(FRAME.data, 9, 1, '\x03abc\0\0\0')],
    want: [],
    events: ['head 1 POST /', 'data 1 "abc"', 'end 1'],
    onHead: read,
  },
  {
    name: 'with padding alone',
    send: [open, frame(FRAME.data, 9, 1, '\x02\0\0')],
    want: [],
    events: ['head 1 POST /', 'end 1'],
    onHead: read,
  },
  {
    name: 'with an empty padding',
    send: [open, frame(FRAME.data, 9, 1, '\0ab')],
    want: [],
    events: ['head 1 POST /', 'data 1 "ab"', 'end 1'],
    onHead: read,
  },
  {
    name: 'padding as long as the frame',
    send: [open, frame(FRAME.data, 9, 1, '\x03abc', 4).fill(4, 9, 10)],
    want: fatal('protocolError', 1),
  },
  {
    name: 'padding longer than the frame',
    send: [open, frame(FRAME.data, 9, 1, '\xffabc')],
    want: fatal('protocolError', 1),
  },
  {
    name: 'padding without its length',
    send: [open, frame(FRAME.data, 9, 1)],
    want: fatal('protocolError', 1),
  },
  {
    name: 'an empty one that ends',
    send: [open, data(1, '', 1)],
    want: [],
    events: ['head 1 POST /', 'end 1'],
    onHead: read,
  },
]);

run('6.2: HEADERS', [
  {
    name: 'with padding',
    send: [frame(FRAME.headers, 0xd, 1, Buffer.concat([Buffer.from([3]), block(GET), Buffer.alloc(3)]))],
    want: OK_1,
    onHead: answer,
  },
  {
    name: 'with priority',
    send: [frame(FRAME.headers, 0x25, 1, Buffer.concat([Buffer.alloc(5), block(GET)]))],
    want: OK_1,
    onHead: answer,
  },
  {
    name: 'with both',
    send: [
      frame(
        FRAME.headers,
        0x2d,
        1,
        Buffer.concat([Buffer.from([1]), Buffer.alloc(5), block(GET), Buffer.alloc(1)]),
      ),
    ],
    want: OK_1,
    onHead: answer,
  },
  {
    name: 'padding longer than the block',
    send: [frame(FRAME.headers, 0xd, 1, '\x05ab')],
    want: fatal('protocolError'),
  },
  {
    name: 'padding into priority',
    send: [frame(FRAME.headers, 0x2d, 1, '\x01\0\0\0\0\0')],
    want: fatal('protocolError'),
  },
  { name: 'padding without its length', send: [frame(FRAME.headers, 0xd, 1)], want: fatal('frameSizeError') },
  {
    name: 'priority cut off',
    send: [frame(FRAME.headers, 0x25, 1, '\0\0\0')],
    want: fatal('frameSizeError'),
  },
  {
    name: 'of another stream within a block',
    send: [frame(FRAME.headers, 1, 1, block(GET)), get],
    want: fatal('protocolError'),
  },
]);

run('6.3: PRIORITY', [
  { name: 'on stream 0', send: [frame(FRAME.priority, 0, 0, Buffer.alloc(5))], want: fatal('protocolError') },
  {
    name: 'of another length is an error of its stream',
    send: [get, frame(FRAME.priority, 0, 1, Buffer.alloc(4))],
    want: ['reset 1 frameSizeError'],
  },
  {
    name: 'within a block',
    send: [frame(FRAME.headers, 1, 1, block(GET)), frame(FRAME.priority, 0, 1, Buffer.alloc(5))],
    want: fatal('protocolError'),
  },
]);

run('6.4: RST_STREAM', [
  { name: 'on stream 0', send: [reset(0, 8)], want: fatal('protocolError') },
  {
    name: 'of another length',
    send: [get, frame(FRAME.rstStream, 0, 1, '\0\0\0')],
    want: fatal('frameSizeError', 1),
  },
  { name: 'of an unknown code', send: [get, reset(1, 0xffff), ping()], want: ['ping ack pingpong'] },
  {
    name: 'stops what is on its way',
    send: [open, data(1, 'x'), reset(1, 8)],
    want: [],
    events: ['head 1 POST /', 'data 1 "x"', 'reset 1 cancel'],
    onHead: read,
  },
]);

run('6.5: SETTINGS', [
  {
    name: 'are acknowledged, each of them',
    send: [settings([3, 1]), settings(), ping()],
    want: ['ping ack pingpong'],
  },
  { name: 'on a stream', send: [frame(FRAME.settings, 0, 1)], want: fatal('protocolError') },
  {
    name: 'of a length that six does not divide',
    send: [frame(FRAME.settings, 0, 0, '\0\0\0')],
    want: fatal('frameSizeError'),
  },
  {
    name: 'an acknowledgement with a payload',
    send: [frame(FRAME.settings, 1, 0, '\0\0\0\0\0\0')],
    want: fatal('frameSizeError'),
  },
  {
    name: 'an acknowledgement of nothing',
    send: [frame(FRAME.settings, 1, 0), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: '6.5.2: ENABLE_PUSH of 2',
    send: [settings([SETTING.enablePush, 2])],
    want: fatal('protocolError'),
  },
  {
    name: '6.5.2: ENABLE_PUSH of 1 and 0',
    send: [settings([SETTING.enablePush, 1], [SETTING.enablePush, 0]), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: '6.5.2: a window beyond 2^31-1',
    send: [settings([SETTING.initialWindowSize, 0x8000_0000])],
    want: fatal('flowControlError'),
  },
  {
    name: '6.5.2: frames below 16,384',
    send: [settings([SETTING.maxFrameSize, 16_383])],
    want: fatal('protocolError'),
  },
  {
    name: '6.5.2: frames beyond 2^24-1',
    send: [settings([SETTING.maxFrameSize, 16_777_216])],
    want: fatal('protocolError'),
  },
  {
    name: '6.5.2: the largest frames, and any list size',
    send: [settings([SETTING.maxFrameSize, 16_777_215], [SETTING.maxHeaderListSize, 0]), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: 'RFC 8441 §3: ENABLE_CONNECT_PROTOCOL of 2',
    send: [settings([SETTING.enableConnectProtocol, 2])],
    want: fatal('protocolError'),
  },
  {
    name: 'RFC 9218 §2.1: NO_RFC7540_PRIORITIES of 2',
    send: [settings([SETTING.noRfc7540Priorities, 2])],
    want: fatal('protocolError'),
  },
  {
    name: '6.5.3: values are taken in their order',
    send: [settings([SETTING.headerTableSize, 0], [SETTING.headerTableSize, 4096]), get],
    want: OK_1,
    onHead: answer,
  },
]);

run('6.6: PUSH_PROMISE', [
  {
    name: 'from a client',
    send: [get, frame(FRAME.pushPromise, 4, 1, word(2))],
    want: fatal('protocolError', 1),
  },
  { name: 'on stream 0', send: [frame(FRAME.pushPromise, 4, 0, word(2))], want: fatal('protocolError') },
]);

run('6.7: PING', [
  {
    name: 'is answered with the same octets',
    send: [frame(FRAME.ping, 0, 0, 'abcdefgh')],
    want: ['ping ack abcdefgh'],
  },
  { name: 'an answer is not answered', send: [ping(1)], want: [] },
  { name: 'on a stream', send: [frame(FRAME.ping, 0, 1, 'pingpong')], want: fatal('protocolError') },
  { name: 'of seven octets', send: [frame(FRAME.ping, 0, 0, 'pingpon')], want: fatal('frameSizeError') },
  { name: 'of nine octets', send: [frame(FRAME.ping, 0, 0, 'pingpongs')], want: fatal('frameSizeError') },
]);

run('6.8: GOAWAY', [
  {
    name: 'leaves what was asked for',
    send: [get, goaway(0, 0), ping()],
    want: [...OK_1, 'ping ack pingpong'],
    onHead: answer,
  },
  {
    name: 'with debug data',
    send: [frame(FRAME.goaway, 0, 0, Buffer.concat([word(0), word(0), Buffer.from('why')])), ping()],
    want: ['ping ack pingpong'],
  },
  { name: 'on a stream', send: [frame(FRAME.goaway, 0, 1, Buffer.alloc(8))], want: fatal('protocolError') },
  {
    name: 'of seven octets',
    send: [frame(FRAME.goaway, 0, 0, Buffer.alloc(7))],
    want: fatal('frameSizeError'),
  },
]);

run('6.9: WINDOW_UPDATE', [
  { name: 'of 0 on the connection', send: [windowUpdate(0, 0)], want: fatal('protocolError') },
  { name: 'of 0 on a stream', send: [get, windowUpdate(1, 0)], want: ['reset 1 protocolError'] },
  {
    name: 'of another length',
    send: [get, frame(FRAME.windowUpdate, 0, 1, '\0\0\x01')],
    want: fatal('frameSizeError', 1),
  },
  {
    name: '6.9.1: the connection beyond 2^31-1',
    send: [windowUpdate(0, 0x7fff_ffff)],
    want: fatal('flowControlError'),
  },
  {
    name: '6.9.1: a stream beyond 2^31-1',
    send: [get, windowUpdate(1, 0x7fff_ffff)],
    want: ['reset 1 flowControlError'],
  },
  {
    name: '6.9.1: both up to it',
    send: [get, windowUpdate(0, 0x7fff_0000), windowUpdate(1, 0x7fff_0000), ping()],
    want: ['ping ack pingpong'],
  },
  {
    name: '6.9.2: a stream beyond it by a setting',
    send: [get, windowUpdate(1, 0x7fff_0000), settings([SETTING.initialWindowSize, 0x2_0000])],
    want: fatal('flowControlError', 1),
  },
]);

run('6.10: CONTINUATION', [
  {
    name: 'without HEADERS',
    send: [frame(FRAME.continuation, 4, 1, block(GET))],
    want: fatal('protocolError'),
  },
  { name: 'on stream 0', send: [frame(FRAME.continuation, 4, 0)], want: fatal('protocolError') },
  {
    name: 'of another stream',
    send: [frame(FRAME.headers, 1, 1, block(GET)), frame(FRAME.continuation, 4, 3)],
    want: fatal('protocolError'),
  },
  {
    name: 'behind END_HEADERS',
    send: [get, frame(FRAME.continuation, 4, 1)],
    want: fatal('protocolError', 1),
  },
  {
    name: 'DATA in between',
    send: [frame(FRAME.headers, 0, 1, block(POST)), data(1, 'x')],
    want: fatal('protocolError'),
  },
  {
    name: 'PING in between',
    send: [frame(FRAME.headers, 1, 1, block(GET)), ping()],
    want: fatal('protocolError'),
  },
  {
    name: 'SETTINGS in between',
    send: [frame(FRAME.headers, 1, 1, block(GET)), settings()],
    want: fatal('protocolError'),
  },
]);

const replace = (name: string, value: string | undefined): Fields =>
  GET.flatMap((field) =>
    field[0] === name ? (value === undefined ? [] : [[name, value] as const]) : [field],
  );
const malformed = (name: string, fields: Fields): Case => ({
  name,
  send: [headers(1, fields)],
  want: ['reset 1 protocolError'],
  events: [],
});
const taken = (name: string, fields: Fields, want: string): Case => ({
  name,
  send: [headers(1, fields)],
  want: [],
  events: [want],
});

run('8.1: messages', [
  {
    name: 'trailers end a request',
    send: [open, data(1, 'x'), headers(1, [['x-t', '1']])],
    want: [],
    events: ['head 1 POST /', 'data 1 "x"', 'end 1 {x-t: 1;}'],
    onHead: read,
  },
  {
    name: 'a second head that ends nothing',
    send: [open, headers(1, [['x-t', '1']], 4)],
    want: ['reset 1 protocolError'],
  },
  {
    name: 'a pseudo-header field in trailers',
    send: [open, headers(1, [[':path', '/']])],
    want: ['reset 1 protocolError'],
  },
  {
    name: 'a field of the connection in trailers',
    send: [open, headers(1, [['connection', 'close']])],
    want: ['reset 1 protocolError'],
  },
  { name: 'a capital in trailers', send: [open, headers(1, [['X', '1']])], want: ['reset 1 protocolError'] },
  {
    name: 'DATA behind trailers',
    send: [open, headers(1, [['x-t', '1']]), data(1, 'x')],
    want: ['reset 1 streamClosed'],
    onHead: read,
  },
  {
    name: 'an answer before the end of the request asks for no more of it',
    send: [open],
    want: ['headers 1 {:status: 200, x-a: b} end', 'reset 1 noError'],
    onHead: (stream, session) => {
      answer(stream, session);
      stream.end('');
    },
  },
]);

run('8.1.1: Content-Length', [
  {
    name: 'more than it says',
    send: [headers(1, [...POST, ['content-length', '2']], 4), data(1, 'abc', 1)],
    want: ['reset 1 protocolError'],
    onHead: read,
    events: ['head 1 POST /', 'reset 1 protocolError'],
  },
  {
    name: 'more than it says, in two frames',
    send: [headers(1, [...POST, ['content-length', '2']], 4), data(1, 'a'), data(1, 'bc')],
    want: ['reset 1 protocolError'],
    onHead: read,
  },
  {
    name: 'less than it says',
    send: [headers(1, [...POST, ['content-length', '4']], 4), data(1, 'abc', 1)],
    want: ['reset 1 protocolError'],
    onHead: read,
  },
  {
    name: 'less than it says, with trailers',
    send: [headers(1, [...POST, ['content-length', '4']], 4), data(1, 'abc'), headers(1, [['x', '1']])],
    want: ['reset 1 protocolError'],
    onHead: read,
  },
  {
    name: 'a length and no body',
    send: [headers(1, [...POST, ['content-length', '4']])],
    want: ['reset 1 protocolError'],
    events: [],
  },
  {
    name: 'what it says',
    send: [headers(1, [...POST, ['content-length', '3']], 4), data(1, 'ab'), data(1, 'c', 1)],
    want: [],
    onHead: read,
    events: ['head 1 POST /', 'data 1 "ab"', 'data 1 "c"', 'end 1'],
  },
  {
    name: '0 and no body',
    send: [headers(1, [...POST, ['content-length', '0']])],
    want: [],
    events: ['head 1 POST /'],
  },
  taken('no number', [...GET, ['content-length', '1x']], 'head 1 GET /bad_content_length'),
  taken('two', [...GET, ['content-length', '0'], ['content-length', '0']], 'head 1 GET /bad_content_length'),
]);

run('8.2.1: fields', [
  malformed('a capital in a name', [...GET, ['X-a', '1']]),
  malformed('an empty name', [...GET, ['', '1']]),
  malformed('a blank in a name', [...GET, ['x a', '1']]),
  malformed('a colon in a name', [...GET, ['x:a', '1']]),
  malformed('a line break in a name', [...GET, ['x\r\na', '1']]),
  malformed('a byte beyond ASCII in a name', [...GET, ['x\xff', '1']]),
  malformed('CR LF in a value', [...GET, ['x', '1\r\nhost: evil.test']]),
  malformed('LF in a value', [...GET, ['x', '1\nx']]),
  malformed('NUL in a value', [...GET, ['x', '1\0']]),
  malformed('a blank before a value', [...GET, ['x', ' 1']]),
  malformed('a tab behind a value', [...GET, ['x', '1\t']]),
  malformed('a line break in :path', replace(':path', '/ HTTP/1.1\r\nx: y')),
  malformed('a line break in :authority', replace(':authority', 'a.test\r\nx: y')),
  malformed('a blank in :method', replace(':method', 'GET /')),
  malformed('a line break in :scheme', replace(':scheme', 'http\r\n')),
  taken('a name with an underscore is dropped', [...GET, ['x_a', '1']], 'head 1 GET /'),
]);

run('8.2.2: fields of connections', [
  ...['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'].map((name) =>
    malformed(name, [...GET, [name, 'x']]),
  ),
  malformed('TE of another value', [...GET, ['te', 'trailers, deflate']]),
  taken('TE: trailers', [...GET, ['te', 'trailers']], 'head 1 GET /'),
]);

run('8.3: pseudo-header fields', [
  malformed('an unknown one', [...GET, [':unknown', '1']]),
  malformed('one of responses', [...GET, [':status', '200']]),
  malformed('behind a field', [['x', '1'], ...GET]),
  malformed('between fields', [...GET.slice(0, 3), ['x', '1'], ...GET.slice(3)]),
  malformed('twice', [[':path', '/'], ...GET]),
  malformed(':method twice', [[':method', 'GET'], ...GET]),
  malformed('a capital', replace(':path', undefined).concat([[':Path', '/']])),
]);

run('8.3.1: of requests', [
  malformed('no :method', replace(':method', undefined)),
  malformed('no :scheme', replace(':scheme', undefined)),
  malformed('no :path', replace(':path', undefined)),
  malformed('an empty :path', replace(':path', '')),
  malformed('an empty :method', replace(':method', '')),
  malformed('a :scheme that is none', replace(':scheme', '')),
  taken('no :authority', replace(':authority', undefined), 'head 1 GET /'),
  taken('an asterisk', [[':method', 'OPTIONS'], ...replace(':path', '*').slice(1)], 'head 1 OPTIONS *'),
]);

run('8.5: CONNECT', [
  taken(
    'with an authority alone',
    [
      [':method', 'CONNECT'],
      [':authority', 'a.test:443'],
    ],
    'head 1 CONNECT',
  ),
  malformed('with :path', [
    [':method', 'CONNECT'],
    [':authority', 'a.test:443'],
    [':path', '/'],
  ]),
  malformed('with :scheme', [
    [':method', 'CONNECT'],
    [':authority', 'a.test:443'],
    [':scheme', 'https'],
  ]),
  malformed('without :authority', [[':method', 'CONNECT']]),
  taken(
    'RFC 8441 §4: with :protocol',
    [[':method', 'CONNECT'], [':protocol', 'websocket'], ...GET.slice(1)],
    'head 1 CONNECT /',
  ),
  malformed('RFC 8441 §4: with :protocol and without :path', [
    [':method', 'CONNECT'],
    [':protocol', 'websocket'],
    [':scheme', 'https'],
    [':authority', 'a.test'],
  ]),
  malformed('RFC 8441 §4: :protocol with another method', [...GET, [':protocol', 'websocket']]),
]);
