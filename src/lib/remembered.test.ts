import { expect, test } from 'vitest';
import { isSameItems, Remembered } from './remembered.ts';

test('a value is made anew when an input is another one, and only then', () => {
  const remembered = new Remembered<string, object>(new Map(), isSameItems);
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

test('what was set is there for its inputs alone', () => {
  const remembered = new Remembered<object, string>(new WeakMap(), isSameItems);
  const key = {};
  expect(remembered.get(key, [])).toBeUndefined();
  expect(remembered.set(key, [1], 'one')).toBe('one');
  expect([remembered.get(key, [1]), remembered.get(key, [2]), remembered.get({}, [1])]).toEqual([
    'one',
    undefined,
    undefined,
  ]);
});
