import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHeadRig, type HeadRig } from '../fixtures/head-rig.ts';
import { fuzzHeads } from './heads.ts';

let rig: HeadRig;
beforeAll(async () => {
  rig = await createHeadRig();
});
afterAll(() => rig.close());

// Short here, and other cases every run: `npm run fuzz -- --headers` takes its time.
for (const seed of [1, 2, Date.now() % 2 ** 31]) {
  test(`no text that a tenant, a ConfigMap or a client controls makes lines of its own (seed ${seed})`, async () => {
    await fuzzHeads(rig, seed, 200);
    expect(rig.faults).toEqual([]);
  });
}

test('some of those texts were refused, so the cases come far enough', () => {
  expect(rig.oddities.refusedHeads).toBeGreaterThan(20);
});
