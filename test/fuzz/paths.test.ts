import { describe, expect, test } from 'vitest';
import { hasNginx } from './path-peers.ts';
import { fuzzPaths } from './path-run.ts';

// Short here, and other cases every run: `npm run fuzz -- --paths` takes its time. A seed that failed once stays in the list.
const SEEDS = [7, Date.now() % 2 ** 31];

describe.skipIf(!hasNginx)('beside nginx (skipped where it is not installed)', () => {
  for (const seed of SEEDS) {
    test(`requests reach the same backends with the same targets (seed ${seed})`, async () => {
      const result = await fuzzPaths(seed, (cases) => cases >= 1_000);
      expect(result.difference).toBeUndefined();
      expect(result.served).toBeGreaterThan(200);
    });
  }
});
