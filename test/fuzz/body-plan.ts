import { createHash } from 'node:crypto';
import { createRandom } from './generate.ts';

/** What the backend does around an answer. */
export const BACKENDS = ['cold', 'warm', 'closing', 'resetting', 'slow', 'pausing'] as const;
export type BackendKind = (typeof BACKENDS)[number];

/** How the proxy is to hold the request body. */
export const HOLDINGS = ['whole', 'spooled', 'streamed'] as const;
export type Holding = (typeof HOLDINGS)[number];

/** One message body: bytes of the pool from `offset`, cut where the pieces end. */
export interface BodyPlan {
  readonly offset: number;
  readonly size: number;
  readonly isChunked: boolean;
  /** Sizes of the writes, and of the chunks where it is chunked. */
  readonly pieces: readonly number[];
}

export interface ExchangePlan {
  readonly backend: BackendKind;
  readonly holding: Holding;
  readonly method: 'PUT' | 'POST';
  readonly request: BodyPlan;
  readonly response: BodyPlan;
  /** Bytes of the request that a resetting backend reads before its first reset. */
  readonly resetAfter: number;
  readonly isClientSlow: boolean;
}

type Random = () => number;

export const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** Above this a body cut into pieces of a few bytes would be millions of them. */
const MAX_PIECES = 2_000;

let pool: Buffer | undefined;

/** Bytes that no shift, swap or repeat leaves as they are. */
export function bytesOf({ offset, size }: BodyPlan): Buffer {
  pool ??= createPool();
  return pool.subarray(offset, offset + size);
}

function createPool(): Buffer {
  const random = createRandom(20_261_126);
  const bytes = Buffer.allocUnsafe(MAX_BODY_BYTES + 4_096);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((random() * 2 ** 32) >>> 0, at);
  return bytes;
}

export function digestOf(bytes: Buffer): string {
  return createHash('sha1').update(bytes).digest('hex');
}

function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)]!;
}

/** Sizes spread by their logarithm, so that each order of magnitude has its share; some at the edges of what the proxy counts in. */
function sizeOf(random: Random): number {
  const dice = random();
  if (dice < 0.05) return 0;
  if (dice < 0.15) {
    const edge = pick(random, [16_384, 65_536, 131_072, 1_048_576, 2_097_152]);
    return edge + Math.floor(random() * 5) - 2;
  }
  return Math.floor(Math.exp(random() * Math.log(MAX_BODY_BYTES)));
}

function planBody(random: Random): BodyPlan {
  const size = sizeOf(random);
  const isChunked = random() < 0.5;
  const pieces: number[] = [];
  if (random() < 0.3) {
    if (size > 0) pieces.push(size);
  } else {
    const most = Math.max(1, Math.min(200_000, Math.exp(random() * Math.log(200_000))));
    for (let left = size; left > 0;) {
      const isLast = pieces.length === MAX_PIECES;
      const piece = isLast ? left : Math.min(left, 1 + Math.floor(random() * most));
      pieces.push(piece);
      left -= piece;
    }
  }
  return { offset: Math.floor(random() * 4_096), size, isChunked, pieces };
}

export function planExchange(random: Random): ExchangePlan {
  const backend = pick(random, BACKENDS);
  const isRetryNeeded = backend === 'closing' || backend === 'resetting';
  const request = planBody(random);
  return {
    backend,
    holding: pick(random, HOLDINGS),
    method: isRetryNeeded || random() < 0.5 ? 'PUT' : 'POST',
    request,
    response: planBody(random),
    resetAfter: random() < 0.5 ? 0 : Math.floor(random() * request.size),
    isClientSlow: random() < 0.2,
  };
}
