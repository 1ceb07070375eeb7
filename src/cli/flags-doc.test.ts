import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FLAGS } from './flags.ts';
import { renderFlagsDoc } from './flags-doc.ts';

const DOC = new URL('../../docs/flags.md', import.meta.url);

test('docs/flags.md is what the flag table says', () => {
  const text = renderFlagsDoc();
  if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(DOC, text);
  expect(readFileSync(DOC, 'utf8')).toBe(text);
});

test('no flag stands twice in the table', () => {
  const names = FLAGS.map(({ name }) => name);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
