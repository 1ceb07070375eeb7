import { describe, expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { loadBalance } from './load-balance.ts';

describe('load-balance', () => {
  const cases: [name: string, annotations: Record<string, string>, want: unknown][] = [
    ['nothing', {}, undefined],
    ['round robin is what is done anyway', { 'load-balance': 'round_robin' }, undefined],
    ['an algorithm', { 'load-balance': 'ewma' }, { algorithm: 'ewma' }],
    ['an empty hash expression is none', { 'upstream-hash-by': '' }, undefined],
    [
      'a hash',
      { 'upstream-hash-by': '$request_uri', 'upstream-hash-by-balance-factor': '125' },
      { algorithm: 'round_robin', hashBy: '$request_uri', loadFactor: 1.25 },
    ],
    [
      'a subset of a size that makes no sense is of 3',
      { 'upstream-hash-by': '$uri', 'upstream-hash-by-subset': 'true', 'upstream-hash-by-subset-size': '-2' },
      { algorithm: 'round_robin', hashBy: '$uri', subsetSize: 3 },
    ],
    ['a subset of nothing', { 'upstream-hash-by-subset': 'true' }, undefined],
    [
      'slow start and health',
      { 'load-balance-slow-start': '30', 'upstream-max-fails': '0', 'upstream-fail-timeout': '5' },
      { algorithm: 'round_robin', slowStartMs: 30_000, maxFails: 0, failTimeoutMs: 5_000 },
    ],
  ];
  for (const [name, annotations, want] of cases) {
    test(name, () =>
      expect(translateWith(loadBalance, annotations)).toEqual(
        expect.objectContaining({ policy: want, messages: [] }),
      ),
    );
  }

  for (const [key, value, problem] of [
    ['upstream-hash-by-balance-factor', '100', 'is not a percentage above 100'],
    ['upstream-max-fails', '-1', 'is below 0'],
    ['load-balance', 'best', 'is not one of'],
  ] as const) {
    test(`${key}: ${value} is refused`, () => {
      expect(loadBalance.annotations[key]!.parse(value)).toEqual({
        ok: false,
        problem: expect.stringContaining(problem),
      });
    });
  }
});
