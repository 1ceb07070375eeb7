import { expect, test } from 'vitest';
import { NO_LINES } from '../message/head-text.ts';
import { clientOf, data, GET, headers, POST, settings, type TestHandler, windowUpdate } from './testing.ts';
import { PREFACE, SETTING } from './wire-codes.ts';

test('crumbs of a body that nobody reads are put together', () => {
  const peer = clientOf(() => {});
  peer.send(PREFACE, settings(), headers(1, POST, 4));
  for (let i = 0; i < 60_000; i += 100) {
    peer.send(...Array.from({ length: 100 }, (_, k) => data(1, String(k % 10))));
  }
  const stream = peer.session.streams.get(1)!;
  expect(stream.heldBytes).toBe(60_000);
  expect(stream.held.length).toBeLessThan(64);
  const buffers = [...new Set(stream.held.map(({ buffer }) => buffer))];
  expect(buffers.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThan(200_000);
  stream.resume();
  peer.turn();
  expect(Buffer.concat(stream.held).length).toBe(0);
  expect((stream.handler as TestHandler).body).toBe('0123456789'.repeat(6_000));
});

test('crumbs that wait for a window are put together', () => {
  const peer = clientOf((stream, session) => {
    session.respond(stream, 200, NO_LINES, NO_LINES, -1, NO_LINES);
    for (let i = 0; i < 50_000; i++) stream.write(Buffer.from(String(i % 10)), 0, 1);
    stream.end('');
    stream.release();
  });
  peer.send(PREFACE, settings([SETTING.initialWindowSize, 5]), headers(1, GET));
  const stream = peer.session.streams.get(1)!;
  expect(stream.queuedBytes).toBe(49_995);
  expect(stream.queue.length).toBeLessThan(64);
  expect(Buffer.concat(stream.queue).toString()).toBe('5678901234'.repeat(5_000).slice(0, 49_995));
  peer.take();
  peer.send(windowUpdate(1, 200));
  expect(peer.take().slice(-1)).toEqual(['data 1 184']);
});
