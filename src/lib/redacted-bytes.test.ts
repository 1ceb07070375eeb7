import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { canonicalText } from './hash.ts';
import { redactBytes, revealBytes } from './redacted-bytes.ts';

const secret = redactBytes(Buffer.from('hunter2'));

test('a secret is shown by nothing, and told to who asks', () => {
  const shown = [
    inspect({ secret }, { depth: Infinity, showHidden: true }),
    JSON.stringify({ secret }),
    `${secret.secret}`,
    canonicalText({ secret }),
  ];
  for (const text of shown) {
    expect(text).not.toContain('hunter2');
    expect(text).not.toContain(Buffer.from('hunter2').toString('hex'));
    expect(text).not.toContain(Buffer.from('hunter2').toString('base64'));
  }
  expect(revealBytes(secret).toString()).toBe('hunter2');
});

test('a clone is as good', () => {
  const clone = structuredClone(secret);
  expect(revealBytes(clone).toString()).toBe('hunter2');
  expect(clone.digest).toBe(secret.digest);
});

test('equal secrets have equal digests, others have not', () => {
  expect(canonicalText(redactBytes(Buffer.from('hunter2')))).toBe(canonicalText(secret));
  expect(canonicalText(redactBytes(Buffer.from('hunter3')))).not.toBe(canonicalText(secret));
  expect(revealBytes(redactBytes(Buffer.alloc(0))).length).toBe(0);
});
