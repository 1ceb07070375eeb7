import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { oneApplication } from '../fixtures/one-application.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

let folder: string;
let serin: SerinProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'serin-unserved-'));
  writeFileSync(join(folder, 'web.yaml'), oneApplication(1));
});
afterEach(() => {
  serin?.child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

test('serve says once when no Ingress has a class that is served, and what to do', async () => {
  serin = await startSerin(['serve', `--manifests=${folder}`, '--workers=1']);
  expect(serin.stderr().match(/no Ingress is served.*--watch-ingress-without-class/g)).toHaveLength(1);
});

test('serve says nothing of the kind where one is served', async () => {
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--workers=1',
    '--watch-ingress-without-class',
  ]);
  expect(serin.stderr()).not.toContain('no Ingress is served');
});
