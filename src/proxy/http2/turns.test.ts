import { describe, expect, test } from 'vitest';
import { NO_LINES } from '../message/head-text.ts';
import { clientOf, data, type Fields, GET, headers, POST, reset, serverOf, settings } from './testing.ts';
import type { Session } from './session.ts';
import type { Peer } from './testing.ts';
import { PREFACE, SETTING } from './wire-codes.ts';

/* How much of what one connection brings is done in one turn of the event loop. */

const MANY: Fields = [...GET, ...Array.from({ length: 90 }, (_, i) => [`x-${i}`, 'v'] as const)];
const begun = { maxConcurrentStreams: 1000 };

/** Hands bytes over as a connection does, which brings again what was not used; answers what happened in each turn. */
function perTurn<S extends Session>(peer: Peer<S>, bytes: Buffer): number[] {
  const counts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const before = peer.events.length;
    const next = peer.session.receive(bytes, at, bytes.length);
    if (next < bytes.length) expect(peer.sink.isReading).toBe(false);
    counts.push(peer.events.length - before);
    at = next;
    peer.turn();
    expect(peer.sink.isReading).toBe(true);
  }
  return counts;
}

function client(onHead?: Parameters<typeof clientOf>[0]) {
  const peer = clientOf(onHead, begun);
  peer.send(PREFACE, settings());
  return peer;
}

const idle = (): void => {};
const requests = (count: number, fields: Fields): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, i) => headers(i * 2 + 1, fields)));

describe('of a client', () => {
  test('200 requests of 90 fields in one read begin at most 60 in a turn', () => {
    const counts = perTurn(client(idle), requests(200, MANY));
    expect(counts.reduce((sum, count) => sum + count)).toBe(200);
    expect(Math.max(...counts)).toBeLessThanOrEqual(60);
  });

  test('100 usual requests in one read begin in one turn', () => {
    const usual: Fields = [...GET, ...Array.from({ length: 12 }, (_, i) => [`x-${i}`, 'value'] as const)];
    expect(perTurn(client(idle), requests(100, usual))).toEqual([100]);
  });

  test('frames of one octet are read at most 4,000 in a turn', () => {
    const peer = client((stream) => stream.resume());
    peer.send(headers(1, POST, 4));
    const counts = perTurn(peer, Buffer.concat(Array.from({ length: 10_000 }, () => data(1, 'x'))));
    // Of each turn the reads, and that they are over.
    expect(counts.length).toBe(3);
    expect(Math.max(...counts)).toBeLessThanOrEqual(4_001);
  });

  test('of a tunnel, each frame of which is sent on by itself, at most 200 frames are read in a turn', () => {
    const peer = client((stream) => {
      stream.isTunnel = true;
      stream.resume();
    });
    peer.send(headers(1, POST, 4));
    const counts = perTurn(peer, Buffer.concat(Array.from({ length: 1_000 }, () => data(1, 'x'))));
    expect(counts.reduce((sum, count) => sum + count)).toBe(1_000);
    expect(Math.max(...counts)).toBeLessThanOrEqual(200);
  });

  test('300 streams that are reset in one read are ended at most 251 in a turn', () => {
    const peer = client(idle);
    peer.send(requests(300, GET));
    const counts = perTurn(peer, Buffer.concat(Array.from({ length: 300 }, (_, i) => reset(i * 2 + 1, 8))));
    expect(counts.reduce((sum, count) => sum + count)).toBe(300);
    expect(Math.max(...counts)).toBeLessThanOrEqual(251);
  });

  test('all of a read that is cut into pieces by turns is answered', () => {
    const peer = client();
    perTurn(peer, requests(200, MANY));
    const lines = peer.take().filter((line) => line.startsWith('headers'));
    expect(lines.length).toBe(200);
  });

  test('a connection that ends while input waits reads no more', () => {
    const peer = client(idle);
    const bytes = requests(200, MANY);
    const next = peer.session.receive(bytes, 0, bytes.length);
    const { length } = peer.events;
    peer.session.onClosed();
    peer.turn();
    expect(peer.sink.isReading).toBe(false);
    expect(peer.session.receive(bytes, next, bytes.length)).toBe(bytes.length);
    expect(peer.events.filter((event) => event.startsWith('head')).length).toBe(length);
  });
});

describe('of an upstream', () => {
  test('1,000 answers of 90 fields in one read come at most 120 in a turn', () => {
    const { peer, handler } = serverOf();
    peer.send(settings([SETTING.maxConcurrentStreams, 1000]));
    for (let i = 0; i < 1000; i++) peer.session.request(handler, 'GET', 'http', 'a.test', '/x', NO_LINES, -1);
    peer.turn();
    const answer: Fields = [[':status', '200'], ...MANY.slice(GET.length)];
    const counts = perTurn(peer, requests(1000, answer));
    // Of each answer its head, and that it is over.
    expect(counts.reduce((sum, count) => sum + count)).toBe(2000);
    expect(Math.max(...counts)).toBeLessThanOrEqual(2 * 120);
  });
});
