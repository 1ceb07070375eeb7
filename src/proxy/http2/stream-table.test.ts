import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldList } from './field-list.ts';
import { Stream } from './stream.ts';
import { StreamTable } from './stream-table.ts';
import { LIMITS } from './testing.ts';

const nothing = (): void => {};
const home = {
  now: () => 0,
  sendBytes: nothing,
  endStream: nothing,
  resetStream: nothing,
  resumeStream: nothing,
  releaseStream: nothing,
};
const fields = new FieldList(LIMITS, { markSecret: nothing });

function streamOf(id: number): Stream {
  const stream = new Stream(home, fields);
  stream.begin(home, id, 0, 0);
  return stream;
}

test('streams are found by their numbers, whatever came and went before, as in a Map', () => {
  // Numbers close together, and numbers that all have the same place.
  const id = fc.oneof(
    fc.integer({ min: 0, max: 60 }),
    fc.integer({ min: 0, max: 40 }).map((n) => n << 12),
  );
  const step = fc.record({ id: id.map((n) => 2 * n + 1), isThere: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = new StreamTable(10, []);
      const model = new Map<number, Stream>();
      for (const { id: number, isThere } of steps) {
        if (isThere && !model.has(number)) {
          const stream = streamOf(number);
          model.set(number, stream);
          table.add(stream);
        } else if (!isThere) {
          model.delete(number);
          table.delete(number);
        }
        expect(table.size).toBe(model.size);
        expect(table.get(number)).toBe(model.get(number));
      }
      for (const [number, stream] of model) expect(table.get(number)).toBe(stream);
      expect(new Set(table.values())).toEqual(new Set(model.values()));
      if (model.size === 0) table.shrink();
      expect(table.get(1)).toBe(model.get(1));
    }),
  );
});

test('the highest number that a stream may have has a place', () => {
  const table = new StreamTable(10, []);
  const last = streamOf(0x7f_ff_ff_ff);
  table.add(last);
  expect(table.get(0x7f_ff_ff_ff)).toBe(last);
  table.delete(0x7f_ff_ff_ff);
  expect([table.size, table.get(0x7f_ff_ff_ff)]).toEqual([0, undefined]);
});

test('one that ends while all are gone through is not come to', () => {
  const table = new StreamTable(10, []);
  for (const id of [1, 3, 5]) table.add(streamOf(id));
  const seen: number[] = [];
  for (const stream of table.values()) {
    seen.push(stream.id);
    if (stream.id !== 1) continue;
    table.get(3)!.isActive = false;
    table.delete(3);
  }
  expect(seen).toEqual([1, 5]);
});

test('a table that was let go of takes streams again', () => {
  const table = new StreamTable(10, []);
  for (let id = 1; id < 200; id += 2) table.add(streamOf(id));
  table.shrink();
  expect(table.get(199)!.id).toBe(199);
  for (let id = 1; id < 200; id += 2) table.delete(id);
  table.shrink();
  expect(table.get(1)).toBe(undefined);
  table.add(streamOf(201));
  expect(table.get(201)!.id).toBe(201);
});
