import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'serin-image-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function script(path: string, text: string): void {
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
}

describe('the image', () => {
  /** The last stage's RUN, as the builder hands it to the shell. */
  const command = /^FROM node:26-alpine\nRUN ((?:.*\\\n)*.*)$/m.exec(DOCKERFILE)![1]!;
  const programs = join(folder, 'bin');

  beforeAll(() => {
    mkdirSync(programs);
    // Nothing of what the stage does happens here: its programs only tell that they were called.
    for (const name of ['apk', 'rm', 'grep', 'addgroup', 'adduser'])
      script(join(programs, name), `echo ${name} "$@"`);
  });

  /** Runs it with stand-ins for all programs; `failing` is the one that fails. */
  function build(failing: string): { status: number | null; calls: string } {
    script(join(programs, 'setcap'), 'echo setcap "$@"');
    if (failing !== '') script(join(programs, failing), 'exit 1');
    const { status, stdout } = spawnSync('/bin/sh', ['-c', command], {
      encoding: 'utf8',
      env: { PATH: programs },
    });
    return { status, calls: stdout };
  }

  test('is built with dumb-init, and with the capability looked at once more', () => {
    const { status, calls } = build('');
    expect(status).toBe(0);
    expect(calls).toContain('apk add --no-cache dumb-init libcap');
    expect(calls).toContain('setcap -v cap_net_bind_service=+ep /usr/local/bin/node');
    expect(DOCKERFILE).toContain('ENTRYPOINT ["/usr/bin/dumb-init", "--"]');
  });

  test('is not built where setcap fails', () => {
    expect(build('setcap').status).not.toBe(0);
  });

  test('has the user and group made where Alpine has none', () => {
    const { status, calls } = build('grep');
    expect(status).toBe(0);
    expect(calls).toContain('addgroup -g 82 -S www-data');
    expect(calls).toContain('adduser -S -D -H -u 101 -G www-data www-data');
  });
});

const hasNpm = spawnSync('npm', ['--version']).status === 0;

test.skipIf(!hasNpm)(
  'prepack runs on the Node that runs npm, not on the one of devDependencies (skipped without npm)',
  () => {
    const copy = join(folder, 'package');
    mkdirSync(join(copy, 'node_modules', '.bin'), { recursive: true });
    for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json'])
      copyFileSync(join(ROOT, name), join(copy, name));
    cpSync(join(ROOT, 'src'), join(copy, 'src'), { recursive: true });
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      if (!name.startsWith('.'))
        symlinkSync(join(ROOT, 'node_modules', name), join(copy, 'node_modules', name));
    }
    // A program for another C library: the shell does not find its loader.
    script(join(copy, 'node_modules', '.bin', 'node'), 'exit 127');
    const { status, stderr } = spawnSync('npm', ['run', 'prepack'], { cwd: copy, encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    expect(existsSync(join(copy, 'dist', 'main.js'))).toBe(true);
  },
  60_000,
);
