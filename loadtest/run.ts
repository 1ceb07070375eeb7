// Runs every scenario against Serin and its peers, interleaved and pinned, and writes loadtest/RESULTS.md.
//   node loadtest/run.ts [--seconds 4] [--rounds 5] [--only TEXT] [--peers NAME,NAME] [--no-write]
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createSelfSigned } from '../src/lib/self-signed.ts';
import { manifestsOf } from './manifests.ts';
import { PEERS, type Peer, type PeerInput } from './peers.ts';
import { cpuMicros, LOAD_CORE, run, start, waitForPort, type Started } from './processes.ts';
import { renderReport, type Sample } from './report.ts';
import { SCENARIOS, type Scenario } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    'no-write': { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
const folder = mkdtempSync(join(tmpdir(), 'serin-load-'));
const here = new URL('.', import.meta.url).pathname;

/** Fixed ports, so that every peer's configuration can name them; all on loopback. */
const UPSTREAM_PORT = 18_100;
const CANARY_PORT = 18_101;
const FIRST_PEER_PORT = 18_200;

async function measure(peer: Started, port: number, scenario: Scenario): Promise<Sample> {
  const url = `${scenario.isTls ? 'https' : 'http'}://127.0.0.1:${port}${scenario.path}`;
  const load = (loadSeconds: number) =>
    run(
      LOAD_CORE,
      process.execPath,
      [
        join(here, 'load.ts'),
        JSON.stringify({
          ...scenario,
          url,
          headers: { Host: 'load.test', ...scenario.headers },
          servername: 'load.test',
          seconds: loadSeconds,
        }),
      ],
      (loadSeconds + 30) * 1_000,
    );
  const before = cpuMicros(peer.pid);
  const result = JSON.parse(await load(seconds)) as Omit<Sample, 'cpuPerRequest'>;
  const used = cpuMicros(peer.pid) - before;
  return { ...result, cpuPerRequest: used / Math.max(result.requests, 1) };
}

async function main(): Promise<void> {
  const started: Started[] = [];
  const samples = new Map<string, Map<string, Sample[]>>();
  const wanted = values.peers === '' ? [] : values.peers.split(',').map((name) => name.toLowerCase());
  const chosen: Peer[] = [];
  for (const peer of PEERS) {
    if (wanted.length > 0 && !wanted.includes(peer.name.toLowerCase())) continue;
    const why = peer.missing();
    if (why === undefined) chosen.push(peer);
    else console.log(`left out: ${peer.name}: ${why}`);
  }
  const scenarios = SCENARIOS.filter(({ name }) => name.includes(values.only));
  try {
    for (const port of [UPSTREAM_PORT, CANARY_PORT]) {
      started.push(start(LOAD_CORE, process.execPath, [join(here, 'upstream.ts'), String(port)]));
      await waitForPort(port);
    }
    const keys = createSelfSigned(['load.test'], Date.now());
    const running: { peer: Peer; process: Started; input: PeerInput }[] = [];
    for (const [index, peer] of chosen.entries()) {
      const own = join(folder, peer.name);
      const input: PeerInput = {
        folder: own,
        upstreamPort: UPSTREAM_PORT,
        canaryPort: CANARY_PORT,
        httpPort: FIRST_PEER_PORT + index * 2,
        httpsPort: FIRST_PEER_PORT + index * 2 + 1,
        ...keys,
        manifests: manifestsOf(own, { upstreamPort: UPSTREAM_PORT, canaryPort: CANARY_PORT, ...keys }),
      };
      const process = await peer.start(input);
      started.push(process);
      running.push({ peer, process, input });
    }
    for (let round = 0; round <= rounds; round++) {
      for (const scenario of scenarios) {
        for (const { peer, process: peerProcess, input } of running) {
          if (!peer.features.has(scenario.needs)) continue;
          const sample = await measure(
            peerProcess,
            scenario.isTls ? input.httpsPort : input.httpPort,
            scenario,
          );
          const label = round === 0 ? 'warm-up' : `round ${round}`;
          console.log(
            `${label}: ${scenario.name}: ${peer.name}: ${sample.cpuPerRequest.toFixed(1)} µs CPU per request, ` +
              `${Math.round(sample.requests / sample.seconds)} requests/s, p99 ${sample.p99} ms, ${sample.other} failed`,
          );
          if (round === 0) continue;
          const byPeer = samples.get(scenario.name) ?? new Map<string, Sample[]>();
          samples.set(scenario.name, byPeer);
          byPeer.set(peer.name, [...(byPeer.get(peer.name) ?? []), sample]);
        }
      }
    }
    const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${execFileSync('uname', ['-r']).toString().trim()}, Node ${process.version}`;
    const report = renderReport(samples, { machine, seconds, rounds });
    console.log(`\n${report}`);
    if (!values['no-write']) writeFileSync(join(here, 'RESULTS.md'), report);
  } finally {
    for (const one of started.toReversed()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
