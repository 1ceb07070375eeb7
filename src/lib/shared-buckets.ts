import { halfSipHash, type Hash64, type HashKey } from './half-sip-hash.ts';

/** Entries of one bucket: what collides stays apart up to here. */
export const WAYS = 8;
/** Turns of waiting for another thread's few instructions; one that takes longer was stopped in the middle by the scheduler. */
const MAX_SPINS = 1_000;
/** How often, a millisecond each, to sleep until it goes on; one that takes longer died. */
const MAX_SLEEPS = 50;
const FREE = 0;
const HELD = 1;

/** Bytes of shared memory for that many buckets (a power of two). */
export function bucketBytes(buckets: number): number {
  return buckets * (1 + WAYS) * Int32Array.BYTES_PER_ELEMENT;
}

/**
 * Buckets of keyed entries in shared memory: where a key has its place, and the lock that keeps threads from changing one bucket at once.
 * A key is known by 31 bits of a keyed hash beside those that choose its bucket; equal keys under two hash keys are two.
 */
export class SharedBuckets {
  readonly #locks: Int32Array;
  readonly #tags: Int32Array;
  readonly #hash: Hash64 = { low: 0, high: 0 };
  /** Bucket and tag of the key last asked for. */
  #bucket = 0;
  #tag = 0;

  constructor(memory: SharedArrayBuffer, offset: number, buckets: number) {
    this.#locks = new Int32Array(memory, offset, buckets);
    this.#tags = new Int32Array(memory, offset + buckets * Int32Array.BYTES_PER_ELEMENT, buckets * WAYS);
  }

  get bucketCount(): number {
    return this.#locks.length;
  }

  /** Holds the bucket of a key of a scope until `unlock`; answers its first entry. */
  lock(scope: HashKey, key: string): number {
    const hash = this.#hash;
    halfSipHash(key, scope, hash);
    this.#tag = hash.high | 1; // 0 is a free entry
    return this.lockBucket(hash.low & (this.#locks.length - 1));
  }

  lockBucket(bucket: number): number {
    this.#bucket = bucket;
    for (let turns = 0; turns < MAX_SPINS + MAX_SLEEPS; turns++) {
      if (Atomics.compareExchange(this.#locks, bucket, FREE, HELD) === FREE) return bucket * WAYS;
      if (turns >= MAX_SPINS) Atomics.wait(this.#locks, bucket, HELD, 1);
    }
    // Its holder is gone; `unlock` mends what it left.
    return bucket * WAYS;
  }

  unlock(): void {
    Atomics.store(this.#locks, this.#bucket, FREE);
  }

  /** Entry of the key that was locked; -1 when it has none. */
  find(first: number): number {
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.#tags[entry] === this.#tag) return entry;
    }
    return -1;
  }

  /** A free entry of the bucket; -1 when all are taken. */
  findFree(first: number): number {
    for (let entry = first; entry < first + WAYS; entry++) {
      if (this.#tags[entry] === FREE) return entry;
    }
    return -1;
  }

  /** Gives an entry to the key that was locked. */
  claim(entry: number): void {
    this.#tags[entry] = this.#tag;
  }

  release(entry: number): void {
    this.#tags[entry] = FREE;
  }

  isTaken(entry: number): boolean {
    return this.#tags[entry] !== FREE;
  }
}
