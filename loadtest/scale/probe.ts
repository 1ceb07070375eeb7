/*
 * Preloaded into the Serin that is measured (`--import`): every thread tells twice a second, in a file of its own, what its event loop
 * and its heap were like. Started by run.ts; alone it does nothing.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { isMainThread, threadId } from 'node:worker_threads';
import type { ThreadSample } from './thread-sample.ts';

const TOLD_EVERY_MS = 500;
const LOOK_EVERY_MS = 2;
const folder = process.env['SERIN_SCALE_PROBE'];

if (folder !== undefined) {
  const file = join(folder, isMainThread ? 'control.jsonl' : `worker-${threadId}.jsonl`);
  let at = performance.now();
  let cpu = process.threadCpuUsage();
  let toldAt = at;
  let heldMs = 0;
  let busyMs = 0;
  const look = (): void => {
    const now = performance.now();
    const used = process.threadCpuUsage(cpu);
    heldMs = Math.max(heldMs, now - at - LOOK_EVERY_MS);
    busyMs = Math.max(busyMs, (used.user + used.system) / 1_000);
    if (now - toldAt >= TOLD_EVERY_MS) {
      toldAt = now;
      const heap = getHeapStatistics();
      const sample: ThreadSample = {
        atMs: performance.timeOrigin + now,
        heldMs,
        busyMs,
        heapUsed: heap.used_heap_size,
        heapTotal: heap.total_heap_size,
        external: heap.external_memory,
      };
      appendFileSync(file, `${JSON.stringify(sample)}\n`);
      heldMs = 0;
      busyMs = 0;
    }
    at = performance.now();
    cpu = process.threadCpuUsage();
    setTimeout(look, LOOK_EVERY_MS).unref();
  };
  setTimeout(look, LOOK_EVERY_MS).unref();
}
