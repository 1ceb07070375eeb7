import { describe, expect, test } from 'vitest';
import { parseGoCsv, parseGoDuration, parseGoFloat, parseGoInteger } from './go-values.ts';

// What Go's own strconv, time and encoding/csv said of each text.
describe('Go integers, base 0', () => {
  const cases: [text: string, want: number | undefined][] = [
    ['5', 5],
    ['+5', 5],
    ['-5', -5],
    ['0', 0],
    ['0x50', 80],
    ['0X50', 80],
    ['0o17', 15],
    ['017', 15],
    ['0_7', 7],
    ['0b101', 5],
    ['1_000', 1000],
    ['0x_50', 80],
    ['-0x10', -16],
    ['9223372036854775807', 2 ** 63],
    ['9223372036854775808', undefined],
    ['-9223372036854775809', undefined],
    ['_1', undefined],
    ['1__0', undefined],
    ['1_', undefined],
    ['08', undefined],
    ['0b2', undefined],
    ['0x', undefined],
    ['5s', undefined],
    ['5.0', undefined],
    ['1e3', undefined],
    [' 5', undefined],
    ['', undefined],
  ];
  for (const [text, want] of cases) test(`"${text}"`, () => expect(parseGoInteger(text)).toBe(want));
});

describe('Go floats', () => {
  const cases: [text: string, want: number | undefined][] = [
    ['0.5', 0.5],
    ['1e3', 1000],
    ['.5', 0.5],
    ['5.', 5],
    ['inf', Infinity],
    ['+Infinity', Infinity],
    ['nan', NaN],
    ['0x1p4', 16],
    ['0x1.8p1', 3],
    ['1_0.5', 10.5],
    ['-0.1', -0.1],
    ['', undefined],
    ['.', undefined],
    ['abc', undefined],
    ['1e400', undefined],
    ['0x10', undefined],
    [' 1', undefined],
  ];
  for (const [text, want] of cases) test(`"${text}"`, () => expect(parseGoFloat(text)).toBe(want));
});

describe('Go durations, in seconds', () => {
  const cases: [text: string, want: number | undefined][] = [
    ['90s', 90],
    ['1m30s', 90],
    ['1h2m', 3720],
    ['1.5h', 5400],
    ['100us', 1e-4],
    ['100\u00b5s', 1e-4],
    ['100\u03bcs', 1e-4],
    ['3ms', 0.003],
    ['10ns', 1e-8],
    ['-1s', -1],
    ['+1h', 3600],
    ['0', 0],
    ['+0', 0],
    ['-0', 0],
    ['.5s', 0.5],
    ['1.s', 1],
    ['.s', undefined],
    ['90', undefined],
    ['1d', undefined],
    ['1m30', undefined],
    ['1s ', undefined],
    ['1h-2m', undefined],
    ['1H', undefined],
    ['0x10s', undefined],
    ['3000000h', undefined],
    ['--', undefined],
    ['', undefined],
  ];
  for (const [text, want] of cases) {
    test(`"${text}"`, () =>
      want === undefined
        ? expect(parseGoDuration(text)).toBeUndefined()
        : expect(parseGoDuration(text)).toBeCloseTo(want, 12));
  }
});

describe('Go CSV lines', () => {
  const cases: [text: string, want: string[] | undefined][] = [
    ['a,b', ['a', 'b']],
    ['"a,b",c', ['a,b', 'c']],
    ['"a""b"', ['a"b']],
    [' a , b ', [' a ', ' b ']],
    ['a,', ['a', '']],
    ['"a', undefined],
    ['a"b', undefined],
  ];
  for (const [text, want] of cases) test(`"${text}"`, () => expect(parseGoCsv(text)).toEqual(want));
});
