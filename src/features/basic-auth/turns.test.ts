import { expect, test } from 'vitest';
import { Turns } from './turns.ts';

const [a, b] = [{}, {}];

function taken(turns: Turns<object, string>): string[] {
  const items: string[] = [];
  for (let item = turns.take(); item !== undefined; item = turns.take()) items.push(item);
  return items;
}

test('nothing waits', () => expect(taken(new Turns())).toEqual([]));

test('of one group the first is the first', () => {
  const turns = new Turns<object, string>();
  for (const item of ['1', '2', '3']) turns.add(a, 'ann', item);
  expect(taken(turns)).toEqual(['1', '2', '3']);
});

test('owners take turns, and groups within an owner', () => {
  const turns = new Turns<object, string>();
  for (const item of ['1', '2', '3', '4']) turns.add(a, 'ann', `ann ${item}`);
  turns.add(a, 'bob', 'bob 1');
  turns.add(b, 'ann', 'other ann 1');
  turns.add(b, 'ann', 'other ann 2');
  expect(taken(turns)).toEqual(['ann 1', 'other ann 1', 'bob 1', 'other ann 2', 'ann 2', 'ann 3', 'ann 4']);
});

test('who comes back stands last', () => {
  const turns = new Turns<object, string>();
  turns.add(a, 'ann', '1');
  turns.add(b, 'ann', '2');
  expect(turns.take()).toBe('1');
  turns.add(a, 'ann', '3');
  expect(taken(turns)).toEqual(['2', '3']);
});
