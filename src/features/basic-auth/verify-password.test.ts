import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { verifyPassword } from './verify-password.ts';

const bytes = (text: string) => Buffer.from(text).toString('latin1');

/** Made by crypt(3) and openssl. */
const hashes: [name: string, password: string, hash: string][] = [
  ['plain', 'secret', '{PLAIN}secret'],
  ['plain with a colon', 'se:cret', '{PLAIN}se:cret'],
  ['SHA', 'secret', '{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ='],
  ['SSHA', 'secret', '{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0'],
  ['apr1', 'secret', '$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/'],
  ['MD5', 'secret', '$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1'],
  ['MD5 of bytes that are no UTF-8', 'p\xe4ss', '$1$abcdefgh$VUNE3F.DtGVcjZ7XpgPnd.'],
  ['MD5 of nothing', '', '$1$abcdefgh$M55TzYaaccxVGbptZWaxX/'],
  ['SHA-256', 'secret', '$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.'],
  [
    'SHA-512',
    'secret',
    '$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.',
  ],
  [
    'SHA-512 of UTF-8, with rounds',
    bytes('pä$s'),
    '$6$rounds=1000$abcdefgh$pxlkflUnJLzKhYHq.6GbiBHXQJcvArB6tVnq0RFb8UY.k4fqfAMfY6/rgxasllsEPCERp7ofo26xi6zU5tXSA1',
  ],
  ['bcrypt', 'secret', '$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a'],
  ['bcrypt of UTF-8', bytes('pä$s'), '$2y$04$abcdefghijklmnopqrstuuchmSiCNqUSYzBosQ6C8Ef3KYzILGtyK'],
  ['DES', 'secret', 'abNANd1rDfiNc'],
];

for (const [name, password, hash] of hashes) {
  test(`${name}: the password is right, others are wrong`, () => {
    expect(verifyPassword(password, hash)).toBe(true);
    expect(verifyPassword(`${password.slice(0, -1)}X`, hash)).toBe(false);
    // Of DES the first eight characters count.
    expect(verifyPassword(`${password}X`, hash)).toBe(false);
  });
}

describe('what is no hash', () => {
  test('is wrong, whatever it is', () => {
    const crypted = hashes.filter(([, , hash]) => hash.startsWith('$'));
    const cut = crypted.flatMap(([, , hash]) => [
      hash.slice(0, -1),
      hash.slice(1),
      `${hash}$`,
      hash.replaceAll('$', ''),
    ]);
    for (const hash of cut) expect(verifyPassword('secret', hash)).toBe(false);
  });

  test('never throws, and neither does a password', () => {
    const forms = fc.constantFrom(
      ...hashes.map(([, , hash]) => hash.slice(0, 12)),
      '$5$rounds=9$',
      '{SSHA}',
      '',
    );
    fc.assert(
      fc.property(
        forms,
        fc.string({ maxLength: 60 }),
        fc.string({ maxLength: 40, unit: 'binary' }),
        (form, rest, password) => {
          expect(typeof verifyPassword(bytes(password), form + rest)).toBe('boolean');
        },
      ),
      { numRuns: 300 },
    );
  });

  test('bytes that are no UTF-8 are wrong where a library wants UTF-8', () => {
    expect(verifyPassword('p\xe4ss', '$2y$04$abcdefghijklmnopqrstuuchmSiCNqUSYzBosQ6C8Ef3KYzILGtyK')).toBe(
      false,
    );
  });
});
