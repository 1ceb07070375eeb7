import { expect, test } from 'vitest';
import { parseNamespacedName } from './namespaced-name.ts';

test('reads a namespace and a name', () => {
  expect(parseNamespacedName('a/b')).toEqual({ namespace: 'a', name: 'b' });
});

for (const text of ['b', '', '/', 'a/', '/b', 'a/b/c']) {
  test(`refuses "${text}"`, () => expect(parseNamespacedName(text)).toBeUndefined());
}
