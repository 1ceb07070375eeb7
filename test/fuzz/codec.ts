import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fuzzCodec } from './run.ts';

/* node test/fuzz/codec.ts [--seconds N] [--seed N]: exits 1 and saves the case when codec and llhttp disagree. */

const { values } = parseArgs({ options: { seconds: { type: 'string' }, seed: { type: 'string' } } });
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
const endsAtMs = Date.now() + seconds * 1000;

const result = await fuzzCodec(seed, () => Date.now() >= endsAtMs);
console.log(`seed ${seed}: ${result.cases} cases, ${result.accepted} with a message accepted`);
if (result.disagreement !== undefined) {
  const directory = new URL('./found/', import.meta.url);
  mkdirSync(directory, { recursive: true });
  const file = new URL(`seed-${seed}-case-${result.cases}.json`, directory);
  writeFileSync(file, `${JSON.stringify(result.disagreement, undefined, 2)}\n`);
  console.error(
    `disagreement: ${result.disagreement.difference}\nsaved as test/fuzz/found/${file.pathname.split('/').at(-1)}`,
  );
  process.exitCode = 1;
}
