import { crc32 } from 'node:zlib';

/** Points of a member of weight 1. */
const POINTS_PER_WEIGHT = 160;

/**
 * A consistent-hash ring with the points of nginx and of lua-resty-chash, so that a key finds the same member as in ingress-nginx: the
 * CRC-32 of the member's name, continued over the member's previous point (little-endian; 0 before the first). A key belongs to the first point
 * at or above its CRC-32, else to the first of all.
 */
export class RingHash {
  /** Member names' indexes, by point. */
  readonly #owners: Uint32Array;
  readonly #points: Uint32Array;

  /** Names must be distinct; weights are positive integers, all 1 when left out. */
  constructor(names: readonly string[], weights?: readonly number[]) {
    const pairs: { readonly point: number; readonly owner: number }[] = [];
    const previous = Buffer.alloc(4);
    for (let owner = 0; owner < names.length; owner++) {
      const base = crc32(names[owner]!);
      const count = (weights?.[owner] ?? 1) * POINTS_PER_WEIGHT;
      previous.fill(0);
      for (let i = 0; i < count; i++) {
        const point = crc32(previous, base);
        pairs.push({ point, owner });
        previous.writeUInt32LE(point);
      }
    }
    // Equal points go by name, so that the order of the list says nothing.
    pairs.sort((a, b) => a.point - b.point || (names[a.owner]! < names[b.owner]! ? -1 : 1));
    this.#points = Uint32Array.from(pairs, ({ point }) => point);
    this.#owners = Uint32Array.from(pairs, ({ owner }) => owner);
  }

  /** Index of the member that a key belongs to; -1 when there are none. */
  find(key: string): number {
    if (this.#points.length === 0) return -1;
    return this.#owners[this.#positionOf(key)]!;
  }

  /** Index of the first member, from the key's own on around the ring, that `isWanted`; -1 when none is. */
  findWhere(key: string, isWanted: (member: number) => boolean): number {
    const { length } = this.#points;
    if (length === 0) return -1;
    const start = this.#positionOf(key);
    const refused = new Set<number>();
    for (let i = 0; i < length; i++) {
      const owner = this.#owners[(start + i) % length]!;
      if (refused.has(owner)) continue;
      if (isWanted(owner)) return owner;
      refused.add(owner);
    }
    return -1;
  }

  #positionOf(key: string): number {
    const points = this.#points;
    const hash = crc32(key);
    let low = 0;
    let high = points.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (points[middle]! < hash) low = middle + 1;
      else high = middle;
    }
    return low === points.length ? 0 : low;
  }
}
