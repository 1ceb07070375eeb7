import { expect, test } from 'vitest';
import { escapePath } from './escape-path.ts';

test('what nginx encodes in a rewritten path is encoded, and nothing else of ASCII', () => {
  const ascii = Array.from({ length: 95 }, (_, at) => String.fromCharCode(0x20 + at)).join('');
  expect(escapePath(ascii)).toBe(
    "%20!%22%23$%25&'()*+,-./0123456789:;%3C=%3E%3F@ABCDEFGHIJKLMNOPQRSTUVWXYZ[%5C]%5E_%60abcdefghijklmnopqrstuvwxyz%7B%7C%7D~",
  );
});

test('controls and bytes above ASCII are encoded, one by one', () => {
  expect(escapePath('/\0\r\n\x1f\x7f\xc3\xa9')).toBe('/%00%0D%0A%1F%7F%C3%A9');
});
