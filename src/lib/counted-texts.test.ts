import { expect, test } from 'vitest';
import { CountedTexts } from './counted-texts.ts';

test('a text stays until the last who asked for it has gone', () => {
  const texts = new CountedTexts();
  texts.add('b');
  texts.add('a');
  texts.add('b');
  expect(texts.list()).toEqual(['a', 'b']);
  texts.drop('b');
  expect(texts.list()).toEqual(['a', 'b']);
  texts.drop('b');
  expect(texts.list()).toEqual(['a']);
  texts.drop('c');
  expect(texts.list()).toEqual(['a']);
});

test('keeps the list that holds the same, also when a text went and came back', () => {
  const texts = new CountedTexts();
  for (let i = 0; i < 200; i++) texts.add(`t${i}`);
  const list = texts.list();
  texts.drop('t7');
  texts.add('t7');
  expect(texts.list()).toBe(list);
  texts.add('s');
  expect(texts.list()).toEqual(['s', ...list]);
  expect(list).toHaveLength(200);
});
