import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bodies } from './bodies.ts';
import { codec } from './codec.ts';
import { headers } from './heads.ts';
import { http2 } from './http2.ts';
import type { FuzzMode } from './mode.ts';
import { paths } from './paths.ts';
import { patterns } from './patterns.ts';

/* node test/fuzz/fuzz.ts [--<mode>] [--seconds N] [--seed N]: exits 1 and saves the case when one fails. */

const MODES: Readonly<Record<string, FuzzMode>> = { bodies, codec, headers, http2, paths, patterns };

const { values, tokens } = parseArgs({
  strict: false,
  tokens: true,
  options: { seconds: { type: 'string' }, seed: { type: 'string' } },
});
const asked = tokens.flatMap((token) => (token.kind === 'option' && token.name in MODES ? [token.name] : []));
const unknown = tokens.find(
  (token) => token.kind === 'option' && !(token.name in MODES) && !['seconds', 'seed'].includes(token.name),
);
if (unknown?.kind === 'option') throw new Error(`${unknown.rawName} is no mode and no option`);
const names = asked.length === 0 ? ['codec', 'http2'] : asked;
const seconds = Number(values.seconds ?? 60);
const seed = Number(values.seed ?? Date.now() % 2 ** 31);

for (const name of names) {
  const endsAtMs = Date.now() + (seconds * 1000) / names.length;
  const { cases, summary, found } = await MODES[name]!(seed, () => Date.now() >= endsAtMs);
  console.log(`${name}, seed ${seed}: ${summary}`);
  if (found === undefined) continue;
  const directory = new URL('./found/', import.meta.url);
  mkdirSync(directory, { recursive: true });
  const file = `${name}-seed-${seed}-case-${cases}.txt`;
  writeFileSync(new URL(file, directory), `${found}\n`);
  console.error(`found: ${found}\nsaved as test/fuzz/found/${file}`);
  process.exitCode = 1;
}
