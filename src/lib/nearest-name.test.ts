import { expect, test } from 'vitest';
import { nearestName } from './nearest-name.ts';

const NAMES = ['rewrite-target', 'proxy-body-size', 'canary', 'use-regex'];

test.each([
  ['rewrite-taget', 'rewrite-target'],
  ['proxy-bodysize', 'proxy-body-size'],
  ['canery', 'canary'],
  ['something-else-entirely', undefined],
  ['x', undefined],
  ['', undefined],
  ['a'.repeat(100_000), undefined],
])('%.20s: %s', (written, nearest) => {
  expect(nearestName(written, NAMES)).toBe(nearest);
});
