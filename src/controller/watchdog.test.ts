import { expect, test } from 'vitest';
import { createHeartbeatBuffer, heartbeatOf } from '../table/heartbeat.ts';
import { Watch, type Verdict } from './watchdog.ts';

const LIMITS = { stuckMs: 2_000, replaceMs: 10_000, linkingReplaceMs: 60_000, checkMs: 250 };

function start() {
  const buffer = createHeartbeatBuffer();
  const worker = heartbeatOf(buffer);
  let nowMs = 0;
  const watch = new Watch(heartbeatOf(buffer), LIMITS, nowMs);
  /** Verdicts of that many checks, `stepMs` apart. */
  const check = (count: number, stepMs = 250): Verdict[] =>
    Array.from({ length: count }, () => watch.check((nowMs += stepMs)));
  return { worker, watch, check };
}

test('a loop that stands still is stuck after 2 s and hopeless after 10 s', () => {
  const { check, watch } = start();
  expect(new Set(check(7))).toEqual(new Set(['turns']));
  expect(new Set(check(32))).toEqual(new Set(['stuck']));
  expect(check(1)).toEqual(['hopeless']);
  expect(watch.stillMs).toBe(10_000);
});

test('one turn is enough to begin anew', () => {
  const { worker, check } = start();
  expect(check(8).at(-1)).toBe('stuck');
  worker.beat();
  expect(new Set(check(8))).toEqual(new Set(['turns']));
});

test('a halt of the whole process is nobody’s fault', () => {
  const { check } = start();
  expect(check(3, 60_000)).toEqual(['turns', 'turns', 'turns']);
});

test('a table that takes long to link is given more time', () => {
  const { worker, check } = start();
  worker.setLinking(true);
  expect(check(50).at(-1)).toBe('stuck');
  worker.setLinking(false);
  expect(check(1)).toEqual(['hopeless']);
});
