import { describe, expect, test } from 'vitest';
import { NO_LINES } from '../message/head-text.ts';
import {
  block,
  data,
  frame,
  goaway,
  headers,
  ping,
  reset,
  serverOf,
  settings,
  windowUpdate,
} from './testing.ts';
import { FRAME, SETTING } from './wire-codes.ts';

/* What upstreams may do at no cost to themselves; session.test.ts has the same of clients. */

const OK = [[':status', '200']] as const;
const MANY_STREAMS = 1000;
/** One field of 4,000 octets, and 12,000 times the same again. */
const BOMB = Buffer.concat([
  block(OK),
  Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]),
  Buffer.alloc(4_000, 'x'),
  Buffer.alloc(12_000, 0xbe),
]);

/** A session that has asked for something on so many streams. */
function asked(streams = 2) {
  const { peer, handler } = serverOf();
  peer.send(settings([SETTING.maxConcurrentStreams, MANY_STREAMS]));
  for (let i = 0; i < streams; i++) {
    peer.session.request(handler, 'GET', 'http', 'a.test', '/x', NO_LINES, -1);
  }
  peer.turn();
  peer.take();
  return peer;
}

describe('floods of upstreams', () => {
  for (const { name, kind, bound, bytes } of [
    { name: 'PING', kind: 'ping', bound: 5_000, bytes: () => ping() },
    // The first one was answered.
    { name: 'SETTINGS', kind: 'settings', bound: 99, bytes: () => settings() },
    {
      name: 'PRIORITY',
      kind: 'priority',
      bound: 500,
      bytes: () => frame(FRAME.priority, 0, 1, Buffer.alloc(5)),
    },
    { name: 'GOAWAY', kind: 'goaway', bound: 100, bytes: () => goaway(0x7fff_ffff, 0) },
    { name: 'WINDOW_UPDATE', kind: 'window-update', bound: 20_000, bytes: () => windowUpdate(0, 1) },
    // The first one ends the stream; what ends one of ours is given back.
    { name: 'RST_STREAM of nothing', kind: 'reset', bound: 2_001, bytes: () => reset(1, 8) },
    {
      name: 'streams that it makes us reset',
      kind: 'stream-error',
      bound: 2_001,
      bytes: () => windowUpdate(1, 0),
    },
    {
      name: 'empty DATA',
      kind: 'empty-frame',
      bound: 1_001,
      bytes: (i: number) => (i === 0 ? headers(1, OK, 4) : data(1, '')),
    },
    {
      name: 'empty CONTINUATION',
      kind: 'header-block',
      bound: 65,
      bytes: (i: number) =>
        i === 0 ? frame(FRAME.headers, 0, 1, block(OK)) : frame(FRAME.continuation, 0, 1),
    },
    {
      // 32 KiB of a head, and what its block may have beyond.
      name: 'CONTINUATION without end',
      kind: 'header-block',
      bound: 50,
      bytes: (i: number) =>
        i === 0
          ? frame(FRAME.headers, 0, 1, block(OK))
          : frame(FRAME.continuation, 0, 1, Buffer.alloc(1_000)),
    },
    {
      name: 'heads of a stream that it made us reset',
      kind: 'stream-error',
      bound: 2_001,
      bytes: (i: number) => (i === 0 ? windowUpdate(1, 0) : headers(1, OK, 4)),
    },
    {
      name: 'heads that stand for much',
      kind: 'stream-error',
      bound: 42,
      bytes: () => frame(FRAME.headers, 4, 1, BOMB),
    },
    { name: 'frames that nobody knows', kind: 'unknown-frame', bound: 1_000, bytes: () => frame(0x42, 0, 0) },
  ] as const) {
    test(`${name}: more than ${bound} at once end the connection`, () => {
      const peer = asked();
      let sent = 0;
      for (; sent < 30_000 && !peer.session.isOver; sent++) peer.send(bytes(sent));
      expect(peer.take().slice(-2)).toEqual(['goaway 0 enhanceYourCalm', 'end']);
      expect(peer.errors).toEqual([`enhanceYourCalm ${kind}`]);
      expect(sent - 1).toBe(bound);
      expect(peer.session.streams.size).toBe(0);
    });
  }

  test('resets of what was asked for are no flood', () => {
    const { peer, handler } = serverOf();
    peer.send(settings([SETTING.maxConcurrentStreams, MANY_STREAMS]));
    for (let i = 0; i < 3_000; i++) {
      const { id } = peer.session.request(handler, 'GET', 'http', 'a.test', '/x', NO_LINES, -1);
      peer.send(reset(id, 7));
    }
    expect(peer.errors).toEqual([]);
  });

  test('a head that stands for much makes no response, and the others go on', () => {
    const peer = asked();
    peer.send(frame(FRAME.headers, 4, 1, BOMB));
    peer.send(headers(3, OK));
    expect(peer.events).toEqual(['reset 1 protocolError', 'head 3 200', 'end 3']);
    expect(peer.errors).toEqual([]);
  });
});

describe('frames that cost more than they weigh', () => {
  test('many values in one SETTINGS count as many', () => {
    const peer = asked(MANY_STREAMS);
    const much = settings(
      ...Array.from({ length: 2_700 }, (_, i) => [SETTING.initialWindowSize, 1_000 + (i % 2)] as const),
    );
    peer.send(much);
    expect(peer.errors).toEqual(['enhanceYourCalm settings']);
  });

  test('as many as there are settings do not', () => {
    const peer = asked();
    for (let i = 0; i < 20; i++) {
      peer.send(settings(...Array.from({ length: 9 }, (_, id) => [id + 100, 1] as const)));
    }
    expect(peer.errors).toEqual([]);
  });
});
