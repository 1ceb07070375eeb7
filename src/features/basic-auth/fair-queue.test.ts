import { expect, test } from 'vitest';
import { FairQueue } from './fair-queue.ts';

const [a, b] = [{}, {}];

function taken(queue: FairQueue<object, string>): string[] {
  const items: string[] = [];
  for (let item = queue.take(); item !== undefined; item = queue.take()) items.push(item);
  return items;
}

test('nothing waits', () => expect(taken(new FairQueue())).toEqual([]));

test('of one group the first is the first', () => {
  const queue = new FairQueue<object, string>();
  for (const item of ['1', '2', '3']) queue.add(a, 'ann', item);
  expect(taken(queue)).toEqual(['1', '2', '3']);
});

test('owners take turns, and groups within an owner', () => {
  const queue = new FairQueue<object, string>();
  for (const item of ['1', '2', '3', '4']) queue.add(a, 'ann', `ann ${item}`);
  queue.add(a, 'bob', 'bob 1');
  queue.add(b, 'ann', 'other ann 1');
  queue.add(b, 'ann', 'other ann 2');
  expect(taken(queue)).toEqual(['ann 1', 'other ann 1', 'bob 1', 'other ann 2', 'ann 2', 'ann 3', 'ann 4']);
});

test('who comes back stands last', () => {
  const queue = new FairQueue<object, string>();
  queue.add(a, 'ann', '1');
  queue.add(b, 'ann', '2');
  expect(queue.take()).toBe('1');
  queue.add(a, 'ann', '3');
  expect(taken(queue)).toEqual(['2', '3']);
});
