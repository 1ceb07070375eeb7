import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OLDEST_NODE, refuseNode } from './node-version.ts';

test('a Node that is too old is named, before something fails in a way that names nothing', () => {
  expect(refuseNode('v20.20.2')).toBe('Serin needs Node 24 or later; this is v20.20.2');
  expect(refuseNode('v24.0.0')).toBeUndefined();
  expect(refuseNode('v26.10.0')).toBeUndefined();
});

test('the package says the same', () => {
  const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    engines: { node: string };
  };
  expect(engines.node).toBe(`>=${OLDEST_NODE}`);
});
