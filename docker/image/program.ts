import { execFileSync } from 'node:child_process';
import { cpSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';

/** What programs do not read at run time: types, maps, sources, pages; folders at the top of a package; modules that are there for other loaders. */
const NOT_RUN = /\.(?:d\.[cm]?ts|[cm]?ts|map|md|markdown|flow|html|yml|yaml)$/i;
const FOLDERS_NOT_RUN = /^(?:test|tests|docs|example|examples|benchmark|benchmarks|prebuilds|\.github)$/;
const TWICE = /^@opentelemetry\/[^/]+\/build\/(?:esm|esnext)$/;

/** Compiles Serin into a folder and copies the packages that it runs with. Answers the paths of those packages. */
export function installProgram(root: string, into: string): readonly string[] {
  mkdirSync(into, { recursive: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(
    process.execPath,
    [tsc, '-p', 'tsconfig.build.json', '--outDir', join(into, 'dist'), '--declaration', 'false'],
    { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  for (const file of ['package.json', 'LICENSE']) cpSync(join(root, file), join(into, file));
  const listed = execFileSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: root,
    encoding: 'utf8',
  });
  const packages = listed
    .trim()
    .split('\n')
    .slice(1)
    .map((path) => relative(root, path))
    .filter((path) => !path.includes('/@types/'))
    .toSorted();
  for (const path of packages)
    copyPackage(join(root, path), join(into, path), relative('node_modules', path));
  return packages;
}

/** Nested packages have lines of their own in npm's list. */
function copyPackage(from: string, to: string, name: string): void {
  cpSync(from, to, {
    recursive: true,
    filter(source) {
      const inside = relative(from, source);
      if (inside === '') return true;
      const last = basename(inside);
      if (last === 'node_modules' || TWICE.test(`${name}/${inside}`)) return false;
      if (lstatSync(source).isDirectory()) return !FOLDERS_NOT_RUN.test(inside);
      return !NOT_RUN.test(last);
    },
  });
  dropEmptyFolders(to);
}

function dropEmptyFolders(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name);
    dropEmptyFolders(path);
    if (readdirSync(path).length === 0) rmSync(path, { recursive: true });
  }
}
