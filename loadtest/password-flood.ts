// What a flood of wrong passwords does to other routes: their latencies under it, beside those at rest, in turn.
//   node loadtest/password-flood.ts [--rounds 10] [--seconds 3] [--rate 3000] [--guesses 200] [--cost 10] [--workers 2]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hashSync } from 'bcryptjs';
import { Agent, request } from 'undici';
import { stringify } from 'yaml';
import { ingress, service } from './manifests.ts';
import { percentile } from './percentile.ts';
import { run, start, waitForPort, type Started } from './processes.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '3000' },
    guesses: { type: 'string', default: '200' },
    cost: { type: 'string', default: '10' },
    workers: { type: 'string', default: '2' },
  },
});
const [rounds, seconds, rate, guesses, cost] = [
  values.rounds,
  values.seconds,
  values.rate,
  values.guesses,
  values.cost,
].map(Number) as [number, number, number, number, number];
const PORT = 18_500;
const UPSTREAM_PORT = 18_510;
/** p99 of other routes under the flood, at most so many times that at rest. */
const RATIO_MAX = 2;
/** Users who log in for the first time, of another Secret than the one that is attacked, come so often. */
const LOGIN_EVERY_MS = 500;

const here = new URL('.', import.meta.url).pathname;
const agent = new Agent({ connections: 64, pipelining: 1 });
let guessed = 0;
let users = 0;

interface Latencies {
  readonly requests: number;
  readonly other: number;
  readonly p50: number;
  readonly p99: number;
}

interface Flood {
  /** Guesses by what was answered. */
  readonly answers: Map<number, number>;
  /** First logins with the right password: how long those took that were let in, and what the others were answered. */
  readonly loginsMs: number[];
  readonly refused: Map<number, number>;
}

const countIn = (counts: Map<number, number>, key: number) => counts.set(key, (counts.get(key) ?? 0) + 1);

async function ask(path: string, user: string, password: string): Promise<number> {
  const { statusCode, body } = await request(`http://127.0.0.1:${PORT}${path}`, {
    dispatcher: agent,
    headers: {
      host: 'flood.test',
      authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    },
  });
  await body.dump();
  return statusCode;
}

async function logIn({ loginsMs, refused }: Flood): Promise<void> {
  const beganMs = performance.now();
  const status = await ask('/shop/512', `user${users++}`, 'right');
  if (status === 200) loginsMs.push(performance.now() - beganMs);
  else countIn(refused, status);
}

/** Guesses until it is told to stop. */
function flood(): { stop(): Promise<Flood> } {
  const state: Flood = { answers: new Map(), loginsMs: [], refused: new Map() };
  const open = new Set<Promise<void>>();
  const keep = (one: Promise<void>) => {
    open.add(one);
    void one.finally(() => open.delete(one));
  };
  const startedMs = performance.now();
  let sent = 0;
  const guessing = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) * guesses) / 1_000);
    for (; sent < due; sent++) {
      keep(ask('/admin', 'ann', `guess ${guessed++}`).then((status) => void countIn(state.answers, status)));
    }
  }, 5);
  const logins = setInterval(() => keep(logIn(state)), LOGIN_EVERY_MS);
  return {
    async stop() {
      clearInterval(guessing);
      clearInterval(logins);
      await Promise.all(open);
      return state;
    },
  };
}

async function load(): Promise<Latencies> {
  const url = `http://127.0.0.1:${PORT}/512`;
  const options = { url, headers: { Host: 'flood.test' }, rate, connections: 64, seconds };
  const args = [join(here, 'half-load.ts'), JSON.stringify(options)];
  return JSON.parse(await run(undefined, process.execPath, args, (seconds + 30) * 1_000)) as Latencies;
}

function writeManifests(folder: string): void {
  const secret = (name: string, auth: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'load', name },
    stringData: { auth },
  });
  const protect = (name: string) => ({ 'auth-type': 'basic', 'auth-secret': name });
  const right = hashSync('right', cost);
  const many = Array.from({ length: 1_000 }, (_, index) => `user${index}:${right}`).join('\n');
  const objects = [
    ...service('main', UPSTREAM_PORT),
    secret('attacked', `ann:${hashSync('secret', cost)}\n`),
    secret('shop', many),
    ingress('open', 'flood.test', '/', 'main'),
    ingress('admin', 'flood.test', '/admin', 'main', protect('attacked')),
    ingress('shop', 'flood.test', '/shop', 'main', protect('shop')),
  ];
  mkdirSync(folder);
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
}

const median = (items: readonly number[]) =>
  percentile(
    items.toSorted((a, b) => a - b),
    0.5,
    2,
  );

const folder = mkdtempSync(join(tmpdir(), 'serin-flood-'));
const started: Started[] = [];
try {
  const manifests = join(folder, 'manifests');
  writeManifests(manifests);
  started.push(start(undefined, process.execPath, [join(here, 'upstream.ts'), String(UPSTREAM_PORT)]));
  await waitForPort(UPSTREAM_PORT);
  started.push(
    start(undefined, process.execPath, [
      new URL('../src/main.ts', import.meta.url).pathname,
      'serve',
      `--manifests=${manifests}`,
      `--http-port=${PORT}`,
      `--https-port=${PORT + 1}`,
      '--healthz-port=0',
      '--watch-ingress-without-class',
      '--listen=127.0.0.1',
      `--workers=${values.workers}`,
    ]),
  );
  await waitForPort(PORT, 30_000);
  // What is done once, such as starting the thread, is not what a flood costs.
  const first = flood();
  await load();
  await first.stop();
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const rest = await load();
    const attack = flood();
    const busy = await load();
    const { answers, loginsMs, refused } = await attack.stop();
    ratios.push(busy.p99 / rest.p99);
    console.log(
      JSON.stringify({
        round,
        rest: { p50: rest.p50, p99: rest.p99 },
        flood: { p50: busy.p50, p99: busy.p99 },
        ratio: Number((busy.p99 / rest.p99).toFixed(2)),
        sent: [rest.requests, busy.requests],
        failed: rest.other + busy.other,
        guesses: Object.fromEntries(answers),
        firstLogins: {
          letIn: loginsMs.length,
          medianMs: median(loginsMs),
          refused: Object.fromEntries(refused),
        },
      }),
    );
  }
  console.log(`p99 under the flood: ${median(ratios)} times that at rest (median of ${rounds})`);
  process.exitCode = median(ratios) < RATIO_MAX ? 0 : 1;
} finally {
  await agent.close();
  for (const process of started.toReversed()) await process.stop();
  rmSync(folder, { recursive: true, force: true });
}
