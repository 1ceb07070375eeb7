import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { expect, test } from 'vitest';
import { costlyRsaKey } from '../../test/fixtures/costly-keys.ts';
import { costOf } from './costly-key.ts';

const rsa = (modulusLength: number, publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey;

test('keys of every usual kind are quick', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2_048, publicExponent: 3 });
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' });
  const keys = [
    createPrivateKey(pem),
    rsa(4_096),
    generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey,
    generateKeyPairSync('ed25519').privateKey,
    generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }).privateKey,
  ];
  for (const key of keys) expect(costOf(key)).toBeUndefined();
});

test('an RSA key of 65,536 bits holds a loop for minutes', () => {
  expect(costOf(createPrivateKey(costlyRsaKey(65_536)))).toMatch(
    /^has \d+ bytes, and more than 4096 bits take too long$/,
  );
  expect(costOf(createPrivateKey(costlyRsaKey(16_384)))).toContain('has 16384 bits');
  expect(costOf(createPrivateKey(costlyRsaKey(4_104)))).toContain('has 4104 bits');
});

test('an RSA key whose numbers do not fit is signed with the slow way', () => {
  expect(costOf(createPrivateKey(costlyRsaKey(2_048)))).toBe('has numbers that do not fit each other');
});

test('a large exponent is paid with each signature', () => {
  expect(costOf(createPrivateKey(costlyRsaKey(2_048, 64)))).toBe('has an exponent that takes too long');
});
