import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { sslPassthrough } from './ssl-passthrough.ts';

const policyOf = (text: string) => translateWith(sslPassthrough, { 'ssl-passthrough': text });

test('true asks for it, false and nothing do not', () => {
  expect(policyOf('true').policy).toEqual({ isPassedThrough: true });
  expect(policyOf('false').policy).toBeUndefined();
  expect(translateWith(sslPassthrough, {}).policy).toBeUndefined();
});

test('anything else leaves the Ingress as it was', () => {
  expect(policyOf('yes').refused).toEqual(['ssl-passthrough is not a boolean: drop']);
});
