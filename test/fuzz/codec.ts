import type { FuzzMode } from './mode.ts';
import { fuzzCodec } from './run.ts';

/** Both codecs against llhttp. */
export const codec: FuzzMode = async (seed, isOver) => {
  const { cases, accepted, disagreement } = await fuzzCodec(seed, isOver);
  return {
    cases,
    summary: `${cases} cases, ${accepted} with a message accepted`,
    found: disagreement && JSON.stringify(disagreement, undefined, 2),
  };
};
