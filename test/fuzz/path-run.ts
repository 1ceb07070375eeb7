import { createRandom, type Random } from './generate.ts';
import { type RandomIngress, randomIngresses, randomTarget } from './path-cases.ts';
import { type Site, startPathPeers } from './path-peers.ts';

const HOSTS = 40;
const REQUESTS = 60;

export interface PathRun {
  readonly cases: number;
  readonly hosts: number;
  /** Answers that came from a backend. */
  readonly served: number;
  readonly difference: string | undefined;
}

/**
 * Hosts with random paths, expressions and rewrites, on nginx as ingress-nginx sets it up and on Serin: the same requests have to reach the
 * same backends with the same targets.
 */
export async function fuzzPaths(seed: number, isOver: (cases: number) => boolean): Promise<PathRun> {
  const random = createRandom(seed);
  let cases = 0;
  let hosts = 0;
  let served = 0;
  while (!isOver(cases)) {
    const peers = await startPathPeers(randomSites(random));
    try {
      for (const { host, ingresses } of peers.sites) {
        hosts++;
        const paths = ingresses.flatMap((ingress) => ingress.paths);
        for (let i = 0; i < REQUESTS && !isOver(cases); i++) {
          const target = randomTarget(random, paths);
          const { nginx, serin } = await peers.ask(host, target);
          cases++;
          if (nginx.startsWith('web')) served++;
          if (nginx === serin || (serin === '400' && isRefusedHere(target, ingresses))) continue;
          const difference = `GET ${JSON.stringify(target)}: nginx ${JSON.stringify(nginx)}, Serin ${JSON.stringify(serin)}; ${JSON.stringify(ingresses)}`;
          return { cases, hosts, served, difference };
        }
      }
    } finally {
      await peers.close();
    }
  }
  return { cases, hosts, served, difference: undefined };
}

/** Control characters of a path do not get into a header (docs/differences.md). */
function isRefusedHere(target: string, ingresses: readonly RandomIngress[]): boolean {
  return /%(?:[01].|7f)/i.test(target) && ingresses.some(({ prefix }) => prefix !== undefined);
}

function randomSites(random: Random): Site[] {
  return Array.from({ length: HOSTS }, (_, index) => ({
    host: `h${index}.test`,
    ingresses: randomIngresses(random),
  }));
}
