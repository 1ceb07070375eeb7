import { describe, expect, test } from 'vitest';
import { RingHash } from './ring-hash.ts';

/** CRC-32 bit by bit, without the last inversion. */
function crcState(state: number, bytes: Iterable<number>): number {
  let crc = state;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return crc >>> 0;
}

const utf8 = (text: string) => new TextEncoder().encode(text);

/** The published algorithm of lua-resty-chash, in its plainest form. */
function findPlainly(names: readonly string[], key: string): string {
  const hash = ~crcState(0xffffffff, utf8(key)) >>> 0;
  let best: { point: number; name: string } | undefined;
  let first: { point: number; name: string } | undefined;
  for (const name of names) {
    const base = crcState(0xffffffff, utf8(name));
    let point = 0;
    for (let i = 0; i < 160; i++) {
      point = ~crcState(base, [point & 255, (point >>> 8) & 255, (point >>> 16) & 255, point >>> 24]) >>> 0;
      if (point >= hash && (best === undefined || point < best.point)) best = { point, name };
      if (first === undefined || point < first.point) first = { point, name };
    }
  }
  return (best ?? first!).name;
}

const PODS = ['10.244.0.5:8080', '10.244.0.6:8080', '10.244.1.7:8080', '[fd00::1]:8080'];
const keys = Array.from({ length: 300 }, (_, i) => `1795440332.${i}.10520.${(i * 7919) % 1_000_000}`);

describe('a ring', () => {
  test('shares keys as the suite of lua-resty-chash records it', () => {
    const ring = new RingHash(['server1', 'server2', 'server3'], [10, 2, 1]);
    const counts = [0, 0, 0];
    for (let i = 1; i <= 100_000; i++) counts[ring.find(String(i))]!++;
    expect(counts).toEqual([77_075, 14_743, 8_182]);
  });

  test('finds what the published algorithm finds', () => {
    const ring = new RingHash(PODS);
    for (const key of keys) expect([key, PODS[ring.find(key)]]).toEqual([key, findPlainly(PODS, key)]);
  });

  test('does not depend on the order of the list', () => {
    const ring = new RingHash(PODS);
    const reversed = PODS.toReversed();
    const other = new RingHash(reversed);
    for (const key of keys) expect(reversed[other.find(key)]).toBe(PODS[ring.find(key)]);
  });

  test('moves only the keys of a member that leaves', () => {
    const ring = new RingHash(PODS);
    const fewer = new RingHash(PODS.slice(1));
    for (const key of keys) {
      const before = PODS[ring.find(key)]!;
      if (before !== PODS[0]) expect(PODS[fewer.find(key) + 1]).toBe(before);
      else expect(ring.findWhere(key, (member) => member !== 0)).toBe(fewer.find(key) + 1);
    }
  });

  test('without members finds none', () => {
    expect(new RingHash([]).find('a')).toBe(-1);
    expect(new RingHash(PODS).findWhere('a', () => false)).toBe(-1);
  });
});
