import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

test('docs/faults.md names tests that are there, and npm run test:faults runs all of them', () => {
  const named = new Set(read('docs/faults.md').match(/[a-z0-9/.-]+\.test\.ts/g));
  expect([...named].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const run = new Set(scripts['test:faults']!.split(' ').filter((word) => word.endsWith('.test.ts')));
  expect(run).toEqual(named);
});
