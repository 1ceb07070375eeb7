import { expect, test } from 'vitest';
import { PatternTimeout, TimedRun } from './timed-run.ts';

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
