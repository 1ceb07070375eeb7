import { compareRequests, compareResponses } from './compare.ts';
import { createRandom, generateCuts, generateRequests, generateResponse } from './generate.ts';
import { readRequests, readResponses } from '../protocol/codec/drive.ts';

export interface FuzzResult {
  readonly cases: number;
  /** Cases of which the codec accepted at least one message. */
  readonly accepted: number;
  /** Undefined: none was found. */
  readonly disagreement: Disagreement | undefined;
}

export interface Disagreement {
  readonly kind: 'request' | 'response';
  readonly method: string;
  /** Bytes as latin1. */
  readonly bytes: string;
  readonly cuts: readonly number[];
  readonly difference: string;
}

/** Fuzzes both codecs against llhttp until `isOver` says so or they disagree. The same seed gives the same cases. */
export async function fuzzCodec(seed: number, isOver: (cases: number) => boolean): Promise<FuzzResult> {
  const random = createRandom(seed);
  let cases = 0;
  let accepted = 0;
  while (!isOver(cases)) {
    cases++;
    const kind = random() < 0.65 ? 'request' : 'response';
    const method = random() < 0.2 ? 'HEAD' : 'GET';
    const bytes = kind === 'request' ? generateRequests(random) : generateResponse(random);
    const cuts = generateCuts(random, bytes.length);
    const reading = kind === 'request' ? readRequests(bytes) : readResponses(bytes, [method]);
    if (reading.messages.length > 0) accepted++;
    const difference =
      kind === 'request' ? await compareRequests(bytes, cuts) : await compareResponses(bytes, method, cuts);
    if (difference !== undefined) {
      return {
        cases,
        accepted,
        disagreement: { kind, method, bytes: bytes.toString('latin1'), cuts, difference },
      };
    }
  }
  return { cases, accepted, disagreement: undefined };
}
