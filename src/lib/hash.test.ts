import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalText, digestOf } from './hash.ts';

describe('digestOf', () => {
  const plain = fc.jsonValue();

  test('does not depend on the order of keys, nor on undefined members', () => {
    const shuffled = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(shuffled)
        : value !== null && typeof value === 'object'
          ? Object.fromEntries([
              ...Object.entries(value)
                .toReversed()
                .map(([key, member]) => [key, shuffled(member)]),
              ['\u{10ffff}absent', undefined],
            ])
          : value;
    fc.assert(fc.property(plain, (value) => digestOf(shuffled(value)) === digestOf(value)));
  });

  test('tells different data apart', () => {
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        fc.pre(canonicalText(a) !== canonicalText(b));
        expect(digestOf(a)).not.toBe(digestOf(b));
      }),
    );
    expect(digestOf(['a', 'b'])).not.toBe(digestOf(['ab']));
    expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: '1' }));
    expect(digestOf(undefined)).toBe(digestOf(null));
  });

  test('refuses what is not plain data', () => {
    expect(() => digestOf(new Map())).toThrow('a Map is not plain data');
    expect(() => digestOf({ f: () => 1 })).toThrow('a function is not plain data');
  });
});
