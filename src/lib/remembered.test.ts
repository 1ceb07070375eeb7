import { expect, test } from 'vitest';
import { Remembered } from './remembered.ts';

test('a value is made anew when an input is another one, and only then', () => {
  const remembered = new Remembered<string, object>(new Map());
  const input = {};
  const of = (key: string, ...inputs: unknown[]) => remembered.of(key, inputs, () => ({}));
  const first = of('a', input, 1);
  expect(of('a', input, 1)).toBe(first);
  expect(of('b', input, 1)).not.toBe(first);
  expect(of('a', input, 1)).toBe(first);
  const second = of('a', {}, 1);
  expect(second).not.toBe(first);
  expect(of('a', input, 1)).not.toBe(second);
  expect(of('a', input)).not.toBe(first);
});

test('a value that is no longer good is made anew', () => {
  const remembered = new Remembered<object, number>(new WeakMap());
  const key = {};
  let made = 0;
  const of = (isGood: boolean) =>
    remembered.of(
      key,
      [],
      () => ++made,
      () => isGood,
    );
  expect([of(true), of(true), of(false), of(true)]).toEqual([1, 1, 2, 2]);
});
