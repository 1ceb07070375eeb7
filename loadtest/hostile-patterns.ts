// How long innocent requests wait on a worker that is asked hostile patterns all the time: one case after the other, on one worker.
//   node loadtest/hostile-patterns.ts [--connections 10] [--seconds 4]
// Ends with 1 when an innocent request waited for 100 ms or more, or the worker was replaced.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { stringify } from 'yaml';
import { HOSTILE_PATHS, hostileText } from '../test/fixtures/hostile-patterns.ts';
import { ingress, service } from './manifests.ts';
import { percentile } from './percentile.ts';
import { PROXY_CORE, start, waitForPort, type Started } from './processes.ts';
import { startUpstreams } from './sites.ts';

const { values } = parseArgs({
  options: { connections: { type: 'string', default: '10' }, seconds: { type: 'string', default: '4' } },
});
const connections = Number(values.connections);
const PORT = 18_420;
const BOUND_MS = 100;
/** The longest target that is taken, about. */
const TEXT_LENGTH = 8_000;
/** Between two innocent requests. */
const PAUSE_MS = 10;
const NESTED = '^(a+)+$';

interface Case {
  readonly name: string;
  readonly host: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const CASES: readonly Case[] = [
  { name: 'nothing hostile', host: 'innocent.test', path: '/512' },
  ...HOSTILE_PATHS.map(([pattern, unit]) => ({
    name: pattern,
    host: 'hostile.test',
    path: hostileText(unit, TEXT_LENGTH).replace('?', '%3F'),
  })),
  {
    name: 'rewrite /(a+)+$',
    host: 'rewritten.test',
    path: hostileText('a', TEXT_LENGTH).replace('?', '!'),
  },
  { name: 'back-reference /(a*)*\\1!', host: 'back.test', path: `/${'a'.repeat(60)}` },
  { name: `alias ${NESTED}`, host: `${'a'.repeat(60)}-`, path: '/' },
  {
    name: `canary header ${NESTED}`,
    host: 'split.test',
    path: '/512',
    headers: { 'x-choice': `${'a'.repeat(4_000)}!` },
  },
];

function manifests(folder: string, upstreamPort: number): void {
  const regex = { 'use-regex': 'true' };
  const paths = HOSTILE_PATHS.map(([pattern]) => pattern);
  const objects = [
    ...service('main', upstreamPort),
    ingress('innocent', 'innocent.test', '/', 'main'),
    ingress('hostile', 'hostile.test', paths, 'main', regex),
    ingress('rewritten', 'rewritten.test', '/(a+)+$', 'main', { 'rewrite-target': '/x$1' }),
    ingress('back', 'back.test', '/(a*)*\\1!', 'main', regex),
    ingress('aliased', 'aliased.test', '/', 'main', { 'server-alias': `~${NESTED}` }),
    ingress('split', 'split.test', '/', 'main'),
    ingress('canary', 'split.test', '/', 'main', {
      canary: 'true',
      'canary-by-header': 'x-choice',
      'canary-by-header-pattern': NESTED,
    }),
  ];
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
}

async function ask(agent: Agent, { host, path, headers = {} }: Case): Promise<number> {
  const { statusCode, body } = await request(`http://127.0.0.1:${PORT}${path}`, {
    dispatcher: agent,
    headers: { ...headers, host },
  });
  await body.dump();
  return statusCode;
}

/** Waits of innocent requests, in milliseconds, and how many hostile ones were answered meanwhile. */
async function measure(hostile: Case): Promise<{ waits: number[]; asked: number }> {
  const attackers = new Agent({ connections, pipelining: 1 });
  const innocents = new Agent({ connections: 1, pipelining: 1 });
  const endsMs = performance.now() + Number(values.seconds) * 1_000;
  const waits: number[] = [];
  let asked = 0;
  const attack = async (): Promise<void> => {
    while (performance.now() < endsMs) {
      await ask(attackers, hostile);
      asked++;
    }
  };
  const innocent = async (): Promise<void> => {
    while (performance.now() < endsMs) {
      const startedMs = performance.now();
      const status = await ask(innocents, CASES[0]!);
      if (status !== 200) throw new Error(`an innocent request was answered ${status}`);
      waits.push(performance.now() - startedMs);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  await Promise.all([innocent(), ...Array.from({ length: connections }, attack)]);
  await Promise.all([attackers.close(), innocents.close()]);
  return { waits: waits.toSorted((a, b) => a - b), asked };
}

async function main(): Promise<boolean> {
  const folder = mkdtempSync(join(tmpdir(), 'serin-hostile-'));
  const started: Started[] = [];
  let isGood = true;
  try {
    const { upstreamPort } = await startUpstreams(started);
    manifests(folder, upstreamPort);
    const serin = start(PROXY_CORE, process.execPath, [
      new URL('../src/main.ts', import.meta.url).pathname,
      'serve',
      `--manifests=${folder}`,
      `--http-port=${PORT}`,
      `--https-port=${PORT + 1}`,
      '--healthz-port=0',
      '--watch-ingress-without-class',
      '--listen=127.0.0.1',
      '--workers=1',
    ]);
    started.push(serin);
    await waitForPort(PORT, 30_000);
    console.log(`| ${connections} connections ask for | a second | p50 ms | p99 ms | worst ms |`);
    console.log('| --- | --- | --- | --- | --- |');
    for (const one of CASES) {
      const { waits, asked } = await measure(one);
      const [p50, p99, worst] = [0.5, 0.99, 1].map((share) => percentile(waits, share));
      console.log(
        `| ${one.name} | ${Math.round(asked / Number(values.seconds))} | ${p50} | ${p99} | ${worst} |`,
      );
      if (worst! >= BOUND_MS) isGood = false;
    }
    if (/stands still|is replaced/.test(serin.output())) {
      console.log('the worker stood still');
      isGood = false;
    }
    return isGood;
  } finally {
    for (const one of started.toReversed()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = (await main()) ? 0 : 1;
