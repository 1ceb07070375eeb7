import { mkdtemp, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { printFinding, type Finding } from '../../model/finding.ts';
import { createObjectStore, type ObjectStore } from '../store/object-store.ts';
import { createFileSource, type FileSource } from './file-source.ts';

let folder: string;
let store: ObjectStore;
let source: FileSource | undefined;
let wake: (() => void) | undefined;
let findings: readonly Finding[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'serin-files-'));
  store = createObjectStore();
  findings = [];
});

afterEach(async () => {
  await source?.stop();
  source = undefined;
  await rm(folder, { recursive: true, force: true });
});

function notify(): void {
  wake?.();
}

async function follow(paths: readonly string[], pollMs?: number): Promise<void> {
  source = createFileSource({
    paths,
    store,
    changed: notify,
    findingsChanged: (found) => {
      findings = found;
      notify();
    },
    nowMs: () => performance.now(),
    pollMs,
  });
  source.start();
  await source.synced;
}

/** Resolves when a claim holds; checked whenever the source reports something. */
async function until(claim: () => boolean): Promise<void> {
  while (!claim()) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}

const names = () => [...store.snapshot().services.keys()].toSorted();
const service = (name: string, port = 80) =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec: { ports: [{ port: ${port} }] }\n`;
const portOf = (name: string) => store.get('Service', { namespace: 'default', name })?.ports[0]?.port;

test('reads files, folders below folders, documents and lists', async () => {
  await mkdir(join(folder, 'deep'));
  await writeFile(join(folder, 'a.yaml'), `${service('a')}---\n${service('b')}---\n`);
  await writeFile(
    join(folder, 'deep', 'c.yml'),
    `apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: c, namespace: x}}\n`,
  );
  await writeFile(
    join(folder, 'd.json'),
    '{"apiVersion":"v1","kind":"ServiceList","items":[{"metadata":{"name":"d"}}]}',
  );
  await writeFile(join(folder, 'notes.txt'), 'not: [yaml');
  await writeFile(join(folder, '.hidden.yaml'), 'not: [yaml');
  await follow([folder]);
  expect(names()).toEqual(['default/a', 'default/b', 'default/d', 'x/c']);
  expect(findings).toEqual([]);
});

test('follows a file that is written anew, added, removed', async () => {
  await writeFile(join(folder, 'a.yaml'), service('a'));
  await follow([folder]);
  await writeFile(join(folder, 'a.yaml'), service('a', 81));
  await until(() => portOf('a') === 81);
  await writeFile(join(folder, 'b.yaml'), service('b'));
  await until(() => names().length === 2);
  await rm(join(folder, 'a.yaml'));
  await until(() => names().length === 1);
  expect(names()).toEqual(['default/b']);
});

test('follows an editor that writes beside and renames', async () => {
  await writeFile(join(folder, 'a.yaml'), service('a'));
  await follow([join(folder, 'a.yaml')]);
  await writeFile(join(folder, 'a.yaml.tmp'), service('a', 82));
  await rename(join(folder, 'a.yaml.tmp'), join(folder, 'a.yaml'));
  await until(() => portOf('a') === 82);
  expect(names()).toEqual(['default/a']);
});

test('follows a mounted ConfigMap, whose folder is swapped by a symlink', async () => {
  await mkdir(join(folder, '..one'));
  await mkdir(join(folder, '..two'));
  await writeFile(join(folder, '..one', 'a.yaml'), service('a', 1));
  await writeFile(join(folder, '..two', 'a.yaml'), service('a', 2));
  await symlink('..one', join(folder, '..data'));
  await symlink('..data/a.yaml', join(folder, 'a.yaml'));
  await follow([folder]);
  expect(portOf('a')).toBe(1);
  await symlink('..two', join(folder, '..data_tmp'));
  await rename(join(folder, '..data_tmp'), join(folder, '..data'));
  await until(() => portOf('a') === 2);
});

test('a change without notice is found by polling', async () => {
  const elsewhere = await mkdtemp(join(tmpdir(), 'serin-elsewhere-'));
  try {
    await writeFile(join(elsewhere, 'a.yaml'), service('a', 1));
    await symlink(join(elsewhere, 'a.yaml'), join(folder, 'a.yaml'));
    await follow([folder], 20);
    await writeFile(join(elsewhere, 'a.yaml'), service('a', 2));
    await until(() => portOf('a') === 2);
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});

test('a file that stops being YAML keeps its objects and names file and line', async () => {
  const file = join(folder, 'a.yaml');
  await writeFile(file, service('a'));
  await writeFile(join(folder, 'b.yaml'), service('b'));
  await follow([folder]);
  await writeFile(file, `${service('a', 99)}broken: [\n`);
  await until(() => findings.length === 1);
  expect(portOf('a')).toBe(80);
  expect(printFinding(findings[0]!)).toMatch(
    /^UnreadableFile File .*a\.yaml: line \d+: is not YAML: .*; what it held before is served$/,
  );
  await writeFile(join(folder, 'b.yaml'), service('b', 81));
  await until(() => portOf('b') === 81);
  await writeFile(file, service('a', 83));
  await until(() => portOf('a') === 83 && findings.length === 0);
});

test('a symlink to a folder above ends there', async () => {
  await mkdir(join(folder, 'deep'));
  await symlink('..', join(folder, 'deep', 'up'));
  await writeFile(join(folder, 'deep', 'a.yaml'), service('a'));
  await follow([folder]);
  expect(names()).toEqual(['default/a']);
  expect(findings).toEqual([]);
});

test('a path that is not there is a finding, and is read when it comes', async () => {
  const path = join(folder, 'later');
  await follow([path], 20);
  expect(findings.map(printFinding)).toEqual([
    `UnreadableFile File ${path}: does not exist; nothing is served from it`,
  ]);
  await mkdir(path);
  await writeFile(join(path, 'a.yaml'), service('a'));
  await until(() => names().length === 1 && findings.length === 0);
});

test('the first of two objects with one name counts', async () => {
  await writeFile(join(folder, 'a.yaml'), service('a', 1));
  await writeFile(join(folder, 'b.yaml'), service('a', 2));
  await follow([folder]);
  expect(portOf('a')).toBe(1);
  expect(findings[0]).toMatchObject({ reason: 'DuplicateObject', value: 'Service default/a' });
});

test('files that do not change keep their objects identical', async () => {
  await writeFile(join(folder, 'a.yaml'), service('a'));
  await writeFile(join(folder, 'b.yaml'), service('b'));
  await follow([folder]);
  const before = store.get('Service', { namespace: 'default', name: 'a' });
  await writeFile(join(folder, 'b.yaml'), service('b', 81));
  await until(() => portOf('b') === 81);
  expect(store.get('Service', { namespace: 'default', name: 'a' })).toBe(before);
});
