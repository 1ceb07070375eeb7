import { expect, test } from 'vitest';
import { unknownVariables, UPSTREAM_LOG_FORMAT } from '../../src/observe/log-format.ts';
import { DEFAULT_LOG_FORMAT } from '../../src/table/settings.ts';

// Written down on both sides of an arrow that must not be there; the formatter is fast for exactly this text.
test('the default setting is the format that is written by hand', () => {
  expect(DEFAULT_LOG_FORMAT).toBe(UPSTREAM_LOG_FORMAT);
  expect(unknownVariables(DEFAULT_LOG_FORMAT)).toEqual([]);
});
