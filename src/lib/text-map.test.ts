import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TextMap } from './text-map.ts';

describe('TextMap', () => {
  test('is empty at first', () => {
    const map = new TextMap<number>();
    expect(map.size).toBe(0);
    expect(map.get('')).toBeUndefined();
    expect(map.has('a')).toBe(false);
  });

  test('a later value takes the place of an earlier one', () => {
    const map = new TextMap([
      ['a', 1],
      ['a', 2],
    ]);
    expect(map.get('a')).toBe(2);
    expect(map.size).toBe(1);
  });

  test('texts with equal hashes are told apart', () => {
    // Of FNV-1a's known pairs.
    const map = new TextMap([['costarring', 1]]);
    expect(map.get('liquid')).toBeUndefined();
    map.set('liquid', 2);
    expect([map.get('costarring'), map.get('liquid')]).toEqual([1, 2]);
  });

  test('is what a Map is', () => {
    const text = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('__proto__', 'constructor', ''));
    fc.assert(
      fc.property(
        fc.array(fc.tuple(text, fc.nat()), { maxLength: 300 }),
        fc.array(text),
        (entries, asked) => {
          const want = new Map(entries);
          const map = new TextMap(entries);
          expect(map.size).toBe(want.size);
          for (const key of [...want.keys(), ...asked]) {
            expect(map.get(key)).toBe(want.get(key));
            expect(map.has(key)).toBe(want.has(key));
          }
        },
      ),
    );
  });
});
