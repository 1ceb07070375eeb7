import type { HashKey } from './half-sip-hash.ts';
import { bucketBytes, SharedBuckets, WAYS } from './shared-buckets.ts';

/** How fast a leaky bucket runs empty, and how much may stand in it. */
export interface RateRule {
  /** Thousandths of a request that leak in a second. */
  readonly leak: number;
  /** Requests that may stand above the rate. */
  readonly burst: number;
}

/** What one request is, in the unit that excess is counted in. */
const REQUEST = 1_000;
/** A clock that went back by more than this was set anew; by less, another thread was quicker (nginx). */
const CLOCK_SLACK_MS = 60_000;

const LOOK = 0;
const TAKE = 1;
const ADD = 2;

/** Bytes of shared memory for `buckets` times eight keys; `buckets` is a power of two. */
export function rateBytes(buckets: number): number {
  return numbersOffset(buckets) + 3 * buckets * WAYS * Float64Array.BYTES_PER_ELEMENT;
}

/**
 * Leaky buckets, one a key, that count across threads: nginx's limit_req with nodelay, to the thousandth of a request. Memory is bounded:
 * where a key finds no room, the one of its neighbours that has run empty longest ago, or else will first, loses its place.
 *
 * Time is in whole milliseconds of one clock that all threads share.
 */
export class SharedRates {
  readonly #buckets: SharedBuckets;
  /** Thousandths of requests that stand in the bucket of an entry, as of `#lastMs`. */
  readonly #excess: Float64Array;
  readonly #lastMs: Float64Array;
  /** When an entry will be as good as none. */
  readonly #emptyAtMs: Float64Array;

  constructor(memory: SharedArrayBuffer, buckets: number) {
    const entries = buckets * WAYS;
    const offset = numbersOffset(buckets);
    const bytes = entries * Float64Array.BYTES_PER_ELEMENT;
    this.#buckets = new SharedBuckets(memory, 0, buckets);
    this.#excess = new Float64Array(memory, offset, entries);
    this.#lastMs = new Float64Array(memory, offset + bytes, entries);
    this.#emptyAtMs = new Float64Array(memory, offset + 2 * bytes, entries);
  }

  /** Whether `take` would be true. */
  hasRoom(scope: HashKey, key: string, rule: RateRule, nowMs: number): boolean {
    return this.#count(scope, key, rule, nowMs, LOOK);
  }

  /** Counts one more of a key; false, and nothing counted, when more would stand above the rate than the burst. */
  take(scope: HashKey, key: string, rule: RateRule, nowMs: number): boolean {
    return this.#count(scope, key, rule, nowMs, TAKE);
  }

  /** Counts one more of a key, whether or not there is room. */
  add(scope: HashKey, key: string, rule: RateRule, nowMs: number): void {
    this.#count(scope, key, rule, nowMs, ADD);
  }

  #count(scope: HashKey, key: string, { leak, burst }: RateRule, nowMs: number, mode: number): boolean {
    const buckets = this.#buckets;
    const first = buckets.lock(scope, key);
    let entry = buckets.find(first);
    let excess = 0;
    let lastMs = nowMs;
    if (entry >= 0) {
      const sinceMs = nowMs - this.#lastMs[entry]!;
      const elapsedMs = sinceMs >= 0 ? sinceMs : sinceMs < -CLOCK_SLACK_MS ? 1 : 0;
      if (elapsedMs === 0) lastMs = this.#lastMs[entry]!;
      excess = Math.max(0, this.#excess[entry]! - Math.floor((leak * elapsedMs) / 1_000) + REQUEST);
    }
    const isTaken = excess <= burst * REQUEST;
    if (mode === ADD || (mode === TAKE && isTaken)) {
      if (entry < 0) {
        entry = buckets.findFree(first);
        if (entry < 0) entry = this.#firstEmpty(first);
      }
      this.#excess[entry] = excess;
      this.#lastMs[entry] = lastMs;
      this.#emptyAtMs[entry] = lastMs + ((excess + REQUEST) * 1_000) / leak;
      buckets.claim(entry);
    }
    buckets.unlock();
    return isTaken;
  }

  #firstEmpty(first: number): number {
    let found = first;
    for (let entry = first + 1; entry < first + WAYS; entry++) {
      if (this.#emptyAtMs[entry]! < this.#emptyAtMs[found]!) found = entry;
    }
    return found;
  }
}

/** Numbers lie behind locks and tags, where eight bytes begin. */
function numbersOffset(buckets: number): number {
  return Math.ceil(bucketBytes(buckets) / Float64Array.BYTES_PER_ELEMENT) * Float64Array.BYTES_PER_ELEMENT;
}
