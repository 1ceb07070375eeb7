/*
 * What one scrape costs: a registry with many series behind the health port, and curl.
 *   node loadtest/scrape.ts [--series 25000] [--workers 2] [--gzip]
 * Prints one JSON line a scrape: seconds, CPU per series, longest turn of the event loop, growth of memory, bytes.
 */
import { execFile } from 'node:child_process';
import { parseArgs, promisify } from 'node:util';
import { createAccess } from '../src/admin/access.ts';
import { startAdminServer } from '../src/admin/server.ts';
import type { AccessRecord } from '../src/observe/access-record.ts';
import { createWorkerMetrics } from '../src/observe/metrics-arena.ts';
import { createMetricsRegistry } from '../src/observe/metrics.ts';

const { values } = parseArgs({
  options: {
    series: { type: 'string', default: '25000' },
    workers: { type: 'string', default: '2' },
    gzip: { type: 'boolean', default: false },
  },
});
const seriesCount = Number(values.series);
const SCRAPES = 5;

const registry = createMetricsRegistry({
  controllerClass: 'k8s.io/ingress-nginx',
  controllerNamespace: 'ingress-nginx',
  controllerPod: 'ingress-nginx-controller-7d4d9b9c5f-abcde',
  build: { release: '0', build: '0', repository: '' },
  now: Date.now,
  areReported: true,
  isRuntimeReported: true,
});
const attempts = [
  { address: '10.0.0.1:80', status: 200, responseLength: 5, connectMs: 0.4, headerMs: 6, responseMs: 30 },
];
for (let worker = 0; worker < Number(values.workers); worker++) {
  const metrics = createWorkerMetrics(registry.bufferFor(worker), (slot, labels) =>
    registry.addSeries(worker, slot, labels),
  );
  for (let i = 0; i < seriesCount; i++) {
    const labels = {
      namespace: `team-${i % 50}`,
      ingress: `shop-${i % 5_000}`,
      service: `shop-${i % 5_000}`,
      servicePort: '80',
      path: `/api/v1/orders-${i}`,
      host: `shop-${i % 5_000}.example.test`,
    };
    const record = {
      method: 'GET',
      status: 200,
      requestLength: 640,
      bytesSent: 12_345,
      durationMs: 31,
      attempts,
    };
    const series = metrics.routeSeries(labels, '');
    for (let times = 0; times < 1 + (i % 7); times++) series.observe(record as unknown as AccessRecord);
  }
}
const admin = await startAdminServer(
  {
    checks: [],
    healthPath: '/healthz',
    metrics: () => registry.exposition(),
    views: new Map(),
    access: createAccess(() => undefined),
    failed: (error) => console.error(error),
  },
  '127.0.0.1',
  0,
);
const run = promisify(execFile);
// Starting a process holds the loop, too: it asks when that is over.
const zip = values.gzip ? "-H 'Accept-Encoding: gzip'" : '';
const script = `sleep 0.3; exec curl -s -o /dev/null -w '%{size_download}' ${zip} http://127.0.0.1:${admin.port}/metrics`;
const SCRIPT_SLEEPS_MS = 300;

for (let scrape = 0; scrape < SCRAPES; scrape++) {
  globalThis.gc?.();
  const rssBefore = process.memoryUsage.rss();
  let rssMax = rssBefore;
  const watching = setInterval(() => (rssMax = Math.max(rssMax, process.memoryUsage.rss())), 20);
  const asked = run('sh', ['-c', script]);
  await new Promise((resolve) => setTimeout(resolve, SCRIPT_SLEEPS_MS / 2));
  const turns = watchTurns();
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const { stdout } = await asked;
  const seconds = (performance.now() - startedAt - SCRIPT_SLEEPS_MS / 2) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const { heldMs, busyMs } = turns.stop();
  clearInterval(watching);
  console.log(
    JSON.stringify({
      seconds: Number(seconds.toFixed(2)),
      cpuMicrosecondsPerSeries: Number(((user + system) / seriesCount).toFixed(1)),
      ofThemInTheKernel: Number((system / seriesCount).toFixed(1)),
      loopHeldMaxMs: Number(heldMs.toFixed(1)),
      ofThatAtWorkMs: Number(busyMs.toFixed(1)),
      rssGrownMiB: Math.round((rssMax - rssBefore) / 2 ** 20),
      mebibytes: Math.round(Number(stdout) / 2 ** 20),
    }),
  );
}
await admin.close();

/** Longest turn of the event loop: by the clock, and in CPU time of its thread, which other programs on the machine add nothing to. */
function watchTurns(): { stop(): { heldMs: number; busyMs: number } } {
  let [heldMs, busyMs, isOver] = [0, 0, false];
  let at = performance.now();
  let cpu = process.threadCpuUsage();
  const look = () => {
    const used = process.threadCpuUsage(cpu);
    heldMs = Math.max(heldMs, performance.now() - at);
    busyMs = Math.max(busyMs, (used.user + used.system) / 1_000);
    at = performance.now();
    cpu = process.threadCpuUsage();
    if (!isOver) setTimeout(look, 1);
  };
  look();
  return {
    stop() {
      isOver = true;
      return { heldMs, busyMs };
    },
  };
}
