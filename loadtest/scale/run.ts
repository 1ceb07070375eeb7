/*
 * Serin at scale, on a real API server: cold start, memory, how soon changes are live, how long its event loops stand still, what a scrape costs.
 *   KUBECONFIG=... node loadtest/scale/run.ts [--sizes 0,100,1000,5000,10000] [--starts 1] [--changes 1000] [--rate 50] [--node-args=--cpu-prof]
 * Without changes (--changes 0) only starts are measured; what is in the cluster from a run before is not made anew.
 * Needs root, for the mounts and the addresses of a Pod, and that all of 10.244.0.0/16 leads here, as in a network namespace of a simulated cluster.
 * Prints one line of JSON for each size.
 */
import { connect } from 'node:net';
import { parseArgs } from 'node:util';
import { percentile } from '../percentile.ts';
import { inLanes, openApi, type Api } from './api.ts';
import { makeChanges, PATHS } from './changes.ts';
import { openClient } from './live.ts';
import {
  hostOf,
  ingressOf,
  servedIngressOf,
  NAMESPACE,
  POD_PORT,
  serviceOf,
  SHARED,
  sliceOf,
  STEADY_PATH,
  standingAddresses,
} from './objects.ts';
import { startPods } from './pods.ts';
import { buildSerin, startScaled, type ScaledSerin } from './serin.ts';
import { collections, splitLatencies, type Followed } from './timeline.ts';
import type { ThreadSample } from './thread-sample.ts';

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '0,100,1000,5000,10000' },
    starts: { type: 'string', default: '1' },
    changes: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '50' },
    workers: { type: 'string', default: '2' },
    'node-args': { type: 'string', default: '' },
  },
});
/** Hosts that are asked right after the start. */
const SAMPLES = 200;
/** Changes are numbered by the clock. */
const CHANGE_EVERY_MS = 10;
const CHANGES_APART = 10_000_000;
/** What a sample of a thread covers. */
const SAMPLED_MS = 500;
const SETTLE_MS = 5_000;
const LEFT_ALONE_MS = 12_000;

const kubeconfig = process.env['KUBECONFIG'];
if (kubeconfig === undefined || process.getuid?.() !== 0) {
  console.log('loadtest/scale is skipped: it needs KUBECONFIG of a cluster that it may write to, and root');
} else {
  const pods = await startPods();
  try {
    if (await isReachable('10.244.200.1')) await measureAll(kubeconfig);
    else
      console.log(
        'loadtest/scale is skipped: the addresses of simulated Pods, 10.244.0.0/16, do not lead to this process',
      );
  } finally {
    await pods.close();
  }
}

async function measureAll(path: string): Promise<void> {
  buildSerin();
  const api = openApi(path);
  await api.create('/api/v1/namespaces', SHARED[0]!);
  await api.create('/apis/networking.k8s.io/v1/ingressclasses', SHARED[1]!);
  let made = 0;
  // What an earlier run left behind on this cluster is none of ours: a change to it would be none.
  let changes = Math.floor(Date.now() / CHANGE_EVERY_MS) % CHANGES_APART;
  for (const size of values.sizes.split(',').map(Number)) {
    if (size > 0 && !(await api.has(PATHS.ingress(size - 1)))) await fill(api, made, size);
    made = size;
    for (let start = 0; start < Number(values.starts); start++) {
      console.log(JSON.stringify(await measure(api, size, changes)));
      changes += Number(values.changes);
    }
  }
  await api.close();
}

async function fill(api: Api, from: number, to: number): Promise<void> {
  const base = `/namespaces/${NAMESPACE}`;
  await inLanes(numbers(from, to), async (index) => {
    await api.create(`/api/v1${base}/services`, serviceOf(index));
    await api.create(
      `/apis/discovery.k8s.io/v1${base}/endpointslices`,
      sliceOf(index, standingAddresses(index)),
    );
    await api.create(`/apis/networking.k8s.io/v1${base}/ingresses`, ingressOf(index, '/first'));
    await api.put(`${PATHS.ingress(index)}/status`, servedIngressOf(index, '/first'));
  });
}

function* numbers(from: number, to: number): Generator<number> {
  for (let number = from; number < to; number++) yield number;
}

