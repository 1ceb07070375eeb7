import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { revealBytes } from '../lib/redacted-bytes.ts';
import { openTokenFile, type TokenFile } from './token-file.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-token-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function read(content: string): string | undefined {
  const path = join(folder, 'token');
  writeFileSync(path, content);
  const file = openTokenFile(path, () => undefined);
  file.close();
  return shown(file);
}

function shown(file: TokenFile): string | undefined {
  const token = file.token();
  return token && revealBytes(token).toString();
}

test('blanks and line feeds around the token are not of it', () => {
  expect(read('s3cret\n')).toBe('s3cret');
  expect(read(' \n s3cret')).toBe('s3cret');
});

for (const [name, content] of [
  ['nothing', '\n'],
  ['two words', 'a b'],
  ['too much', 'a'.repeat(4_097)],
] as const) {
  test(`a file with ${name} is refused`, () => expect(() => read(content)).toThrow(/token/));
}

test('a file that is not there is refused', () => {
  expect(() => openTokenFile(join(folder, 'nowhere'), () => undefined)).toThrow('ENOENT');
});

test('the file is followed, and without it there is no token', async () => {
  const path = join(folder, 'followed');
  writeFileSync(path, 'first');
  const failed = Promise.withResolvers<unknown>();
  const file = openTokenFile(path, failed.resolve, 5);
  expect(shown(file)).toBe('first');
  writeFileSync(path, 'second');
  while (shown(file) !== 'second') await new Promise((resolve) => setTimeout(resolve, 5));
  rmSync(path);
  expect(await failed.promise).toMatchObject({ code: 'ENOENT' });
  expect(file.token()).toBeUndefined();
  file.close();
});
