import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeMmdb } from '../../../test/fixtures/mmdb-writer.ts';
import type { GeoFile } from '../store/geo-file.ts';
import { createGeoWatcher } from './geo-watcher.ts';
import { geoFilesOnDisk } from './read-geo-file.ts';

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'serin-geo-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const whole = (code: string) => writeMmdb({ networks: { '192.0.2.0/24': { code } } });

function write(bytes: Buffer, edition = 'GeoLite2-City'): void {
  writeFileSync(join(directory, 'new'), bytes);
  renameSync(join(directory, 'new'), join(directory, `${edition}.mmdb`));
}

function follow() {
  const told: (readonly [edition: string, file: GeoFile | undefined])[] = [];
  const due: (() => void)[] = [];
  let reads = 0;
  let looked = Promise.withResolvers<void>();
  const watcher = createGeoWatcher({
    directory,
    changed: (edition, file) => void told.push([edition, file]),
    files: { ...geoFilesOnDisk, read: (path) => (reads++, geoFilesOnDisk.read(path)) },
    schedule: (callback) => {
      due.push(callback);
      looked.resolve();
      return () => void due.splice(due.indexOf(callback), 1);
    },
  });
  return {
    watcher,
    told,
    due,
    reads: () => reads,
    file: () => told.at(-1)![1]!,
    async lookAgain() {
      looked = Promise.withResolvers<void>();
      for (const look of due.splice(0)) look();
      await looked.promise;
    },
  };
}

test('a file is read once, and anew when it is another one', async () => {
  write(whole('A'));
  const { watcher, told, lookAgain, reads, file } = follow();
  await watcher.watch(['GeoLite2-City']);
  expect(told.map(([edition]) => edition)).toEqual(['GeoLite2-City']);
  const first = file().database!;
  expect(Buffer.from(first.bytes)).toEqual(whole('A'));
  await lookAgain();
  expect(reads()).toBe(1);
  write(whole('B'));
  await lookAgain();
  expect(Buffer.from(file().database!.bytes)).toEqual(whole('B'));
  expect(file().database!.version).not.toBe(first.version);
  expect(reads()).toBe(2);
});

test('a file that is not there, or not whole, leaves what was read before', async () => {
  const { watcher, lookAgain, file } = follow();
  await watcher.watch(['GeoLite2-City']);
  expect(file()).toEqual({ database: undefined, problem: 'cannot be read (ENOENT)' });
  write(whole('A'));
  await lookAgain();
  const good = file();
  expect(good.problem).toBe('');
  write(whole('A').subarray(0, -30));
  await lookAgain();
  expect(file().database).toBe(good.database);
  expect(file().problem).toMatch(/^is malformed: /);
  write(whole('A').subarray(500));
  await lookAgain();
  expect(file()).toEqual({ database: good.database, problem: 'is malformed: it is shorter than its tree' });
  rmSync(join(directory, 'GeoLite2-City.mmdb'));
  await lookAgain();
  expect(file()).toEqual({ database: good.database, problem: 'cannot be read (ENOENT)' });
});

test('what is not asked for any more is forgotten, and not looked at', async () => {
  write(whole('A'));
  const { watcher, told, due } = follow();
  await watcher.watch(['GeoLite2-City']);
  await watcher.watch([]);
  expect(told.at(-1)).toEqual(['GeoLite2-City', undefined]);
  expect(due).toEqual([]);
  watcher.stop();
});

test('a folder in place of a file is told', async () => {
  const { watcher, file } = follow();
  const { problem } = await geoFilesOnDisk.read(directory).then((read) => ({ problem: '', ...read }));
  expect(problem).toBe('is no file');
  await watcher.watch(['GeoLite2-ASN']);
  expect(file().database).toBeUndefined();
});
