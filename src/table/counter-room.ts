import { randomBytes } from 'node:crypto';
import type { HashKey } from '../lib/half-sip-hash.ts';
import { redactBytes, type RedactedBytes } from '../lib/redacted-bytes.ts';
import { type Baton, BATON_BYTES, giveBaton } from '../lib/shared-baton.ts';
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
  /** Whose turn it is at work that one worker at a time does. */
  readonly baton: SharedArrayBuffer;
  /** For digests that all workers, and nobody else, can make. */
  readonly secret: RedactedBytes;
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
    baton: new SharedArrayBuffer(BATON_BYTES),
    secret: redactBytes(randomBytes(32)),
    key: { low: secret.readInt32LE(0), high: secret.readInt32LE(4) },
  };
}

/** The baton of one worker. */
export function batonOf({ baton: memory }: CounterRoom, worker: number): Baton {
  return { memory, holder: worker + 1 };
}

/** Gives back what a worker that ended had entered and not left. */
export function releaseShares(room: CounterRoom, worker: number): void {
  const { gauges, gaugeBuckets, workers } = room;
  giveBaton(batonOf(room, worker));
  new SharedGauges(gauges, gaugeBuckets, workers).clear(worker);
}
