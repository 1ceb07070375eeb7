import { expect, test } from 'vitest';
import { fuzzBodies } from './body-run.ts';

// `npm run fuzz -- --bodies` sends 20,000. A seed that failed once stays in the list.
test('300 exchanges with bodies of 0 to 8 MiB, each byte in its place', async () => {
  const { cases, wrong } = await fuzzBodies(1, 300);
  expect(wrong).toEqual([]);
  expect(cases).toBe(300);
}, 60_000);
