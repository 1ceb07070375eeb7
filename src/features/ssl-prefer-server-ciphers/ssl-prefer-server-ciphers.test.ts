import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { sslPreferServerCiphers } from './ssl-prefer-server-ciphers.ts';

const policyOf = (text: string) =>
  translateWith(sslPreferServerCiphers, { 'ssl-prefer-server-ciphers': text }).policy;

test('either value is a decision, nothing and what is no boolean are none', () => {
  expect(policyOf('true')).toEqual({ isOurs: true });
  expect(policyOf('false')).toEqual({ isOurs: false });
  expect(policyOf('off')).toBeUndefined();
  expect(translateWith(sslPreferServerCiphers, {}).policy).toBeUndefined();
});
