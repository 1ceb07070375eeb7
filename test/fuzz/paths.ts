import type { FuzzMode } from './mode.ts';
import { fuzzPaths } from './path-run.ts';

/** Paths, expressions and rewrites of hosts, against nginx as ingress-nginx sets it up; needs the program nginx. */
export const paths: FuzzMode = async (seed, isOver) => {
  const { cases, hosts, served, difference } = await fuzzPaths(seed, isOver);
  const summary = `${cases} requests of ${hosts} hosts, ${served} of them served`;
  return { cases, summary, found: difference };
};
