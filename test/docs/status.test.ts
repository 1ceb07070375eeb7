import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { judgeNames, renderStatusDoc, type JudgedName } from '../../src/cli/status-doc.ts';
import type { Feature } from '../../src/features/kit/feature.ts';
import { features } from '../../src/features/registry.ts';
import { ALIASES, ANNOTATIONS, CONFIGMAP_KEYS, CONTROLLER_FLAGS } from '../fixtures/ingress-nginx-names.ts';

const DOC = new URL('../../docs/status.md', import.meta.url);
const names = { annotations: ANNOTATIONS, keys: CONFIGMAP_KEYS, flags: CONTROLLER_FLAGS };
const judged = judgeNames(names, features as readonly Feature[]);

const countOf = (rows: readonly JudgedName[], ...wanted: JudgedName['status'][]) =>
  rows.filter(({ status }) => wanted.includes(status)).length;

test('docs/status.md is what the code says', () => {
  const text = renderStatusDoc(judged);
  if (process.env['UPDATE_DOCS'] !== undefined) writeFileSync(DOC, text);
  expect(readFileSync(DOC, 'utf8')).toBe(text);
});

test('all 136 annotations stand there, at least 120 of them honoured or taken with nothing to set', () => {
  expect(new Set(ANNOTATIONS).size).toBe(136);
  expect(countOf(judged.annotations, 'honoured', 'differs', 'inert', 'refused')).toBe(136);
  expect(countOf(judged.annotations, 'honoured', 'differs', 'inert')).toBeGreaterThanOrEqual(120);
});

describe('nothing of ingress-nginx is unknown', () => {
  for (const [kind, rows] of Object.entries(judged))
    test(kind, () =>
      expect(rows.filter(({ status }) => status === 'unknown').map(({ name }) => name)).toEqual([]),
    );
});

test('what is refused or has nothing to set says why', () => {
  const mute = Object.values(judged)
    .flat()
    .filter(({ status, note }) => status !== 'honoured' && note === '');
  expect(mute).toEqual([]);
});

test('older names are what the newer ones are', () => {
  const older = judgeNames({ annotations: ALIASES, keys: [], flags: [] }, features as readonly Feature[]);
  expect(older.annotations.map(({ status }) => status)).toEqual(['honoured', 'honoured']);
});

test('a name that no table has is told as unknown', () => {
  const { annotations, keys, flags } = judgeNames(
    { annotations: ['no-such'], keys: ['no-such'], flags: ['no-such'] },
    features as readonly Feature[],
  );
  expect([annotations, keys, flags].map(([row]) => row?.status)).toEqual(['unknown', 'unknown', 'unknown']);
});
