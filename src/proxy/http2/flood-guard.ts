import { HTTP2_CAUSES, type Http2Cause } from '../../observe/http2-causes.ts';

/** What a peer may do at no cost to itself, by what it is counted under. */
export type FloodKind = Exclude<Http2Cause, 'malformed'>;

/** How many at once, and how many a second in the long run. */
export type FloodLimits = Partial<Record<FloodKind, readonly [atOnce: number, perSecond: number]>>;

/** What clients may do. */
export const CLIENT_FLOODS: FloodLimits = {
  // A browser that leaves a page resets all that it has open.
  reset: [300, 50],
  // One in each round trip is usual where somebody measures bandwidth.
  ping: [500, 200],
  settings: [50, 5],
  priority: [500, 50],
  goaway: [50, 5],
  'window-update': [2000, 500],
  'empty-frame': [100, 10],
  'stream-error': [100, 10],
  'unknown-frame': [500, 50],
};

/**
 * What upstreams may do: many clients' requests share a connection, and more of it is an answer to what we have done. What ends a stream
 * of ours is no flood at all.
 */
export const UPSTREAM_FLOODS: FloodLimits = {
  reset: [2000, 500],
  ping: [5000, 1000],
  settings: [100, 10],
  priority: [500, 50],
  goaway: [100, 10],
  'window-update': [20_000, 5000],
  'empty-frame': [1000, 100],
  'stream-error': [2000, 500],
  'unknown-frame': [1000, 100],
};

/** Where each kind is counted. */
const PLACES = Object.fromEntries(HTTP2_CAUSES.map((cause, index) => [cause, index])) as Record<
  Http2Cause,
  number
>;

/** Counts by kind, leaking with time. Usual work gives back what it brings with it. */
export class FloodGuard {
  readonly #counts = new Float64Array(HTTP2_CAUSES.length);
  readonly #allowed: FloodLimits;
  #leakedAtMs = 0;

  constructor(allowed: FloodLimits) {
    this.#allowed = allowed;
  }

  /** Counts so many; true: that is too many. */
  isTooMany(kind: FloodKind, nowMs: number, more = 1): boolean {
    if (nowMs - this.#leakedAtMs >= 1000) this.#leak(nowMs);
    const index = PLACES[kind];
    const count = this.#counts[index]! + more;
    this.#counts[index] = count;
    return count > this.#allowed[kind]![0];
  }

  /** Takes back so many: they belong to work that was done. */
  forgive(kind: FloodKind, count: number): void {
    const index = PLACES[kind];
    const counted = this.#counts[index]!;
    if (counted > 0) this.#counts[index] = Math.max(0, counted - count);
  }

  #leak(nowMs: number): void {
    const seconds = (nowMs - this.#leakedAtMs) / 1000;
    this.#leakedAtMs = nowMs;
    for (const [index, kind] of HTTP2_CAUSES.entries()) {
      const allowed = kind === 'malformed' ? undefined : this.#allowed[kind];
      if (allowed !== undefined) {
        this.#counts[index] = Math.max(0, this.#counts[index]! - allowed[1] * seconds);
      }
    }
  }
}
