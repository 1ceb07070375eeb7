import { randomBytes } from 'node:crypto';
import type { HashKey } from '../lib/half-sip-hash.ts';
import { gaugeBytes, SharedGauges } from '../lib/shared-gauges.ts';
import { rateBytes } from '../lib/shared-rates.ts';

/** Eight keys each; a power of two. Memory is the system's until a key is put there. */
const BUCKETS = 32_768;

/** Shared memory in which limits count across workers; made once for a process. */
export interface CounterRoom {
  readonly rates: SharedArrayBuffer;
  readonly rateBuckets: number;
  readonly gauges: SharedArrayBuffer;
  readonly gaugeBuckets: number;
  readonly workers: number;
  /** Secret: who knows it can make keys that push out those of others. */
  readonly key: HashKey;
}

/** Room for 262,144 keys of rates and as many of gauges, unless told otherwise. */
export function createCounterRoom(
  workers: number,
  { rateBuckets = BUCKETS, gaugeBuckets = BUCKETS } = {},
): CounterRoom {
  const secret = randomBytes(8);
  return {
    rates: new SharedArrayBuffer(rateBytes(rateBuckets)),
    rateBuckets,
    gauges: new SharedArrayBuffer(gaugeBytes(gaugeBuckets, workers)),
    gaugeBuckets,
    workers,
    key: { low: secret.readInt32LE(0), high: secret.readInt32LE(4) },
  };
}

/** Gives back what a worker that ended had entered and not left. */
export function releaseShares({ gauges, gaugeBuckets, workers }: CounterRoom, worker: number): void {
  new SharedGauges(gauges, gaugeBuckets, workers).clear(worker);
}
