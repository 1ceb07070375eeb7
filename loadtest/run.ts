// Runs every scenario against Serin and its peers, interleaved and pinned; writes loadtest/RESULTS.md, results.svg and FIGURES.md.
//   node loadtest/run.ts [--seconds 4] [--rounds 5] [--warm-up 10] [--only TEXT] [--peers NAME,NAME] [--beside CHECKOUT] [--no-write]
// `--beside`: Serin as it is in another checkout, as one more peer; may be given more than once.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { PeerInput } from './peer-input.ts';
import { PEERS, type Peer, serinOf } from './peers.ts';
import { renderPicture } from './picture.ts';
import { cpuMicros, isInstalled, LOAD_CORE, run, type Started } from './processes.ts';
import { renderFigures, renderReport, type Sample } from './report.ts';
import { scenariosNamed, type Scenario } from './scenarios.ts';
import { inputOf, startUpstreams } from './sites.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    'warm-up': { type: 'string', default: '10' },
    only: { type: 'string', default: '' },
    peers: { type: 'string', default: '' },
    beside: { type: 'string', multiple: true, default: [] },
    'no-write': { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);
/** Until then V8 has not compiled all that a scenario needs; nginx and HAProxy come compiled. */
const warmUpSeconds = Number(values['warm-up']);
const folder = mkdtempSync(join(tmpdir(), 'serin-load-'));
const here = new URL('.', import.meta.url).pathname;

interface Running {
  readonly peer: Peer;
  readonly process: Started;
  readonly input: PeerInput;
}

async function measure(
  { peer: { name }, process: peer, input }: Running,
  scenario: Scenario,
  forSeconds: number,
): Promise<Sample> {
  const port = scenario.isTls ? input.httpsPort : input.httpPort;
  const options = {
    ...scenario,
    url: `${scenario.isTls ? 'https' : 'http'}://127.0.0.1:${port}${scenario.path}`,
    headers: { Host: 'load.test', ...scenario.headers },
    seconds: forSeconds,
  };
  const args = [join(here, scenario.loader), JSON.stringify(options)];
  const before = cpuMicros(peer.pid);
  const output = await run(LOAD_CORE, process.execPath, args, (forSeconds + 30) * 1_000);
  const result = JSON.parse(output) as Omit<Sample, 'cpuPerRequest'>;
  const used = cpuMicros(peer.pid) - before;
  // A peer that answers nothing is set up wrongly; its figure would be a comparison with nothing.
  if (result.requests === 0) throw new Error(`${name} answered nothing: ${scenario.name}: ${output}`);
  return { ...result, cpuPerRequest: used / result.requests };
}

function choosePeers(): Peer[] {
  const wanted = values.peers === '' ? [] : values.peers.split(',').map((name) => name.toLowerCase());
  const installed = PEERS.filter((peer) => {
    const isWanted =
      wanted.length === 0 ? peer.isOnDemand !== true : wanted.includes(peer.name.toLowerCase());
    if (!isWanted) return false;
    const why = peer.missing();
    if (why !== undefined) console.log(`left out: ${peer.name}: ${why}`);
    return why === undefined;
  });
  const others = values.beside.map((checkout) =>
    serinOf(`Serin of ${basename(checkout)}`, resolve(checkout)),
  );
  return [...installed, ...others];
}

/** Starts the peers that a site's scenarios need. One that cannot hold 10,000 hosts is left out of them by name. */
async function startPeers(started: Started[], scenarios: readonly Scenario[]): Promise<Running[]> {
  const upstreams = await startUpstreams(started);
  const running: Running[] = [];
  for (const [index, peer] of choosePeers().entries()) {
    for (const site of ['main', 'hosts'] as const) {
      if (!scenarios.some((each) => each.site === site && peer.features.has(each.needs))) continue;
      const input = inputOf(upstreams, folder, peer, index, site);
      mkdirSync(input.folder, { recursive: true });
      const beganMs = performance.now();
      try {
        const process = await peer.start(input);
        started.push(process);
        running.push({ peer, process, input });
        const tookSeconds = ((performance.now() - beganMs) / 1_000).toFixed(1);
        if (site === 'hosts') console.log(`${peer.name} with 10,000 hosts: accepts after ${tookSeconds} s`);
      } catch (error) {
        if (site === 'main' || peer.name === 'Serin') throw error;
        console.log(`left out of 10,000 hosts: ${peer.name}: ${(error as Error).message}`);
      }
    }
  }
  return running;
}

function write(samples: ReadonlyMap<string, ReadonlyMap<string, Sample[]>>, scenarios: readonly Scenario[]) {
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, Linux ${execFileSync('uname', ['-r']).toString().trim()}, Node ${process.version}`;
  const units = new Map(scenarios.map(({ name, unit }) => [name, unit]));
  const against = new Map(
    scenarios.flatMap((each) => (each.against === undefined ? [] : [[each.name, each.against] as const])),
  );
  const report = renderReport(samples, { machine, seconds, warmUpSeconds, rounds, units, against });
  console.log(`\n${report}`);
  if (values['no-write']) return;
  writeFileSync(join(here, 'RESULTS.md'), report);
  writeFileSync(join(here, 'results.svg'), renderPicture(samples, units, machine));
  writeFileSync(join(here, 'FIGURES.md'), renderFigures(samples));
}

async function main(): Promise<void> {
  const started: Started[] = [];
  const samples = new Map<string, Map<string, Sample[]>>();
  const scenarios = scenariosNamed(values.only).filter(({ name, loader }) => {
    const isLeftOut = loader === 'h2load.ts' && !isInstalled('h2load');
    if (isLeftOut) console.log(`left out: ${name}: h2load is not installed (Debian package nghttp2-client)`);
    return !isLeftOut;
  });
  try {
    const running = await startPeers(started, scenarios);
    for (let round = 0; round <= rounds; round++) {
      for (const scenario of scenarios) {
        for (const one of running) {
          const { peer, input } = one;
          if (input.site !== scenario.site || !peer.features.has(scenario.needs)) continue;
          const sample = await measure(one, scenario, round === 0 ? warmUpSeconds : seconds);
          const label = round === 0 ? 'warm-up' : `round ${round}`;
          console.log(
            `${label}: ${scenario.name}: ${peer.name}: ${sample.cpuPerRequest.toFixed(1)} µs CPU per ${scenario.unit}, ` +
              `${Math.round(sample.requests / sample.seconds)} ${scenario.unit}s/s, p99 ${sample.p99} ms, ${sample.other} failed`,
          );
          if (round === 0) continue;
          const byPeer = samples.get(scenario.name) ?? new Map<string, Sample[]>();
          samples.set(scenario.name, byPeer);
          byPeer.set(peer.name, [...(byPeer.get(peer.name) ?? []), sample]);
        }
      }
    }
    write(samples, scenarios);
  } finally {
    for (const one of started.toReversed()) await one.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
