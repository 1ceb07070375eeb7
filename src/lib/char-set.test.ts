import { expect, test } from 'vitest';
import { ANY, complement, intersects, sizeOf, toCharSet, toClassText, union } from './char-set.ts';

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
  expect(sizeOf(set) + sizeOf(complement(set))).toBe(sizeOf(ANY));
  expect(intersects(set, complement(set))).toBe(false);
  expect(intersects(set, toCharSet('e-z'))).toBe(true);
  expect(complement(ANY)).toEqual([]);
});

test('the text of a set is a JavaScript class of exactly its characters', () => {
  const set = toCharSet('\t', ' ', ']', '^', '-', '\\', 'a-c', '\u00e9', '\u2028');
  const regex = new RegExp(`^[${toClassText(set)}]$`);
  for (let code = 0; code < 0x3000; code++) {
    const isIn = set.some(([from, to]) => code >= from && code <= to);
    expect(regex.test(String.fromCharCode(code)), code.toString(16)).toBe(isIn);
  }
});
