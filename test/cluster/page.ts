import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HELM } from '../fixtures/helm.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The named blocks of commands of a page, which are run as they stand. */
export interface Page {
  readonly names: readonly string[];
  /** Runs a block, of which every command has to succeed; gives what it wrote, and rejects with it. */
  run(name: string): Promise<string>;
  close(): void;
}

/** Reads a page, by its path from the root of the tree. Its commands find `manifests/` and the given files where they run. */
export function openPage(name: string, files: Readonly<Record<string, string>> = {}): Page {
  const text = readFileSync(join(ROOT, name), 'utf8');
  const blocks = new Map(
    Array.from(text.matchAll(/^```sh test (\S+)\n([^]*?)^```$/gm), ([, block, commands]) => [
      block!,
      commands!,
    ]),
  );
  const folder = mkdtempSync(join(tmpdir(), 'serin-page-'));
  symlinkSync(join(ROOT, 'manifests'), join(folder, 'manifests'));
  for (const [file, content] of Object.entries(files)) writeFileSync(join(folder, file), content);
  const path = [process.env['PATH'], ...(HELM === undefined ? [] : [dirname(HELM)])].join(delimiter);
  return {
    names: [...blocks.keys()],
    run: (block) =>
      new Promise((resolve, reject) => {
        const commands = blocks.get(block);
        if (commands === undefined) throw new Error(`${name} has no block ${block}`);
        const options = { cwd: folder, env: { ...process.env, PATH: path }, timeout: 400_000 };
        execFile('bash', ['-euo', 'pipefail', '-c', commands], options, (error, out, err) => {
          if (error === null) resolve(out + err);
          else reject(new Error(`the block ${block} of ${name}: ${out}${err}${error.message}`));
        });
      }),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
