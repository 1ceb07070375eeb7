import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encode,
  encodeHead,
  encodePointer,
  writeMmdb,
  type MmdbDraft,
} from '../../test/fixtures/mmdb-writer.ts';
import { addressBytes } from './address-text.ts';
import { openMmdb, type Mmdb } from './mmdb.ts';

function open(bytes: Buffer): Mmdb {
  const read = openMmdb(bytes);
  if (!read.ok) throw new Error(read.problem);
  return read.database;
}

const find = (database: Mmdb, address: string): number => database.find(addressBytes(address));

const NETWORKS: MmdbDraft['networks'] = {
  '192.0.2.0/24': { name: 'documentation', number: 7, list: [1, { deep: 'down' }], yes: true, half: 0.5 },
  '198.51.100.128/25': { name: 'upper half', big: 2n ** 40n, text: 'é' },
};

for (const recordBits of [24, 28, 32] as const) {
  for (const ipVersion of [4, 6] as const) {
    test(`values by address, IP version ${ipVersion}, records of ${recordBits} bits`, () => {
      const database = open(writeMmdb({ networks: NETWORKS, recordBits, ipVersion }));
      const first = find(database, '192.0.2.77');
      expect(database.read(first, ['name'])).toBe('documentation');
      expect(database.read(first, ['number'])).toBe(7);
      expect(database.read(first, ['list', 0])).toBe(1);
      expect(database.read(first, ['list', 1, 'deep'])).toBe('down');
      expect(database.read(first, ['list', 2])).toBeUndefined();
      expect(database.read(first, ['list'])).toBeUndefined();
      expect(database.read(first, ['yes'])).toBe(true);
      expect(database.read(first, ['half'])).toBe(0.5);
      expect(database.read(first, ['name', 'x'])).toBeUndefined();
      const second = find(database, '198.51.100.200');
      expect(database.read(second, ['big'])).toBe(2n ** 40n);
      expect(database.read(second, ['text'])).toBe('\u00c3\u00a9');
      for (const absent of ['198.51.100.1', '203.0.113.1', '2001:db8::1'])
        expect(find(database, absent)).toBe(-1);
      expect(database.read(-1, ['name'])).toBeUndefined();
      expect(database.brokenNode(0, database.nodeCount)).toBeUndefined();
    });
  }
}

test('IPv6 networks', () => {
  const database = open(writeMmdb({ networks: { '2001:db8::/32': { name: 'six' }, ...NETWORKS } }));
  expect(database.read(find(database, '2001:db8::1'), ['name'])).toBe('six');
  expect(database.read(find(database, '192.0.2.1'), ['name'])).toBe('documentation');
});

test('pointers are followed for keys and for values, and stepped over', () => {
  const shared = Buffer.concat([encode('first'), encode('second')]);
  const record = Buffer.concat([
    encodeHead(7, 2),
    ...[encodePointer(0), encodePointer(0)],
    ...[encodePointer(encode('first').length), encode('end')],
  ]);
  const database = open(
    writeMmdb({ networks: { '192.0.2.0/24': shared.length }, data: Buffer.concat([shared, record]) }),
  );
  const found = find(database, '192.0.2.1');
  expect(database.read(found, ['first'])).toBe('first');
  expect(database.read(found, ['second'])).toBe('end');
});

describe('malformed files', () => {
  const whole = writeMmdb({ networks: NETWORKS });
  const cases: readonly (readonly [name: string, bytes: Buffer, problem: string])[] = [
    ['nothing', Buffer.alloc(0), 'it is no database of MaxMind’s format'],
    ['something else', Buffer.from('<html>'), 'it is no database of MaxMind’s format'],
    ['cut off within its metadata', whole.subarray(0, -20), 'a text ends behind the file'],
    [
      'a tree that is longer than the file',
      writeMmdb({ networks: NETWORKS, metadata: { node_count: 1_000_000 } }),
      'it is shorter than its tree',
    ],
    ['another record size', writeMmdb({ networks: {}, metadata: { record_size: 20 } }), 'records of 20 bits'],
    [
      'another format',
      writeMmdb({ networks: {}, metadata: { binary_format_major_version: 3 } }),
      'it is of format 3, not 2',
    ],
    [
      'metadata without a count',
      writeMmdb({ networks: {}, metadata: { node_count: 'x' } }),
      'its metadata has no node_count',
    ],
  ];
  for (const [name, bytes, problem] of cases) {
    test(name, () => expect(openMmdb(bytes)).toEqual({ ok: false, problem }));
  }

  test('a tree that leads out of the file is found, and finds nothing', () => {
    const bytes = writeMmdb({
      networks: { '128.0.0.0/1': 0 },
      ipVersion: 4,
      recordBits: 24,
      data: Buffer.alloc(0),
    });
    bytes.writeUIntBE(0xff_ffff, 3, 3);
    const database = open(bytes);
    expect(database.brokenNode(0, 10)).toBe(0);
    expect(find(database, '192.0.2.1')).toBe(-1);
  });

  const bombs: readonly (readonly [name: string, data: Buffer])[] = [
    ['a pointer to itself', encodePointer(0)],
    ['a map of 16 million', Buffer.concat([encodeHead(7, 16_000_000), Buffer.alloc(100_000, 0x40)])],
    ['lists in lists', Buffer.concat(Array.from({ length: 50_000 }, () => encodeHead(11, 16_000_000)))],
    [
      'maps whose values lead to maps whose values lead to them',
      Buffer.concat([encodeHead(7, 2), encode('a'), encodePointer(0), encode('b'), encodePointer(0)]),
    ],
    ['a text that is longer than the file', encodeHead(2, 16_000_000)],
  ];
  for (const [name, data] of bombs) {
    test(`a record that is ${name} has no value, after a bounded number of steps`, () => {
      const database = open(writeMmdb({ networks: { '192.0.2.0/24': 0 }, data }));
      const record = find(database, '192.0.2.1');
      expect(record).toBeGreaterThan(0);
      expect(database.read(record, ['x', 'y'])).toBeUndefined();
      expect(database.read(record, [0])).toBeUndefined();
      expect(database.read(record, [])).toBeUndefined();
      const deep = Array.from({ length: 100 }, () => 'b');
      expect(database.read(record, deep)).toBeUndefined();
    });
  }

  test('whatever bytes are changed, nothing is thrown', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (changes) => {
          const bytes = Buffer.from(whole);
          for (const [at, byte] of changes) bytes[at] = byte;
          const read = openMmdb(bytes);
          if (!read.ok) return;
          read.database.brokenNode(0, Math.min(read.database.nodeCount, 1000));
          for (const address of ['192.0.2.1', '198.51.100.200', '2001:db8::1'])
            for (const path of [['name'], ['list', 1, 'deep'], ['big']])
              read.database.read(find(read.database, address), path);
        },
      ),
    );
  });
});
