import { expect, test } from 'vitest';
import { toByteText, toByteTexts } from './byte-text.ts';

test('a character beyond ASCII is its UTF-8 bytes, and never one that a byte is cut out of', () => {
  expect(toByteText('a/b')).toBe('a/b');
  expect(toByteText('é')).toBe('\u00c3\u00a9');
  expect(toByteText('\u010d\u010a')).toBe('\u00c4\u008d\u00c4\u008a');
  expect(toByteText('\ud800')).toBe('\u00ef\u00bf\u00bd');
});

test('texts at any depth are converted, keys and kept fields are not, and the input stays as it is', () => {
  const input = { é: 1, a: [['x', 'é']], b: { pattern: 'é', c: 'é' }, d: undefined, e: null };
  const output = toByteTexts(input, new Set(['pattern']));
  expect(output).toEqual({
    é: 1,
    a: [['x', '\u00c3\u00a9']],
    b: { pattern: 'é', c: '\u00c3\u00a9' },
    d: undefined,
    e: null,
  });
  expect(input.b.c).toBe('é');
});

test('what holds nothing but ASCII is itself', () => {
  const input = { a: { b: ['c'] }, d: 1 };
  expect(toByteTexts(input, new Set())).toBe(input);
});
