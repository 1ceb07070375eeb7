import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { sslCiphers } from './ssl-ciphers.ts';

const read = (text: string) => translateWith(sslCiphers, { 'ssl-ciphers': text });

test('a list is taken as it is', () => {
  const list = 'ECDHE-ECDSA-AES256-GCM-SHA384:HIGH:!aNULL:@STRENGTH';
  expect(read(list).policy).toEqual({ list });
  expect(translateWith(sslCiphers, {}).policy).toBeUndefined();
});

test('characters of no cipher list leave the Ingress as it was', () => {
  expect(read('HIGH;}').refused).toEqual(['ssl-ciphers has characters outside cipher list characters: drop']);
});

test('a list that OpenSSL refuses is told, and the ciphers of all hosts are used', () => {
  const { policy, messages } = read('NONE-OF-THEM');
  expect(policy).toBeUndefined();
  expect(messages).toEqual([
    expect.stringMatching(
      /"NONE-OF-THEM" is refused by OpenSSL \(.*no cipher match\); the ciphers of the ConfigMap are used$/,
    ),
  ]);
});
