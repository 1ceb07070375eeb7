import { expect, test } from 'vitest';
import { Timers } from '../../lib/timer-wheel.ts';
import { ResponsePacer } from './response-pacer.ts';

/** A pacer with a client that takes everything, or nothing, by a clock of its own. */
function setUp(bytesPerSecond: number, freeBytes = 0) {
  const rig = {
    nowMs: 0,
    /** What is out. */
    text: '',
    isBlocked: false,
    paced: 0,
    ended: 0,
    faults: [] as unknown[],
    /** Lets time go by; the wheel turns with it. */
    elapse(ms: number) {
      for (let i = 0; i < ms / 50; i++) {
        rig.nowMs += 50;
        timers.advance(1);
      }
    },
  };
  const timers = new Timers({ now: () => rig.nowMs });
  const exchange = {
    context: { now: () => rig.nowMs, timers },
    downstream: {
      writeBody: (buffer: Buffer, start: number, end: number) =>
        void (rig.text += buffer.toString('latin1', start, end)),
      flush: () => !rig.isBlocked,
    },
    accounting: { bodyBytesSent: 0 },
    response: { headers: undefined },
  };
  const rate = { bytesPerSecond, freeBytes };
  const pacer = new ResponsePacer(exchange, rate, {
    onPaced: () => void rig.paced++,
    onPacedEnd: () => void rig.ended++,
    onPacingFailed: (fault) => void rig.faults.push(fault),
  });
  return { rig, timers, exchange, pacer };
}

function bytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => 97 + (i % 26)));
}

test('100 KiB at 10 KiB a second take ten seconds, in steps of 4 KiB', () => {
  const { rig, pacer, exchange } = setUp(10_240);
  const body = bytes(102_400);
  pacer.take(body, 0, body.length, false);
  expect(pacer.pump()).toBe(false);
  expect(rig.text.length).toBe(4_096);
  const bySecond: number[] = [];
  for (let second = 1; second <= 10; second++) {
    rig.elapse(1_000);
    bySecond.push(rig.text.length);
  }
  for (const [i, sent] of bySecond.entries()) {
    expect(sent).toBeGreaterThanOrEqual(Math.min(102_400, 10_240 * i));
    expect(sent).toBeLessThanOrEqual(10_240 * (i + 1) + 4_096);
  }
  expect(rig.text).toBe(body.toString('latin1'));
  expect([rig.paced, exchange.accounting.bodyBytesSent]).toEqual([1, 102_400]);
});

test('what is free goes out at once, what follows by the rate', () => {
  const { rig, pacer } = setUp(10_240, 20_480);
  const body = bytes(40_960);
  pacer.take(body, 0, body.length, false);
  pacer.pump();
  expect(rig.text.length).toBe(20_480 + 4_096);
  rig.elapse(2_000);
  expect(rig.text).toBe(body.toString('latin1'));
});

test('a slow rate has steps of a second, a fast one of a tenth', () => {
  const slow = setUp(1);
  slow.pacer.take(bytes(10), 0, 10, false);
  slow.pacer.pump();
  expect(slow.rig.text).toBe('a');
  slow.rig.elapse(500);
  expect(slow.rig.text).toBe('a');
  slow.rig.elapse(9_600);
  expect(slow.rig.text).toBe('abcdefghij');

  const fast = setUp(10_485_760);
  const body = bytes(2_097_152);
  fast.pacer.take(body, 0, body.length, false);
  fast.pacer.pump();
  expect(fast.rig.text.length).toBe(1_048_576);
  fast.rig.elapse(150);
  expect(fast.rig.text.length).toBe(2_097_152);
});

test('a slow upstream may make up for a second, not for more', () => {
  const { rig, pacer } = setUp(10_240);
  const body = bytes(65_536);
  pacer.take(body, 0, 100, false);
  expect(pacer.pump()).toBe(true);
  rig.nowMs += 60_000;
  pacer.take(body, 100, body.length, false);
  pacer.pump();
  expect(rig.text.length).toBe(100 + 10_240);
});

test('a client that takes nothing stops it, and it goes on by the rate', () => {
  const { rig, pacer } = setUp(10_240);
  const body = bytes(20_480);
  rig.isBlocked = true;
  pacer.take(body, 0, body.length, false);
  expect(pacer.pump()).toBe(false);
  rig.elapse(60_000);
  expect(rig.text.length).toBe(4_096);
  rig.isBlocked = false;
  pacer.onDownstreamDrain();
  expect(rig.text.length).toBe(4_096 + 10_240);
  rig.elapse(1_000);
  expect(rig.text).toBe(body.toString('latin1'));
  expect(rig.paced).toBe(1);
});

test('small pieces, as chunks bring them, stay in order', () => {
  const { rig, pacer } = setUp(1_024);
  const body = bytes(10_000);
  for (let i = 0; i < body.length; i += 7) pacer.take(body, i, Math.min(i + 7, body.length), false);
  expect(pacer.pump()).toBe(false);
  rig.elapse(11_000);
  expect(rig.text).toBe(body.toString('latin1'));
});

test('once cancelled it does nothing any more', () => {
  const { rig, pacer } = setUp(1_024);
  pacer.take(bytes(10_000), 0, 10_000, false);
  pacer.pump();
  pacer.cancel();
  rig.elapse(20_000);
  expect([rig.text.length, rig.paced, rig.ended]).toEqual([1_024, 0, 0]);
});

test('the end waits until all is out', () => {
  const { rig, pacer } = setUp(1_024);
  pacer.take(bytes(2_500), 0, 2_500, false);
  pacer.end(undefined, 0);
  rig.elapse(500);
  expect([rig.text.length, rig.ended]).toEqual([1_024, 0]);
  rig.elapse(3_000);
  expect([rig.text.length, rig.ended, rig.paced]).toEqual([2_500, 1, 0]);

  const short = setUp(1_024);
  short.pacer.take(bytes(10), 0, 10, false);
  short.pacer.end(undefined, 0);
  expect([short.rig.text.length, short.rig.ended]).toEqual([10, 1]);
});

test('what fails late is told', () => {
  const { rig, pacer, exchange } = setUp(1_024);
  pacer.take(bytes(2_000), 0, 2_000, false);
  pacer.pump();
  exchange.downstream.flush = () => {
    throw new Error('broken');
  };
  rig.elapse(2_000);
  expect(rig.faults.map((fault) => (fault as Error).message)).toContain('broken');
});
