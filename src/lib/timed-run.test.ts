import { expect, test } from 'vitest';
import { PatternTimeout, THREAD_CLOCKS, TimedRun } from './timed-run.ts';

const FOR_EVER = /^(?!x)(?:a+)+$/;
const HOSTILE = `${'a'.repeat(60)}!`;

test('a task that does not end is ended, and the next one runs', () => {
  const timed = new TimedRun();
  expect(() => timed.run(() => FOR_EVER.test(HOSTILE))).toThrow(PatternTimeout);
  expect(timed.run(() => FOR_EVER.test('aaa'))).toBe(true);
});

test('what a task throws is thrown', () => {
  const timed = new TimedRun();
  expect(() =>
    timed.run(() => {
      throw new RangeError('of the task');
    }),
  ).toThrow('of the task');
});

test('those that take long share the credit, those that do not pay nothing', () => {
  let cpuMs = 0;
  const timed = new TimedRun({ nowMs: () => 0, cpuMs: () => cpuMs });
  for (let i = 0; i < 100; i++) expect(timed.run(() => i)).toBe(i);
  expect(
    timed.run(() => {
      cpuMs += 60;
      return 'late';
    }),
  ).toBe('late');
  expect(() =>
    timed.run(() => {
      cpuMs += 2;
      return FOR_EVER.test(HOSTILE);
    }),
  ).toThrow(PatternTimeout);
  expect(timed.run(() => FOR_EVER.test('aa'))).toBe(true);
});

test('a limit that is up before the match had the processor is no timeout yet', () => {
  let tries = 0;
  const timed = new TimedRun({ nowMs: () => 0, cpuMs: () => 0 });
  expect(timed.run(() => (++tries < 3 ? FOR_EVER.test(HOSTILE) : 'served'))).toBe('served');
  expect(tries).toBe(3);
});

test('the processor time of a thread is known finer than the ticks of the scheduler', () => {
  const steps: number[] = [];
  for (let lastMs = THREAD_CLOCKS.cpuMs(); steps.length < 101;) {
    const nowMs = THREAD_CLOCKS.cpuMs();
    if (nowMs > lastMs) steps.push(nowMs - lastMs);
    lastMs = nowMs;
  }
  expect(steps.toSorted((a, b) => a - b)[50]).toBeLessThan(0.1);
});
