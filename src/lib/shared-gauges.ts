import type { HashKey } from './half-sip-hash.ts';
import { bucketBytes, SharedBuckets, WAYS } from './shared-buckets.ts';

/** The gauge stands at its ceiling. */
export const OVER = -1;
/** There is no room for one more key. */
export const FULL = -2;

/** Bytes of shared memory for `buckets` times eight keys, counted by `threads`; `buckets` is a power of two. */
export function gaugeBytes(buckets: number, threads: number): number {
  return bucketBytes(buckets) + buckets * WAYS * threads * Int32Array.BYTES_PER_ELEMENT;
}

/**
 * How many there are of each key, counted across threads: nginx's limit_conn. Each thread has its own share of a count, so that what a
 * dead one held can be given back. A key keeps its place as long as any of it is there.
 */
export class SharedGauges {
  readonly #buckets: SharedBuckets;
  readonly #threads: number;
  /** Shares of an entry, one a thread. */
  readonly #shares: Int32Array;

  constructor(memory: SharedArrayBuffer, buckets: number, threads: number) {
    this.#buckets = new SharedBuckets(memory, 0, buckets);
    this.#threads = threads;
    this.#shares = new Int32Array(memory, bucketBytes(buckets), buckets * WAYS * threads);
  }

  /** Adds one of a key for a thread; answers the place to `leave`, OVER when `most` are there already, or FULL. */
  enter(scope: HashKey, key: string, most: number, thread: number): number {
    const buckets = this.#buckets;
    const first = buckets.lock(scope, key);
    const known = buckets.find(first);
    const entry = known < 0 ? buckets.findFree(first) : known;
    let place = entry < 0 ? FULL : entry;
    if (entry >= 0) {
      if (this.#sumOf(entry) >= most) {
        place = OVER;
      } else {
        if (known < 0) buckets.claim(entry);
        this.#shares[entry * this.#threads + thread]! += 1;
      }
    }
    buckets.unlock();
    return place;
  }

  /** Takes one away from where `enter` put it. */
  leave(place: number, thread: number): void {
    this.#buckets.lockBucket(Math.floor(place / WAYS));
    this.#shares[place * this.#threads + thread]! -= 1;
    if (this.#sumOf(place) === 0) this.#buckets.release(place);
    this.#buckets.unlock();
  }

  /** Gives back all that a dead thread held. */
  clear(thread: number): void {
    for (let bucket = 0; bucket < this.#buckets.bucketCount; bucket++) {
      const first = this.#buckets.lockBucket(bucket);
      for (let entry = first; entry < first + WAYS; entry++) {
        if (!this.#buckets.isTaken(entry)) continue;
        this.#shares[entry * this.#threads + thread] = 0;
        // It may have died before it counted in an entry that it had claimed.
        if (this.#sumOf(entry) === 0) this.#buckets.release(entry);
      }
      this.#buckets.unlock();
    }
  }

  #sumOf(entry: number): number {
    let sum = 0;
    for (let at = entry * this.#threads; at < (entry + 1) * this.#threads; at++) sum += this.#shares[at]!;
    return sum;
  }
}
