import { fuzzBodies } from './body-run.ts';
import type { FuzzMode } from './mode.ts';

const EXCHANGES = 20_000;

/** Bodies both ways through the engine, by their digests: always as many exchanges, however long that takes. */
export const bodies: FuzzMode = async (seed) => {
  const { cases, bytes, notRetried, wrong } = await fuzzBodies(seed, EXCHANGES);
  const megabytes = Math.round(bytes / 1_000_000);
  return {
    cases,
    summary: `${cases} exchanges, ${megabytes} MB, ${wrong.length} wrong, ${notRetried} cut by the backend and gone`,
    found: wrong.length === 0 ? undefined : JSON.stringify(wrong.slice(0, 20), undefined, 2),
  };
};
