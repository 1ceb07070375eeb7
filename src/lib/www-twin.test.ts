import { expect, test } from 'vitest';
import { wwwTwin } from './www-twin.ts';

test('adds www. and takes it away', () => {
  expect(wwwTwin('a.test')).toBe('www.a.test');
  expect(wwwTwin('www.a.test')).toBe('a.test');
});

for (const name of ['_', '*.a.test', '~^a']) {
  test(`${name} has no twin`, () => expect(wwwTwin(name)).toBeUndefined());
}
