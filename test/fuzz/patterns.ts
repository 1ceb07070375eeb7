import { fuzzPatterns } from './pattern-run.ts';
import type { FuzzMode } from './mode.ts';

/** Patterns as they are matched, against the same by backtracking. */
export const patterns: FuzzMode = (seed, isOver) => {
  const { cases, linear, matched, difference } = fuzzPatterns(seed, isOver);
  const summary = `${cases} patterns, ${linear} of them linear, ${matched} matches`;
  return Promise.resolve({ cases, summary, found: difference });
};
