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

  test('a copy and what it was made from each go their own way', () => {
    const step = fc.tuple(
      fc.boolean(),
      fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      fc.option(fc.nat(), { nil: undefined }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat({ max: 30 }), (steps, copiedAfter) => {
        const want = [new Map<string, number>(), new Map<string, number>()];
        const maps = [new TextMap<number>(), new TextMap<number>()];
        for (const [at, [isSecond, text, value]] of steps.entries()) {
          if (at === copiedAfter) {
            maps[1] = maps[0]!.copy();
            want[1] = new Map(want[0]);
          }
          const which = isSecond ? 1 : 0;
          if (value === undefined) {
            maps[which]!.delete(text);
            want[which]!.delete(text);
          } else {
            maps[which]!.set(text, value);
            want[which]!.set(text, value);
          }
        }
        for (const which of [0, 1]) {
          expect(maps[which]!.size).toBe(want[which]!.size);
          for (const text of 'abcdef') expect(maps[which]!.get(text)).toBe(want[which]!.get(text));
        }
      }),
    );
  });

  test('hundreds of texts that came and went leave nothing behind in the copies', () => {
    let map = new TextMap<number>();
    map.set('stays', 1);
    for (let i = 0; i < 1_000; i++) {
      map = map.copy();
      map.set(`goes ${i}`, i);
      map.delete(`goes ${i}`);
    }
    expect(map.get('stays')).toBe(1);
    expect(map.size).toBe(1);
    expect(map.get('goes 999')).toBeUndefined();
  });
});
