import { expect, test } from 'vitest';
import { AnswerMemory } from './answer-memory.ts';

test('remembers for a while', () => {
  const memory = new AnswerMemory(10, 100);
  memory.add('a', 0);
  expect(memory.has('a', 99)).toBe(true);
  expect(memory.has('a', 100)).toBe(false);
  expect(memory.has('b', 0)).toBe(false);
  memory.add('a', 100);
  expect(memory.has('a', 199)).toBe(true);
});

test('holds so many, the oldest out first', () => {
  const memory = new AnswerMemory(2, 100);
  for (const question of ['a', 'b', 'a', 'c']) memory.add(question, 0);
  expect(['a', 'b', 'c'].map((question) => memory.has(question, 1))).toEqual([true, false, true]);
  expect(memory.size).toBe(2);
});

test('what is over makes room', () => {
  const memory = new AnswerMemory(100, 100);
  for (let i = 0; i < 50; i++) memory.add(`${i}`, i);
  memory.add('late', 130);
  expect(memory.size).toBe(20);
});
