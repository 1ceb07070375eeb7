import { once } from 'node:events';
import { getHeapStatistics } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { giveBackMemory } from './give-back-memory.ts';

test('what nobody needs any more is given back at once', async () => {
  const fill = () => Array.from({ length: 200_000 }, (_, i) => ({ text: `text ${i}` })).length;
  expect(fill()).toBe(200_000);
  const before = getHeapStatistics().total_heap_size;
  await giveBackMemory();
  expect(getHeapStatistics().total_heap_size).toBeLessThan(before);
});

test('threads that do it at the same time do not fail each other: the flags are the process’s', async () => {
  const file = JSON.stringify(new URL('./give-back-memory.ts', import.meta.url).href);
  const code = `import(${file}).then(({ giveBackMemory }) => { for (let i = 0; i < 20; i++) giveBackMemory(); })`;
  const workers = Array.from({ length: 4 }, () => new Worker(code, { eval: true }));
  const ends = await Promise.all(workers.map((worker) => once(worker, 'exit')));
  expect(ends.map(([code]) => code as number)).toEqual([0, 0, 0, 0]);
});
