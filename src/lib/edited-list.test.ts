import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  byText,
  createDerivedList,
  createJoin,
  createKeySet,
  createSelection,
  createSum,
  editsBetween,
  KeyedList,
  withEdits,
} from './edited-list.ts';

interface Item {
  readonly key: string;
  readonly value: number;
}

const byKey = byText(({ key }: Item) => key);
const a = { key: 'a', value: 1 };
const b = { key: 'b', value: 2 };
const c = { key: 'c', value: 3 };

test('a list knows what led to it from the one before, and from those before that', () => {
  const first = [a, c];
  const second = withEdits(first, [{ before: undefined, after: b }], byKey);
  const b2 = { key: 'b', value: 4 };
  const third = withEdits(
    second,
    [
      { before: b, after: b2 },
      { before: a, after: undefined },
    ],
    byKey,
  );
  expect([first, second, third]).toEqual([
    [a, c],
    [a, b, c],
    [b2, c],
  ]);
  expect(editsBetween(second, third)).toEqual([
    { before: b, after: b2 },
    { before: a, after: undefined },
  ]);
  expect(editsBetween(first, third)).toEqual([
    { before: undefined, after: b2 },
    { before: a, after: undefined },
  ]);
  expect(editsBetween(third, first)).toBeUndefined();
  expect(editsBetween(third, third)).toEqual([]);
  expect(editsBetween([b2, c], third)).toBeUndefined();
});

test('what came and went again is no edit, and a list without edits is the same one', () => {
  const first = [a];
  const second = withEdits(first, [{ before: undefined, after: b }], byKey);
  const third = withEdits(second, [{ before: b, after: undefined }], byKey);
  expect(editsBetween(first, third)).toEqual([]);
  expect(withEdits(third, [{ before: a, after: a }], byKey)).toBe(third);
});

test('a way that is long is not remembered', () => {
  const first: readonly Item[] = [a];
  let list = first;
  for (let value = 0; value < 20; value++)
    list = withEdits(list, [{ before: list[0], after: { key: 'a', value } }], byKey);
  expect(editsBetween(first, list)).toBeUndefined();
  const many = Array.from({ length: 300 }, (_, value) => ({ key: `x${value}`, value }));
  const long = withEdits(
    first,
    many.map((after) => ({ before: undefined, after })),
    byKey,
  );
  expect(long).toHaveLength(301);
  expect(editsBetween(first, long)).toBeUndefined();
});

test('whatever changes, a selection, a derivation, a sum and a join are those of the list as it is', () => {
  const item = fc.record({ key: fc.constantFrom('a', 'b', 'c', 'd', 'e'), value: fc.nat(3) });
  const op = fc.oneof(item, fc.constantFrom('a', 'b', 'c', 'd', 'e'));
  fc.assert(
    fc.property(fc.array(fc.array(op, { maxLength: 4 }), { maxLength: 12 }), (rounds) => {
      const keyed = new KeyedList<Item>(({ key }) => key);
      const current = new Map<string, Item>();
      const isOdd = ({ value }: Item) => value % 2 === 1;
      const select = createSelection(isOdd, byKey);
      const known = new Map<Item, Item>();
      const double = (one: Item): Item | undefined => {
        if (one.value === 0) return undefined;
        const made = known.get(one) ?? { key: one.key, value: one.value * 2 };
        known.set(one, made);
        return made;
      };
      const derive = createDerivedList(double, byKey);
      const sum = createSum<Item>(({ value }) => value);
      const keysOf = createKeySet<Item>(({ key }) => key);
      const join = createJoin<Item>();
      let joined: readonly Item[] = [];
      for (const [round, ops] of rounds.entries()) {
        for (const one of ops) {
          const key = typeof one === 'string' ? one : one.key;
          const next = typeof one === 'string' ? undefined : one;
          keyed.set(key, next);
          if (next === undefined) current.delete(key);
          else current.set(key, next);
        }
        const now = [...current.values()].toSorted(byKey);
        const list = keyed.list();
        expect(list).toEqual(now);
        // Looked at seldom, they go by several steps or by the whole.
        if (round % 3 !== 0) continue;
        expect(select(list)).toEqual(now.filter(isOdd));
        expect(derive(list)).toEqual(now.flatMap((each) => double(each) ?? []));
        expect(sum(list)).toBe(now.reduce((total, { value }) => total + value, 0));
        expect([...keysOf(list)].toSorted()).toEqual(now.map(({ key }) => key));
        const before = joined;
        joined = join(list, [c]);
        expect(joined).toEqual([...now, c]);
        for (const edit of editsBetween(before, joined) ?? []) {
          if (edit.before !== undefined) expect(before).toContain(edit.before);
          if (edit.after !== undefined) expect(joined).toContain(edit.after);
        }
      }
    }),
  );
});

test('a list that holds the same is the same', () => {
  const keyed = new KeyedList<Item>(({ key }) => key);
  for (const one of [b, a]) keyed.set(one.key, one);
  const list = keyed.list();
  expect(list).toEqual([a, b]);
  keyed.set('a', undefined);
  keyed.set('a', a);
  expect(keyed.list()).toBe(list);
});
