import { expect, test } from 'vitest';
import { createFaultLimit } from './fault-limit.ts';

test('a hundred faults in ten seconds are borne, one more is too much', () => {
  let nowMs = 0;
  const isTooMuch = createFaultLimit(() => nowMs);
  expect(Array.from({ length: 100 }, isTooMuch)).not.toContain(true);
  expect(isTooMuch()).toBe(true);
  nowMs = 10_001;
  expect(isTooMuch()).toBe(false);
});

test('faults that come slowly are borne for ever', () => {
  let nowMs = 0;
  const isTooMuch = createFaultLimit(() => (nowMs += 200));
  expect(Array.from({ length: 1_000 }, isTooMuch)).not.toContain(true);
});
