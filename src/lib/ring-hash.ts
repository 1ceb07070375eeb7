import { crc32 } from 'node:zlib';

/** Points of a member of weight 1. */
const POINTS_PER_WEIGHT = 160;
const MAX_MEMBERS = 2 ** 20;

type Names = readonly string[];
type Weights = readonly number[];

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});

/** The CRC of a point's four bytes, low byte first, carried on from `base`. */
function nextPoint(base: number, point: number): number {
  let crc = base;
  crc = CRC_TABLE[(crc ^ point) & 255]! ^ (crc >>> 8);
  crc = CRC_TABLE[(crc ^ (point >>> 8)) & 255]! ^ (crc >>> 8);
  crc = CRC_TABLE[(crc ^ (point >>> 16)) & 255]! ^ (crc >>> 8);
  crc = CRC_TABLE[(crc ^ (point >>> 24)) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/**
 * A consistent-hash ring with the points of nginx and of lua-resty-chash, so that a key finds the same member as in ingress-nginx: the
 * CRC-32 of the member's name, continued over the member's previous point (little-endian; 0 before the first). A key belongs to the first point
 * at or above its CRC-32, else to the first of all.
 */
export class RingHash {
  /** Indexes of members, by point. */
  readonly #owners: Uint32Array;
  readonly #points: Uint32Array;
  readonly #memberCount: number;

  /** Names must be distinct; weights are positive integers, all 1 when left out. */
  constructor(names: Names, weights?: Weights) {
    // Equal points go by name, so that the order of the list says nothing.
    const ranked = names.map((_, index) => index).sort((a, b) => (names[a]! < names[b]! ? -1 : 1));
    let total = 0;
    for (let i = 0; i < names.length; i++) total += (weights?.[i] ?? 1) * POINTS_PER_WEIGHT;
    // Point and rank in one number of 53 bits, which a typed array sorts natively.
    const packed = new Float64Array(total);
    let at = 0;
    for (let rank = 0; rank < ranked.length; rank++) {
      const member = ranked[rank]!;
      const base = ~crc32(names[member]!);
      const count = (weights?.[member] ?? 1) * POINTS_PER_WEIGHT;
      let point = 0;
      for (let i = 0; i < count; i++) {
        point = nextPoint(base, point);
        packed[at++] = point * MAX_MEMBERS + rank;
      }
    }
    packed.sort();
    this.#points = new Uint32Array(total);
    this.#owners = new Uint32Array(total);
    for (let i = 0; i < total; i++) {
      const point = Math.floor(packed[i]! / MAX_MEMBERS);
      this.#points[i] = point;
      this.#owners[i] = ranked[packed[i]! - point * MAX_MEMBERS]!;
    }
    this.#memberCount = names.length;
  }

  /** Index of the member that a key belongs to; -1 when there are none. */
  find(key: string): number {
    return this.#points.length === 0 ? -1 : this.#owners[this.#positionOf(key)]!;
  }

  /** Index of the first member, from the key's own on around the ring, that `isWanted`; -1 when none is. */
  findWhere(key: string, isWanted: (member: number) => boolean): number {
    const { length } = this.#points;
    if (length === 0) return -1;
    const start = this.#positionOf(key);
    const refused = new Set<number>();
    for (let i = start; refused.size < this.#memberCount; i = i + 1 === length ? 0 : i + 1) {
      const owner = this.#owners[i]!;
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
