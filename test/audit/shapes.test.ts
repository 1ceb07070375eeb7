import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Readable } from 'node:stream';
import { parseArgs } from '../../src/cli/args.ts';
import { renderText } from '../../src/cli/audit-text.ts';
import { auditOf } from '../../src/cli/check.ts';

/*
 * Ingresses as their projects' documents and charts have them, and what `serin check` says of each. `UPDATE_GOLDEN=1` writes the
 * reports anew; each is read before it is taken.
 */

const ENTRY = new URL('../../src/main.ts', import.meta.url);
const FOLDER = new URL('shapes/', import.meta.url);
const shapes = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length));

test('there are thirty shapes and more', () => {
  expect(shapes.length).toBeGreaterThanOrEqual(30);
});

test.each(shapes)('%s', async (shape) => {
  const manifest = readFileSync(new URL(`${shape}.yaml`, FOLDER), 'utf8');
  const invocation = parseArgs(['check', '-'], '');
  const { result, placeOf } = await auditOf(invocation, ENTRY, Readable.from([manifest]));
  const report = `${renderText(result, placeOf)}\n`;
  const golden = new URL(`${shape}.txt`, FOLDER);
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, report);
  expect(report).toBe(readFileSync(golden, 'utf8'));
});
