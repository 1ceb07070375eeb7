import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KNOWN_ANNOTATIONS } from '../controller/translate/known-annotations.ts';
import { renderAnnotationsDoc } from './docs.ts';
import type { Feature } from './kit/feature.ts';
import { features } from './registry.ts';

const DOC = new URL('../../docs/annotations.md', import.meta.url);

test('docs/annotations.md is what the features say', () => {
  const text = renderAnnotationsDoc(features, KNOWN_ANNOTATIONS);
  if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(DOC, text);
  expect(readFileSync(DOC, 'utf8')).toBe(text);
});

test('every annotation stands in the page once', () => {
  const rows = [...renderAnnotationsDoc(features, KNOWN_ANNOTATIONS).matchAll(/^\| `([a-z0-9-]+)`/gm)].map(
    ([, name]) => name!,
  );
  expect(rows.filter((name, index) => rows.indexOf(name) !== index)).toEqual([]);
  const aliases = features.flatMap(({ annotations }) =>
    Object.values(annotations as Feature['annotations']).flatMap(({ aliases: names = [] }) => names),
  );
  expect(rows).toEqual(
    expect.arrayContaining([...KNOWN_ANNOTATIONS.keys()].filter((name) => !aliases.includes(name))),
  );
});

test('no annotation belongs to two features', () => {
  const names = features.flatMap(({ annotations }) => Object.keys(annotations as object));
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});

test('defaults stand there as they are written in a manifest', () => {
  const text = renderAnnotationsDoc(features, KNOWN_ANNOTATIONS);
  expect(text).toMatch(/`proxy-connect-timeout` .*else `5`/);
  expect(text).toMatch(/`proxy-body-size` .*else `1m`/);
  expect(text).toMatch(/`proxy-request-buffering` .*else `on`/);
});
