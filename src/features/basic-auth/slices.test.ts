import { hashSync } from 'bcryptjs';
import { afterEach, expect, test, vi } from 'vitest';
import { createSlices } from './slices.ts';
import { verifyPassword } from './verify-password.ts';

afterEach(() => vi.restoreAllMocks());

test('rests behind each slice, as long as it took', () => {
  let now = 100;
  const rests: number[] = [];
  const rest = (ms: number) => {
    rests.push(ms);
    now += ms;
  };
  const slices = createSlices({ sliceMs: 1, nowMs: () => now, rest });
  now = 200;
  slices.begin();
  for (let i = 0; i < 5; i++) {
    now += 0.5;
    slices.pause();
  }
  expect(rests).toEqual([1, 1]);
  slices.end();
  expect(rests).toEqual([1, 1, 0.5]);
});

test('bcrypt asks for the time in each of its rounds, which is when its thread may rest', () => {
  const hash = hashSync('secret', 6);
  const now = vi.spyOn(Date, 'now');
  expect(verifyPassword('secret', hash)).toBe(true);
  expect(now.mock.calls.length).toBeGreaterThanOrEqual(64);
});
