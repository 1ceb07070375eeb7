import { halfSipHash, type HashKey } from '../../lib/half-sip-hash.ts';
import { SharedGauges } from '../../lib/shared-gauges.ts';
import { SharedRates, type RateRule } from '../../lib/shared-rates.ts';
import type { RedactedBytes } from '../../lib/redacted-bytes.ts';
import type { Baton } from '../../lib/shared-baton.ts';
import { batonOf, type CounterRoom } from '../../table/counter-room.ts';

/** `count` requests in `seconds`, and `burst` above them. */
export interface RateLimit {
  /** Limits of one name count together, in every route and worker. */
  readonly name: string;
  readonly count: number;
  readonly seconds: number;
  readonly burst: number;
}

/** Counts requests by a key, one byte per character. */
export interface RateCounter {
  /** Counts one more in each of the limits; false, and none counted, when one of them has no room. */
  take(key: string): boolean;
}

/** Counts what there is of a key at a moment. */
export interface GaugeCounter {
  /** One more; answers the place to `leave`, or less than 0 when as many as may be are there, or no room for the key. */
  enter(key: string): number;
  leave(place: number): void;
}

/** What the workers of a process have in common. */
export interface Crew {
  readonly workers: number;
  /** For work that one worker at a time does, in a thread of its own. */
  readonly baton: Baton;
  /** Known to all of them and to nobody else. */
  readonly secret: RedactedBytes;
}

/** Counters in shared memory, across all workers. Memory is bounded (docs/limits.md). */
export interface Counters {
  readonly crew: Crew;
  rate(limits: readonly RateLimit[]): RateCounter;
  /** At most that many of a key at once. A worker that dies gives back what it had entered. */
  gauge(name: string, most: number): GaugeCounter;
}

/** The counters of one worker. The clock is one that all workers read alike. */
export function createCounters(room: CounterRoom, worker: number, nowMs: () => number): Counters {
  const rates = new SharedRates(room.rates, room.rateBuckets);
  const gauges = new SharedGauges(room.gauges, room.gaugeBuckets, room.workers);
  return {
    crew: { workers: room.workers, baton: batonOf(room, worker), secret: room.secret },
    rate: (limits) => new SharedRateCounter(rates, limits, room.key, nowMs),
    gauge(name, most) {
      const scope = scopeOf(name, room.key);
      return {
        enter: (key) => gauges.enter(scope, key, most, worker),
        leave: (place) => gauges.leave(place, worker),
      };
    },
  };
}

class SharedRateCounter implements RateCounter {
  readonly #rates: SharedRates;
  readonly #nowMs: () => number;
  readonly #scopes: readonly HashKey[];
  readonly #rules: readonly RateRule[];

  constructor(rates: SharedRates, limits: readonly RateLimit[], key: HashKey, nowMs: () => number) {
    this.#rates = rates;
    this.#nowMs = nowMs;
    this.#scopes = limits.map(({ name }) => scopeOf(name, key));
    // Whole thousandths, as nginx has them: 5 a minute are 83 thousandths a second.
    this.#rules = limits.map(({ count, seconds, burst }) => ({
      leak: Math.floor((count * 1_000) / seconds),
      burst,
    }));
  }

  take(key: string): boolean {
    const rates = this.#rates;
    const scopes = this.#scopes;
    const rules = this.#rules;
    const nowMs = Math.floor(this.#nowMs());
    const last = rules.length - 1;
    for (let i = 0; i < last; i++) if (!rates.hasRoom(scopes[i]!, key, rules[i]!, nowMs)) return false;
    if (!rates.take(scopes[last]!, key, rules[last]!, nowMs)) return false;
    for (let i = 0; i < last; i++) rates.add(scopes[i]!, key, rules[i]!, nowMs);
    return true;
  }
}

/** A hash key of a name's own: keys are hashed with it, so that names cost nothing per request. */
function scopeOf(name: string, key: HashKey): HashKey {
  const scope = { low: 0, high: 0 };
  halfSipHash(Buffer.from(name, 'utf8').toString('latin1'), key, scope);
  return scope;
}
