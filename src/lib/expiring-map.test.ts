import { expect, test } from 'vitest';
import { ExpiringMap } from './expiring-map.ts';

test('remembers until the end, and not at it', () => {
  const map = new ExpiringMap<string>({ maxEntries: 2, maxBytes: 100 });
  map.set('a', 'one', 1, 10);
  expect([map.get('a', 9), map.get('a', 10), map.size]).toEqual(['one', undefined, 0]);
});

test('the oldest goes first, by number', () => {
  const map = new ExpiringMap<string>({ maxEntries: 2, maxBytes: 100 });
  for (const key of ['a', 'b', 'a', 'c']) map.set(key, key, 1, 10);
  expect(['a', 'b', 'c'].map((key) => map.get(key, 0))).toEqual(['a', undefined, 'c']);
});

test('the oldest goes first, by size, and what is larger than all room is not kept', () => {
  const map = new ExpiringMap<string>({ maxEntries: 9, maxBytes: 10 });
  map.set('a', 'a', 4, 10);
  map.set('b', 'b', 4, 10);
  map.set('c', 'c', 6, 10);
  expect(['a', 'b', 'c'].map((key) => map.get(key, 0))).toEqual([undefined, 'b', 'c']);
  map.set('b', 'b', 11, 10);
  expect(['b', 'c'].map((key) => map.get(key, 0))).toEqual([undefined, 'c']);
});
