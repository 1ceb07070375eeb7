import { expect, test } from 'vitest';
import { complement, foldCase, toCharSet, toClassText, union } from './char-set.ts';

test('ranges that touch or overlap become one', () => {
  expect(
    union([
      [5, 9],
      [1, 3],
      [4, 4],
      [8, 20],
    ]),
  ).toEqual([[1, 20]]);
});

test('a complement of a complement is the set', () => {
  const set = toCharSet('a-f', '0-9', '_');
  expect(complement(complement(set))).toEqual(set);
  expect(union([...set, ...complement(set)])).toEqual([[0, 0xffff]]);
  expect(complement([[0, 0xffff]])).toEqual([]);
});

test('a folded set has ASCII letters in both cases, and no others', () => {
  expect(foldCase(toCharSet('x-z', 'A', '1', '\u00e9'))).toEqual(
    toCharSet('X-Z', 'x-z', 'A', 'a', '1', '\u00e9'),
  );
  expect(foldCase(toCharSet('Y-b'))).toEqual(toCharSet('A-B', 'Y-b', 'y-z'));
});

test('the text of a set is a JavaScript class of exactly its characters', () => {
  const set = toCharSet('\t', ' ', ']', '^', '-', '\\', 'a-c', '\u00e9', '\u2028');
  const regex = new RegExp(`^[${toClassText(set)}]$`);
  for (let code = 0; code < 0x3000; code++) {
    const isIn = set.some(([from, to]) => code >= from && code <= to);
    expect(regex.test(String.fromCharCode(code)), code.toString(16)).toBe(isIn);
  }
});