async function measure(api: Api, size: number, firstChange: number): Promise<object> {
  const options = {
    workers: Number(values.workers),
    nodeArgs: values['node-args'].split(' ').filter((arg) => arg !== ''),
  };
  const serin = await startScaled(api, options);
  try {
    const wrong = await askSample(serin, size);
    await sleep(SETTLE_MS);
    // From when it can be asked at all: before, it loads its modules.
    const start = turns(serin.samples(serin.answeredAtMs + SAMPLED_MS));
    const rssAtStart = serin.rss();
    const heaps = heapsOf(serin);
    const started = {
      size,
      readyMs: Math.round(serin.readyMs),
      cpuToReadyMs: Math.round(serin.cpuToReadyMicros / 1_000),
      wrong,
      start,
      rssMiB: mib(rssAtStart),
      heaps,
    };
    if (size === 0) {
      await sleep(LEFT_ALONE_MS);
      return { ...started, rssIdleMiB: mib(serin.rss()) };
    }
    if (Number(values.changes) === 0) return started;
    const changedFromMs = Date.now();
    const cpuBefore = serin.cpuMicros();
    const count = Number(values.changes);
    const followed = await makeChanges(api, {
      count,
      perSecond: Number(values.rate),
      size,
      httpPort: serin.httpPort,
      first: firstChange,
    });
    const cpuMsPerChange = Number(((serin.cpuMicros() - cpuBefore) / 1_000 / count).toFixed(2));
    const changing = turns(serin.samples(changedFromMs));
    await sleep(SETTLE_MS);
    const marks = serin.marks(changedFromMs);
    const scrape = await scrapeOnce(serin);
    return {
      ...started,
      rssAfterChangesMiB: mib(serin.rss()),
      heapsAfterChanges: heapsOf(serin),
      ingressLiveMs: spread(followed, 'ingress'),
      endpointsLiveMs: spread(followed, 'endpoints'),
      parts: splitLatencies(followed, marks, options.workers),
      garbage: collections(marks),
      cpuMsPerChange,
      changing,
      scrape,
    };
  } finally {
    await serin.stop();
  }
}

/** Hosts of a sample that are not answered 200 by their own Pods at the first request. */
async function askSample(serin: ScaledSerin, size: number): Promise<number> {
  const client = openClient(serin.httpPort);
  let wrong = 0;
  for (let i = 0; i < Math.min(SAMPLES, size); i++) {
    const index = Math.floor((i * size) / SAMPLES) % size;
    const { status } = await client.get(hostOf(index), STEADY_PATH);
    if (status !== 200) wrong++;
  }
  client.close();
  return wrong;
}

async function scrapeOnce(serin: ScaledSerin): Promise<object> {
  const fromMs = Date.now();
  const before = serin.rss();
  let most = before;
  const watching = setInterval(() => (most = Math.max(most, serin.rss())), 5);
  const startedMs = performance.now();
  const response = await fetch(`http://127.0.0.1:${serin.healthPort}/metrics`, {
    headers: { 'accept-encoding': 'identity' },
  });
  let bytes = 0;
  for await (const chunk of response.body!) bytes += chunk.length;
  const tookMs = Math.round(performance.now() - startedMs);
  clearInterval(watching);
  await sleep(1_000);
  const { control } = turns(serin.samples(fromMs));
  return { tookMs, mib: mib(bytes), grownMiB: mib(most - before), control };
}

interface Turns {
  readonly heldMs: number;
  readonly busyMs: number;
}

function turns({ control, workers }: ReturnType<ScaledSerin['samples']>): { control: Turns; workers: Turns } {
  const longest = (samples: readonly ThreadSample[]): Turns => ({
    heldMs: Math.round(Math.max(0, ...samples.map(({ heldMs }) => heldMs))),
    busyMs: Math.round(Math.max(0, ...samples.map(({ busyMs }) => busyMs))),
  });
  return { control: longest(control), workers: longest(workers) };
}

/** Heaps of the threads by their last words, in MiB: used, held, outside. */
function heapsOf(serin: ScaledSerin): object {
  const { control, workers } = serin.samples(Date.now() - 3_000);
  const print = (sample: ThreadSample | undefined) =>
    sample && [sample.heapUsed, sample.heapTotal, sample.external].map(mib).join('/');
  return { control: print(control.at(-1)), worker: print(workers.at(-1)) };
}

/** Milliseconds from the API server's answer to a change until every worker served by it. */
function spread(followed: readonly Followed[], kind: Followed['kind']): object {
  const sorted = followed
    .filter((change) => change.kind === kind)
    .map(({ answeredMs, liveMs }) => liveMs - answeredMs)
    .toSorted((a, b) => a - b);
  const at = (share: number) => percentile(sorted, share);
  return { n: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function mib(bytes: number): number {
  return Number((bytes / 2 ** 20).toFixed(1));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Whether an address leads to the simulated Pods. */
function isReachable(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: POD_PORT, timeout: 2_000 });
    const finish = (isOpen: boolean) => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => finish(true));
    socket.once('error', () => finish(false));
    socket.once('timeout', () => finish(false));
  });
}
