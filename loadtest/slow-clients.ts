// What slow clients do to the others: p99 of a steady load with 10,000 idle and 2,000 trickling connections, beside its quiet value.
//   node loadtest/slow-clients.ts [--idle 10000] [--trickling 2000] [--rate 300] [--quiet-seconds 8] [--seconds 15] [--site plain|main]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { LOAD_CORE, run, start, waitForPort, type Started } from './processes.ts';
import { manifestsOf } from './manifests.ts';
import { startUpstreams } from './sites.ts';

const { values } = parseArgs({
  options: {
    idle: { type: 'string', default: '10000' },
    trickling: { type: 'string', default: '2000' },
    rate: { type: 'string', default: '300' },
    'quiet-seconds': { type: 'string', default: '8' },
    seconds: { type: 'string', default: '15' },
    // main: all that the load test configures, 1,000 regex routes too, which takes memory of its own.
    site: { type: 'string', default: 'plain' },
  },
});
const idle = Number(values.idle);
const trickling = Number(values.trickling);
const site = values.site === 'main' ? 'main' : 'plain';
const PORT = 18_400;
const MAX_RSS_MB = 300;
/** p99 may double; this much more is the machine's own noise. */
const NOISE_MS = 2;
const OPEN_TIMEOUT_MS = 60_000;
/** Descriptors a process needs beside its connections. */
const SPARE_FILES = 500;

const here = new URL('.', import.meta.url).pathname;

interface Steady {
  readonly sent: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

async function steady(name: string, seconds: number): Promise<Steady> {
  const options = { url: `http://127.0.0.1:${PORT}/512`, host: 'load.test', connections: 20 };
  const args = JSON.stringify({ ...options, rate: Number(values.rate), seconds });
  const output = await run(
    LOAD_CORE,
    process.execPath,
    [join(here, 'steady.ts'), args],
    (seconds + 60) * 1_000,
  );
  console.log(`${name}: ${output.trim()}`);
  return JSON.parse(output) as Steady;
}

/** A figure of /proc/PID/status, megabytes: VmRSS now, VmHWM the most so far. */
function memoryMb(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1_024);
}

/** Resolves with the `index`-th line that a process prints, parsed; rejects after a minute. */
async function lineOf<T>(process: Started, index: number): Promise<T> {
  const deadline = Date.now() + OPEN_TIMEOUT_MS;
  while (process.output().split('\n').length < index + 2) {
    if (Date.now() > deadline) throw new Error(`the slow clients said nothing: ${process.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return JSON.parse(process.output().split('\n')[index]!) as T;
}

/** The limit of open files that processes started here have; this run raises none. */
function openFilesLimit(): number {
  const limit = execFileSync('sh', ['-c', 'ulimit -n']).toString().trim();
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit);
}

async function main(): Promise<boolean> {
  const limit = openFilesLimit();
  const needed = idle + trickling + SPARE_FILES;
  console.log(`open files: ${limit} allowed, ${needed} needed by Serin and by the slow clients each`);
  if (limit < needed) {
    console.log('too few; allow more (ulimit -n), or ask for less with --idle and --trickling');
    return false;
  }
  const folder = mkdtempSync(join(tmpdir(), 'serin-slow-'));
  const started: Started[] = [];
  try {
    const manifests = manifestsOf(folder, site, await startUpstreams(started));
    const serin = start(undefined, process.execPath, [
      new URL('../src/main.ts', import.meta.url).pathname,
      'serve',
      `--manifests=${manifests}`,
      `--http-port=${PORT}`,
      `--https-port=${PORT + 1}`,
      '--healthz-port=0',
      '--watch-ingress-without-class',
      '--listen=127.0.0.1',
      '--workers=2',
      '--configmap=load/settings',
    ]);
    started.push(serin);
    await waitForPort(PORT, 30_000);
    await steady('warm-up', 2);
    const quiet = await steady('quiet', Number(values['quiet-seconds']));
    const quietMb = memoryMb(serin.pid, 'VmRSS');

    const seconds = Number(values.seconds);
    const options = { port: PORT, idle, trickling, seconds: seconds + 120 };
    const slow = start(LOAD_CORE, process.execPath, [
      join(here, 'slow-connections.ts'),
      JSON.stringify(options),
    ]);
    started.push(slow);
    const { opened, failed } = await lineOf<{ opened: number; failed: number }>(slow, 0);
    console.log(`slow clients: ${opened} open, ${failed} refused`);
    const busy = await steady('with slow clients', seconds);
    const busyMb = memoryMb(serin.pid, 'VmRSS');
    const mostMb = memoryMb(serin.pid, 'VmHWM');
    await slow.stop();
    const left = await lineOf<{ open: number; stillTrickling: number }>(slow, 1);

    const bound = quiet.p99 * 2 + NOISE_MS;
    console.log(`at the end: ${left.open} slow connections open, ${left.stillTrickling} of them trickling`);
    console.log(
      `p99: ${quiet.p99} ms quiet, ${busy.p99} ms with slow clients (bound ${bound.toFixed(1)} ms)`,
    );
    console.log(`Serin's RSS: ${quietMb} MB quiet, ${busyMb} MB with slow clients, ${mostMb} MB at most`);
    console.log(`failed requests: ${quiet.failed} quiet, ${busy.failed} with slow clients`);
    const isComplete = opened === idle + trickling && left.open === opened;
    if (!isComplete)
      console.log('not all slow connections were there to the end: the run shows less than it says');
    return isComplete && busy.failed === 0 && busy.p99 <= bound && mostMb <= MAX_RSS_MB;
  } finally {
    for (const one of started.toReversed()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

process.exitCode = (await main()) ? 0 : 1;
