import { getHeapStatistics } from 'node:v8';
import { expect, test } from 'vitest';
import { giveBackMemory } from './give-back-memory.ts';

test('what nobody needs any more is given back at once', () => {
  const fill = () => Array.from({ length: 200_000 }, (_, i) => ({ text: `text ${i}` })).length;
  expect(fill()).toBe(200_000);
  const before = getHeapStatistics().total_heap_size;
  giveBackMemory();
  expect(getHeapStatistics().total_heap_size).toBeLessThan(before);
  expect(Reflect.get(globalThis, 'gc')).toBeUndefined();
});
