import { describe, expect, test } from 'vitest';
import { encodeHead, encodePointer, writeMmdb, type MmdbDraft } from '../../test/fixtures/mmdb-writer.ts';
import { openMmdb, valueAt, type Mmdb } from './mmdb.ts';

function open(bytes: Buffer): Mmdb {
  const read = openMmdb(bytes);
  if (!read.ok) throw new Error(read.problem);
  return read.database;
}

const NETWORKS: MmdbDraft['networks'] = {
  '192.0.2.0/24': { name: 'documentation', number: 7, list: [1, { deep: 'down' }], yes: true, half: 0.5 },
  '198.51.100.128/25': { name: 'upper half', big: 2n ** 40n, text: 'é' },
};

for (const recordBits of [24, 28, 32] as const) {
  for (const ipVersion of [4, 6] as const) {
    test(`values by address, IP version ${ipVersion}, records of ${recordBits} bits`, () => {
      const database = open(writeMmdb({ networks: NETWORKS, recordBits, ipVersion }));
      const first = database.find('192.0.2.77');
      expect(valueAt(first, ['name'])).toBe('documentation');
      expect(valueAt(first, ['number'])).toBe(7);
      expect(valueAt(first, ['list', 0])).toBe(1);
      expect(valueAt(first, ['list', 1, 'deep'])).toBe('down');
      expect(valueAt(first, ['list', 2])).toBeUndefined();
      expect(valueAt(first, ['list', 'length'])).toBe(2);
      expect(valueAt(first, ['list'])).toBeUndefined();
      expect(valueAt(first, ['yes'])).toBe(true);
      expect(valueAt(first, ['half'])).toBe(0.5);
      expect(valueAt(first, ['name', 'x'])).toBeUndefined();
      expect(valueAt(first, ['constructor', 'name'])).toBeUndefined();
      const second = database.find('198.51.100.200');
      expect(valueAt(second, ['big'])).toBe(2n ** 40n);
      expect(valueAt(second, ['text'])).toBe('\u00c3\u00a9');
      for (const absent of ['198.51.100.1', '203.0.113.1', '2001:db8::1', '', 'unix:', 'fe80::1%eth0'])
        expect(database.find(absent)).toBeUndefined();
      expect(valueAt(undefined, ['name'])).toBeUndefined();
    });
  }
}

test('a text that is too long for a line of a log is none', () => {
  const networks = { '192.0.2.0/24': { long: 'x'.repeat(1025), whole: 'x'.repeat(1024) } };
  const record = open(writeMmdb({ networks })).find('192.0.2.1');
  expect(valueAt(record, ['long'])).toBeUndefined();
  expect(valueAt(record, ['whole'])).toHaveLength(1024);
});

test('IPv6 networks', () => {
  const database = open(writeMmdb({ networks: { '2001:db8::/32': { name: 'six' }, ...NETWORKS } }));
  expect(valueAt(database.find('2001:db8::1'), ['name'])).toBe('six');
  expect(valueAt(database.find('192.0.2.1'), ['name'])).toBe('documentation');
});

test('a database in memory that threads share', () => {
  const file = writeMmdb({ networks: NETWORKS });
  const bytes = Buffer.from(new SharedArrayBuffer(file.length));
  file.copy(bytes);
  expect(valueAt(open(bytes).find('192.0.2.1'), ['name'])).toBe('documentation');
});

describe('malformed files', () => {
  const whole = writeMmdb({ networks: NETWORKS });
  const cases: readonly (readonly [name: string, bytes: Buffer])[] = [
    ['nothing', Buffer.alloc(0)],
    ['something else', Buffer.from('<html>')],
    ['cut off within its metadata', whole.subarray(0, -20)],
    [
      'a tree that is longer than the file',
      writeMmdb({ networks: NETWORKS, metadata: { node_count: 1_000_000 } }),
    ],
    ['another record size', writeMmdb({ networks: {}, metadata: { record_size: 20 } })],
    ['another format', writeMmdb({ networks: {}, metadata: { binary_format_major_version: 3 } })],
    ['another IP version', writeMmdb({ networks: {}, metadata: { ip_version: 5 } })],
    ['metadata without a count', writeMmdb({ networks: {}, metadata: { node_count: 'x' } })],
  ];
  for (const [name, bytes] of cases) {
    test(name, () => expect(openMmdb(bytes)).toEqual({ ok: false, problem: expect.stringMatching(/./) }));
  }

  test('a record that leads to itself, or out of the file, is none', () => {
    for (const data of [encodePointer(0), encodeHead(2, 16_000_000)]) {
      const database = open(writeMmdb({ networks: { '192.0.2.0/24': 0 }, data }));
      expect(valueAt(database.find('192.0.2.1'), ['name'])).toBeUndefined();
    }
  });
});
