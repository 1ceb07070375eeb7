import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { satisfy } from './satisfy.ts';

test('any is a policy, all is what is so without it', () => {
  expect(translateWith(satisfy, { satisfy: 'any' }).policy).toEqual({ mode: 'any' });
  expect(translateWith(satisfy, { satisfy: 'all' }).policy).toBeUndefined();
  expect(translateWith(satisfy, {}).policy).toBeUndefined();
});

test('what is neither is as if it was not there', () => {
  expect(translateWith(satisfy, { satisfy: 'some' })).toMatchObject({
    policy: undefined,
    refused: ['satisfy is not one of all, any: default'],
  });
});

test('any with nothing to combine has no effect', () => {
  expect(translateWith(satisfy, { satisfy: 'any' }).vain).toEqual([
    'warning metadata.annotations[satisfy]: "any" counts only together with lists of addresses or authentication; there is nothing to combine',
  ]);
  const settings = { 'whitelist-source-range': '10.0.0.0/8' };
  expect(translateWith(satisfy, { satisfy: 'any' }, { settings }).vain).toEqual([]);
});
