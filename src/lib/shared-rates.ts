import type { HashKey } from './half-sip-hash.ts';
import { bucketBytes, SharedBuckets, WAYS } from './shared-buckets.ts';

/** Bytes of shared memory for `buckets` times eight keys; `buckets` is a power of two. */
export function rateBytes(buckets: number): number {
  return timesOffset(buckets) + buckets * WAYS * Float64Array.BYTES_PER_ELEMENT;
}

/**
 * Leaky buckets, one a key, that count across threads: nginx's limit_req with nodelay. Memory is bounded: where a key finds no room, the
 * one of its neighbours that has been at rest longest loses its place.
 */
export class SharedRates {
  readonly #buckets: SharedBuckets;
  /** When the bucket of an entry will have run empty, in milliseconds. */
  readonly #emptyAt: Float64Array;

  constructor(memory: SharedArrayBuffer, buckets: number, key: HashKey) {
    this.#buckets = new SharedBuckets(memory, 0, buckets, key);
    this.#emptyAt = new Float64Array(memory, timesOffset(buckets), buckets * WAYS);
  }

  /**
   * Counts one more for a key; false, and nothing counted, when more than `burst` of them would stand above `perSecond`. Time is in
   * milliseconds of one clock that all threads share. A key that is new to it has an empty bucket, as one that rested long enough.
   */
  take(key: string, perSecond: number, burst: number, nowMs: number): boolean {
    const buckets = this.#buckets;
    const first = buckets.lock(key);
    let entry = buckets.find(first);
    if (entry < 0) {
      entry = buckets.findFree(first);
      if (entry < 0) entry = this.#longestAtRest(first);
      buckets.claim(entry);
      this.#emptyAt[entry] = -Infinity;
    }
    const perMs = perSecond / 1000;
    const excess = Math.max(0, (this.#emptyAt[entry]! - nowMs) * perMs + 1);
    // Less than a thousandth above is the rounding of the sums.
    const isTaken = excess <= burst + 0.001;
    if (isTaken) this.#emptyAt[entry] = nowMs + excess / perMs;
    buckets.unlock();
    return isTaken;
  }

  #longestAtRest(first: number): number {
    let oldest = first;
    for (let entry = first + 1; entry < first + WAYS; entry++) {
      if (this.#emptyAt[entry]! < this.#emptyAt[oldest]!) oldest = entry;
    }
    return oldest;
  }
}

/** Times lie behind locks and tags, where eight bytes begin. */
function timesOffset(buckets: number): number {
  return Math.ceil(bucketBytes(buckets) / Float64Array.BYTES_PER_ELEMENT) * Float64Array.BYTES_PER_ELEMENT;
}
