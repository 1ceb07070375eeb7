#!/usr/bin/env node
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

// One entry, two lives: a worker thread serves traffic, the main thread is the command line.
if (!isMainThread && workerData?.role === 'serin-worker') {
  const { startWorker } = await import('./proxy/worker.ts');
  startWorker(workerData, parentPort!);
} else {
  const { limitHeaps } = await import('./cli/heap-limits.ts');
  limitHeaps(process.execArgv, process.env['NODE_OPTIONS'] ?? '');
  const { run } = await import('./cli/run.ts');
  process.exitCode = await run(process.argv.slice(2), new URL(import.meta.url));
}
