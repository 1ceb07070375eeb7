import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runCase } from './run-case.ts';

const ROOT = import.meta.dirname;
const isUpdating = process.env['UPDATE_GOLDEN'] === '1';

const foldersIn = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .toSorted();

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

for (const area of foldersIn(ROOT)) {
  describe(area, () => {
    for (const name of foldersIn(join(ROOT, area))) {
      const folder = join(ROOT, area, name);
      test(name, () => {
        const outputs = runCase(readIfThere(join(folder, 'in.yaml')) ?? '', {
          before: readIfThere(join(folder, 'before.yaml')),
          options: readIfThere(join(folder, 'options.yaml')),
        });
        for (const [file, text] of Object.entries(outputs)) {
          if (isUpdating) writeFileSync(join(folder, file), text);
          else expect(text, `${area}/${name}/${file}`).toBe(readIfThere(join(folder, file)) ?? '');
        }
      });
    }
  });
}
