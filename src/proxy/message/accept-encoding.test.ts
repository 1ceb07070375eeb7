import { describe, expect, test } from 'vitest';
import { CodingChoice, preferredCoding } from './accept-encoding.ts';

describe('of br, zstd and gzip', () => {
  const cases: [value: string, want: string | undefined][] = [
    ['gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate, zstd', 'zstd'],
    ['GZIP', 'gzip'],
    ['br;q=0.5, gzip', 'gzip'],
    ['br;q=0.5, gzip;q=0.5', 'br'],
    ['gzip;q=0.5, br;q=0.5', 'br'],
    ['br;q=0, gzip;q=0.001', 'gzip'],
    ['br ; Q = 0.000 , gzip\t;\tq=1.000', 'gzip'],
    ['gzip;q=0', undefined],
    ['gzip;q=2', undefined],
    ['gzip;q=0.5555', undefined],
    ['gzip;q=x', undefined],
    ['gzip;level=9', undefined],
    ['*', undefined],
    ['identity', undefined],
    ['gzipped, xgzip, x-gzip', undefined],
    ['', undefined],
    [',,;,', undefined],
  ];
  for (const [value, want] of cases) {
    test(`"${value}" wants ${want ?? 'none'} most`, () =>
      expect(preferredCoding(['br', 'zstd', 'gzip'], value)).toBe(want));
  }
});

test('what is remembered is bounded, and right', () => {
  const choice = new CodingChoice(['gzip']);
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 200; i++) {
      expect(choice.of(`gzip, x${i}`)).toBe('gzip');
      expect(choice.of(`x${i}`)).toBeUndefined();
    }
  }
});
