/*
 * What an idle keep-alive connection takes: resident memory of `serin serve` with one worker before and after so many connections that
 * made one request each, plain and TLS, each in fresh processes.
 *   node loadtest/idle-connections.ts [--connections 2000] [--rounds 5] [--curve X25519] [--http2] [--main PATH,PATH]
 * `--main`: the src/main.ts of other checkouts, measured in turn. With `--curve X25519MLKEM768` clients offer the key share of modern
 * browsers, which OpenSSL keeps for the life of a connection.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { manifestsOf } from './manifests.ts';
import { percentile } from './percentile.ts';
import { LOAD_CORE, PROXY_CORE, start, waitForPort, type Started } from './processes.ts';
import { startUpstreams } from './sites.ts';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '5' },
    curve: { type: 'string', default: 'X25519' },
    http2: { type: 'boolean', default: false },
    main: { type: 'string', default: join(import.meta.dirname, '../src/main.ts') },
  },
});
const connections = Number(values.connections);
const PORT = 18_410;
const TLS_PORT = 18_411;
/** As many connections come and go before the count begins: what the first of a process take is not theirs. */
const WARM_UP = 400;
const SETTLE_MS = 3_000;
const OPEN_TIMEOUT_MS = 120_000;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1_024;
}

/** Opens connections in a process of their own; resolves when each has its answer. */
async function open(count: number, isTls: boolean): Promise<Started> {
  const options = { port: isTls ? TLS_PORT : PORT, isTls, count, curve: values.curve, isHttp2: values.http2 };
  const client = start(LOAD_CORE, process.execPath, [
    join(import.meta.dirname, 'idle-clients.ts'),
    JSON.stringify(options),
  ]);
  const deadline = Date.now() + OPEN_TIMEOUT_MS;
  while (!client.output().includes('open')) {
    if (Date.now() > deadline) throw new Error(`connections did not open: ${client.output()}`);
    await pause(50);
  }
  return client;
}

async function measure(main: string, manifests: string, isTls: boolean): Promise<number> {
  const serin = start(PROXY_CORE, process.execPath, [
    ...[main, 'serve', `--manifests=${manifests}`, '--workers=1', '--healthz-port=0', '--listen=127.0.0.1'],
    ...[`--http-port=${PORT}`, `--https-port=${TLS_PORT}`, '--watch-ingress-without-class'],
    '--configmap=load/settings',
  ]);
  try {
    await waitForPort(isTls ? TLS_PORT : PORT);
    await (await open(WARM_UP, isTls)).stop();
    await pause(SETTLE_MS);
    const before = residentBytes(serin.pid);
    const clients = await open(connections, isTls);
    await pause(SETTLE_MS);
    const after = residentBytes(serin.pid);
    await clients.stop();
    return (after - before) / connections;
  } finally {
    await serin.stop();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'serin-idle-'));
const started: Started[] = [];
try {
  const manifests = manifestsOf(folder, 'plain', await startUpstreams(started));
  const results = new Map<string, number[]>();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const isTls of [false, true]) {
      for (const main of values.main.split(',')) {
        const bytes = await measure(main, manifests, isTls);
        const name = `${isTls ? 'TLS' : 'plain'} ${main}`;
        results.set(name, [...(results.get(name) ?? []), bytes]);
        console.log(`round ${round + 1}: ${name}: ${(bytes / 1_024).toFixed(1)} KiB a connection`);
      }
    }
  }
  for (const [name, all] of results) {
    const sorted = all.toSorted((a, b) => a - b).map((bytes) => bytes / 1_024);
    const [least, most] = [sorted[0]!, sorted.at(-1)!].map((kib) => kib.toFixed(1));
    console.log(`${name}: ${percentile(sorted, 0.5, 1)} KiB (${least}-${most})`);
  }
} finally {
  for (const process of started) await process.stop();
  rmSync(folder, { recursive: true, force: true });
}
