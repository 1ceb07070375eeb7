import { fuzzFrames } from './frame-run.ts';
import { fuzzHpackBlocks } from './hpack-blocks.ts';
import { fuzzHpackPairs } from './hpack-run.ts';
import type { FuzzMode } from './mode.ts';
import { fuzzUpstreamFrames } from './upstream-frames.ts';

interface PartResult {
  readonly cases: number;
  readonly found: string | undefined;
}

/** Each part takes so many cases in turn. */
const PARTS: readonly {
  readonly name: string;
  readonly cases: number;
  run(seed: number, isOver: (cases: number) => boolean): Promise<PartResult>;
}[] = [
  { name: 'field lists', cases: 2_000, run: fuzzHpackPairs },
  { name: 'field blocks', cases: 1_000, run: fuzzHpackBlocks },
  { name: 'frames of clients', cases: 2_000, run: fuzzFrames },
  { name: 'responses of upstreams', cases: 2_000, run: fuzzUpstreamFrames },
];

/** HTTP/2 against node:http2. */
export const http2: FuzzMode = async (seed, isOver) => {
  const counts = PARTS.map(() => 0);
  let cases = 0;
  let found: string | undefined;
  for (let round = seed; found === undefined && !isOver(cases); round++) {
    for (const [i, { name, cases: most, run }] of PARTS.entries()) {
      const result = await run(round, (done) => done >= most || isOver(cases + done));
      cases += result.cases;
      counts[i]! += result.cases;
      if (result.found === undefined) continue;
      found = `${name}, seed ${round}: ${result.found}`;
      break;
    }
  }
  return { cases, summary: PARTS.map(({ name }, i) => `${counts[i]} ${name}`).join(', '), found };
};
