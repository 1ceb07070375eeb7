import { expect, test } from 'vitest';
import type { Field } from './field.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import { KnownFields } from './known-fields.ts';

/** Where all blocks are read: what is remembered of one must not change with the next. */
const shared = Buffer.alloc(1024);

function literal(name: string, value: string, first: number): Buffer {
  return Buffer.from([first, name.length, ...Buffer.from(name), value.length, ...Buffer.from(value)]);
}

function read(known: KnownFields, block: Buffer): { field: Field; secret: string[] } {
  const fields: Field[] = [];
  const secret: string[] = [];
  shared.fill(0xff);
  block.copy(shared, 7);
  const isBlock = new HpackDecoder(known).decode(shared, 7, 7 + block.length, {
    isOpen: true,
    add: (field) => void fields.push(field),
    neverIndexed: (name) => void secret.push(name),
  });
  expect(isBlock).toBe(true);
  expect(fields).toHaveLength(1);
  return { field: fields[0]!, secret };
}

const PLAIN = 0x00;
const NEVER = 0x10;
const INDEXED = 0x40;

test('a literal that came twice is the same field from then on, on whatever connection', () => {
  const known = new KnownFields();
  const [first, second, third, fourth] = [PLAIN, INDEXED, PLAIN, INDEXED].map(
    (kind) => read(known, literal('x-kind', 'a value', kind)).field,
  );
  expect(second).not.toBe(first);
  expect(third).toBe(second);
  expect(fourth).toBe(second);
  expect(third).toMatchObject({ name: 'x-kind', value: 'a value', line: 'x-kind: a value\r\n' });
});

test('what has the same hash is told apart: values, names, and codings', () => {
  const known = new KnownFields();
  // 'A' * 31 + 'a' is 'B' * 31 + 'B'.
  const others = ['Aa', 'BB'].flatMap((value) =>
    ['x-a', 'x-b', 'accept', 'etag'].map((name) => [name, value] as const),
  );
  for (let round = 0; round < 5; round++) {
    for (const [name, value] of others) {
      for (let i = 0; i < 3; i++) {
        expect(read(known, literal(name, value, PLAIN)).field).toMatchObject({ name, value });
      }
    }
    // Huffman-coded, the octet 0x1f is an "a" (RFC 7541, appendix B).
    const coded = Buffer.from([PLAIN, 1, 0x78, 0x81, 0x1f]);
    const bare = Buffer.from([PLAIN, 1, 0x78, 0x01, 0x7e]);
    for (let i = 0; i < 3; i++) {
      expect(read(known, coded).field.value).toBe('a');
      expect(read(known, bare).field.value).toBe('~');
    }
  }
});

test('many names with the same value have places of their own', () => {
  const known = new KnownFields();
  const names = Array.from({ length: 100 }, (_, i) => `x-${i}`);
  const [, second, third] = [1, 2, 3].map(() =>
    names.map((name) => read(known, literal(name, 'v', PLAIN)).field),
  );
  const kept = third!.filter((field, i) => field === second![i]);
  expect(kept.length).toBeGreaterThan(80);
});

test('what a client keeps from tables, and what authorises it, is not kept', () => {
  const known = new KnownFields();
  for (const [name, kind] of [
    ['x-token', NEVER],
    ['cookie', PLAIN],
    ['authorization', INDEXED],
    ['proxy-authorization', PLAIN],
  ] as const) {
    const [, second, third] = [1, 2, 3].map(() => read(known, literal(name, 'abc', kind)));
    expect(third!.field, name).not.toBe(second!.field);
    expect(third!.secret).toEqual(kind === NEVER ? [name] : []);
  }
});

test('a bad value is bad each time', () => {
  const known = new KnownFields();
  for (let i = 0; i < 4; i++) {
    expect(read(known, literal('x-bad', 'a\rb', PLAIN)).field.flags).not.toBe(0);
    expect(read(known, literal('X-Bad', 'ab', PLAIN)).field.flags).not.toBe(0);
    expect(read(known, literal('x-good', 'ab', PLAIN)).field.flags).toBe(0);
  }
});

test('long ones have no place', () => {
  const known = new KnownFields();
  const long = 'a'.repeat(120);
  const name = 'x'.repeat(120);
  for (const [n, v] of [
    [name, long],
    [`${name}xxxxxxxxx`.slice(0, 126), `${long}aaaaaaaaa`.slice(0, 126)],
  ] as const) {
    const fields = [1, 2, 3].map(() => read(known, literal(n, v, PLAIN)).field);
    expect(fields[2]).toMatchObject({ name: n, value: v });
  }
  const block = Buffer.concat([Buffer.from([PLAIN, 1, 0x78, 0x7f, 129 - 127]), Buffer.alloc(129, 'a')]);
  const [, second, third] = [1, 2, 3].map(() => read(known, block).field);
  expect(third!.value).toHaveLength(129);
  expect(third).not.toBe(second);
});
