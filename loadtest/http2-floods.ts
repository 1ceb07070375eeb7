/*
 * What floods of HTTP/2 do to the others: the worst latency of a steady load while clients, or an upstream, flood one worker.
 *   node loadtest/http2-floods.ts [--seconds 6] [--rate 200] [--connections 4] [--only reset,ping] [--side client|upstream] [--turns]
 * With `--turns` it also says how much CPU time the longest turn of the event loop took meanwhile; measuring that takes what is left of the core.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { FLOODS } from './http2-flood-kinds.ts';
import { ingress, manifestsOf, service } from './manifests.ts';
import { LOAD_CORE, PROXY_CORE, run, start, waitForPort, type Started } from './processes.ts';
import { startUpstreams } from './sites.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '6' },
    rate: { type: 'string', default: '200' },
    connections: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
    side: { type: 'string', default: '' },
    turns: { type: 'boolean', default: false },
  },
});
const PORT = 18_420;
const HEALTH_PORT = 18_422;
const HOSTILE_PORT = 18_423;
const FLOODED_PORT = 18_424;
const MOST_MS = 100;
interface Latencies {
  readonly sent: number;
  readonly failed: number;
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
}

async function steady(): Promise<Latencies> {
  const options = {
    url: `http://127.0.0.1:${PORT}/512`,
    host: 'load.test',
    connections: 10,
    rate: Number(values.rate),
    seconds: Number(values.seconds),
  };
  const file = join(import.meta.dirname, 'steady.ts');
  return JSON.parse(
    await run(LOAD_CORE, process.execPath, [file, JSON.stringify(options)], 120_000),
  ) as Latencies;
}

/** How many connections and streams were ended so far, by `side/cause`. */
async function ended(): Promise<Map<string, number>> {
  const text = await (await fetch(`http://127.0.0.1:${HEALTH_PORT}/metrics`)).text();
  const found = text.matchAll(/^serin_http2_ended_total\{.*side="(\w+)",cause="([\w-]+)"\} (\d+)/gm);
  return new Map([...found].map(([, side, cause, count]) => [`${side}/${cause}`, Number(count)]));
}

const residentMb = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024);

/** The longest turn since the last call, in milliseconds. */
function longestTurn(): string {
  if (!existsSync(turns)) return '';
  const longest = Math.max(
    ...readFileSync(turns, 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(line.split(' ')[1])),
  );
  rmSync(turns);
  return String(Math.round(longest));
}

/** Floods while others are served; answers their worst latency. */
async function during(side: 'client' | 'upstream', kind: string, pid: number): Promise<number> {
  // What the machine does by itself shows beside.
  const quiet = await steady();
  const before = await ended();
  const options = { kind, side, port: PORT, listen: HOSTILE_PORT, connections: Number(values.connections) };
  const file = join(import.meta.dirname, 'http2-flooder.ts');
  // It gets what the others leave of their core.
  const flooder = start(LOAD_CORE, 'nice', ['-n', '19', process.execPath, file, JSON.stringify(options)]);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  longestTurn();
  const others = await steady();
  const turn = longestTurn();
  const memory = residentMb(pid);
  await flooder.stop();
  const did = JSON.parse(flooder.output().trim() || '{}') as { connections?: number; bytes?: number };
  const causes = [...(await ended())]
    .map(([name, count]) => [name, count - (before.get(name) ?? 0)] as const)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  const megabytes = Math.round((did.bytes ?? 0) / 1e6);
  console.log(
    `| ${side} | ${kind} | ${quiet.p50}, ${quiet.p99}, ${quiet.worst} | ${others.p50}, ${others.p99}, ${others.worst} | ${others.failed} | ${did.connections}, ${megabytes} MB | ${causes.join(', ')} | ${memory} | ${turn} |`,
  );
  return others.failed > 0 ? Number.POSITIVE_INFINITY : others.worst;
}

const folder = mkdtempSync(join(tmpdir(), 'serin-floods-'));
const turns = join(folder, 'turns');
const started: Started[] = [];
try {
  const manifests = manifestsOf(folder, 'plain', await startUpstreams(started));
  // What the floods ask for is answered by another server than what the others ask for: they share Serin alone.
  started.push(
    start(LOAD_CORE, 'nice', [
      '-n',
      '19',
      process.execPath,
      join(import.meta.dirname, 'upstream.ts'),
      String(FLOODED_PORT),
    ]),
  );
  const hostile = [
    ...service('flooded', FLOODED_PORT),
    ingress('flooded', 'flooded.test', '/', 'flooded', { 'ssl-redirect': 'false', 'proxy-body-size': '0' }),
    ingress('tunnels', 'flooded.test', '/ws', 'echo', { 'ssl-redirect': 'false' }),
    ...service('hostile', HOSTILE_PORT),
    ingress('hostile', 'hostile.test', '/', 'hostile', {
      'backend-protocol': 'GRPC',
      'ssl-redirect': 'false',
      'proxy-read-timeout': '5',
    }),
  ];
  writeFileSync(join(manifests, 'hostile.yaml'), hostile.map((object) => stringify(object)).join('---\n'));
  const measuring = values.turns ? ['--import', join(import.meta.dirname, 'turn-times.ts')] : [];
  const args = [
    ...measuring,
    join(import.meta.dirname, '../src/main.ts'),
    'serve',
    `--manifests=${manifests}`,
    `--http-port=${PORT}`,
    `--https-port=${PORT + 1}`,
    `--healthz-port=${HEALTH_PORT}`,
    '--watch-ingress-without-class',
    '--listen=127.0.0.1',
    '--workers=1',
    '--configmap=load/settings',
  ];
  const serin = start(PROXY_CORE, process.execPath, args, { SERIN_TURN_TIMES: turns });
  started.push(serin);
  await waitForPort(PORT, 30_000);
  await steady();
  console.log(
    '| side | flood | quiet: p50, p99, worst ms | others meanwhile | failed | connections, sent | ended | RSS MB | longest turn ms |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const wanted = values.only === '' ? undefined : values.only.split(',');
  for (const side of ['client', 'upstream'] as const) {
    if (values.side !== '' && values.side !== side) continue;
    for (const kind of Object.keys(FLOODS[side])) {
      if (wanted !== undefined && !wanted.includes(kind)) continue;
      if ((await during(side, kind, serin.pid)) > MOST_MS) process.exitCode = 1;
    }
  }
} finally {
  for (const one of started.toReversed()) await one.stop();
  rmSync(folder, { recursive: true, force: true });
}
