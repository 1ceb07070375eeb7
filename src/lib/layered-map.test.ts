import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LayeredMap } from './layered-map.ts';

const value = (number: number) => ({ number });

test('a map stays as it was when the next one is made from it', () => {
  const first = LayeredMap.of(new Map([['a', value(1)]]));
  const second = first.with(
    new Map([
      ['a', undefined],
      ['b', value(2)],
    ]),
  );
  expect([...first]).toEqual([['a', value(1)]]);
  expect([...second]).toEqual([['b', value(2)]]);
  expect(second.has('a')).toBe(false);
});

test('is what a map would be that is edited, over hundreds of changes', () => {
  const change = fc.tuple(fc.integer({ min: 0, max: 300 }), fc.option(fc.nat(), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 40 }), { maxLength: 30 }), (rounds) => {
      const plain = new Map<string, { number: number }>();
      let layered = LayeredMap.of<{ number: number }>(new Map());
      for (const round of rounds) {
        const changes = new Map<string, { number: number } | undefined>();
        for (const [key, number] of round) {
          const object = number === undefined ? undefined : value(number);
          changes.set(String(key), object);
          if (object === undefined) plain.delete(String(key));
          else plain.set(String(key), object);
        }
        layered = layered.with(changes);
      }
      expect(layered.size).toBe(plain.size);
      expect(new Map(layered)).toEqual(plain);
      for (const key of plain.keys()) expect(layered.get(key)).toBe(plain.get(key));
    }),
    { numRuns: 50 },
  );
});
