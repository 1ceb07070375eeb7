import { describe, expect, test } from 'vitest';
import { readHash } from './hash-format.ts';

const rest = (length: number) => 'x'.repeat(length);

describe('hashes that can be checked', () => {
  const cases: [hash: string, scheme: string, costMs: number][] = [
    ['{PLAIN}secret', 'plain', 1],
    ['{PLAIN}', 'plain', 1],
    ['{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=', 'sha', 1],
    ['{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0', 'ssha', 1],
    ['$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/', 'md5', 2],
    ['$1$ab$cHJi5PXp/ki/ktXzqlk6I1', 'md5', 2],
    [`$5$abcdefgh$${rest(43)}`, 'sha-crypt', 15],
    [`$6$rounds=200000$abcdefgh$${rest(86)}`, 'sha-crypt', 600],
    [`$2y$05$${rest(53)}`, 'bcrypt', 3.125],
    [`$2b$10$${rest(53)}`, 'bcrypt', 100],
    [`$2a$14$${rest(53)}`, 'bcrypt', 1_600],
    ['abNANd1rDfiNc', 'des', 4],
  ];
  for (const [hash, scheme, costMs] of cases) {
    test(hash.slice(0, 40), () => expect(readHash(hash)).toEqual({ ok: true, scheme, costMs }));
  }
});

describe('what cannot be checked, and why', () => {
  const cases: [name: string, hash: string, problem: string][] = [
    ['nothing', '', 'is empty'],
    ['bcrypt of cost 15', `$2y$15$${rest(53)}`, 'is a bcrypt hash of cost 15, above 14'],
    ['bcrypt of cost 3', `$2y$03$${rest(53)}`, 'is not a whole bcrypt hash'],
    ['bcrypt cut short', `$2y$10$${rest(52)}`, 'is not a whole bcrypt hash'],
    ['bcrypt of 2x', `$2x$10$${rest(53)}`, 'is in no format that is known'],
    ['200,001 rounds', `$5$rounds=200001$a$${rest(43)}`, 'has 200001 rounds, above 200000'],
    ['999 rounds', `$6$rounds=999$a$${rest(86)}`, 'has 999 rounds, and 1000 are the least'],
    ['no rounds', `$6$rounds=$a$${rest(86)}`, 'is not a whole SHA-256 or SHA-512 hash'],
    ['SHA-512 cut short', `$6$a$${rest(43)}`, 'is not a whole SHA-256 or SHA-512 hash'],
    ['a salt of 9 characters', `$apr1$abcdefghi$${rest(22)}`, 'is not a whole MD5 hash'],
    ['no salt', `$apr1$$${rest(22)}`, 'is not a whole MD5 hash'],
    ['SHA-1 of 19 bytes', '{SHA}5en6G6MezRroT3XKqkdPOmY/BQ==', 'is not the base64 text of a SHA-1 digest'],
    [
      'SSHA without salt',
      '{SSHA}5en6G6MezRroT3XKqkdPOmY/BfQ=',
      'is not the base64 text of a SHA-1 digest and a salt',
    ],
    ['yescrypt', '$y$j9T$abc$def', 'is in no format that is known'],
    ['argon2', '$argon2id$v=19$m=65536,t=2,p=1$abc$def', 'is in no format that is known'],
    ['a password as it is', 'secret', 'is in no format that is known'],
  ];
  for (const [name, hash, problem] of cases) {
    test(name, () => expect(readHash(hash)).toEqual({ ok: false, problem }));
  }
});
