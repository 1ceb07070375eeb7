import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readManifest } from './read-manifest.ts';

const read = (bytes: Buffer | string, maxBytes?: number) =>
  readManifest(Readable.from([Buffer.from(bytes)]), 'f', '', maxBytes);
const HEAD = 'apiVersion: v1\nkind: Namespace\n';

test('what is no UTF-8 is not taken as other text, and its line is named', async () => {
  const latin1 = Buffer.concat([
    Buffer.from(`${HEAD}metadata: { name: caf`),
    Buffer.from([0xe9, 0x20, 0x7d]),
  ]);
  expect(await read(latin1)).toEqual({ ok: false, line: 3, problem: 'is not UTF-8' });
  expect(await read(Buffer.from(`\uFEFF${HEAD}`, 'utf16le'))).toMatchObject({ problem: 'is not UTF-8' });
});

test('UTF-8 is, with a byte order mark and cut anywhere', async () => {
  const bytes = Buffer.from(`\uFEFF${HEAD}metadata: { name: a, labels: { x: "é" } }\n`);
  const pieces = [...bytes].map((byte) => Buffer.from([byte]));
  const result = await readManifest(Readable.from(pieces), 'f', '');
  expect(result).toMatchObject({ ok: true, findings: [], objects: [{ object: { name: 'a' } }] });
});

test('what has no end is read no further than its bound', async () => {
  const result = await readManifest(createReadStream('/dev/zero'), 'f', '', 1_000_000);
  expect(result).toEqual({ ok: false, line: 1, problem: 'is larger than 1000000 bytes' });
});

test('what cannot be read says why', async () => {
  expect(await readManifest(createReadStream('/'), 'f', '')).toMatchObject({
    problem: 'cannot be read (EISDIR)',
  });
});
