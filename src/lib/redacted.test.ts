import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Redacted } from './redacted.ts';

test('no way of printing shows the text', () => {
  const secret = new Redacted('hunter2');
  const printed = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret }),
    inspect({ secret }, { showHidden: true }),
  ];
  expect(printed.filter((text) => text.includes('hunter2'))).toEqual([]);
  expect(secret.reveal()).toBe('hunter2');
});
