/*
 * Preloaded into the Serin that is measured, beside probe.ts: the control thread tells when it read each change of the API server, when it
 * sent what became of it to each worker and when that answered, and what garbage collection took. Started by run.ts; alone it does nothing.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { isMainThread, Worker } from 'node:worker_threads';
import type { Mark } from './timeline.ts';

const TOLD_EVERY_MS = 500;
const folder = process.env['SERIN_SCALE_PROBE'];

interface Posted {
  readonly sequence?: number;
  readonly delta?: { readonly hosts: { readonly set: readonly { readonly name: string }[] } };
  readonly endpoints?: readonly { readonly upstreamId: string }[];
}

interface Collected extends PerformanceEntry {
  readonly detail: { readonly kind: number };
}

if (folder !== undefined && isMainThread) {
  const file = join(folder, 'marks.jsonl');
  let marks: Mark[] = [];
  const nowMs = () => performance.timeOrigin + performance.now();
  const add = (mark: Mark) => void marks.push(mark);

  const parse = JSON.parse;
  JSON.parse = (text, reviver) => {
    const value = parse(text, reviver) as { type?: unknown; object?: { metadata?: { name?: string } } };
    if (value?.type === 'MODIFIED' && value.object?.metadata?.name !== undefined)
      add({ what: 'read', atMs: nowMs(), name: value.object.metadata.name });
    return value;
  };

  const followed = new WeakSet<Worker>();
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (this: Worker, message: Posted, ...rest: []) {
    const worker = this.threadId;
    if (!followed.has(this)) {
      followed.add(this);
      this.on('message', ({ kind, sequence }: { kind: string; sequence: number }) => {
        if (kind === 'acknowledged') add({ what: 'acknowledged', atMs: nowMs(), worker, sequence });
      });
    }
    const { sequence, delta, endpoints } = message;
    if (sequence !== undefined) {
      const names = [
        ...(delta?.hosts.set.map(({ name }) => name) ?? []),
        ...(endpoints?.map(({ upstreamId }) => upstreamId) ?? []),
      ];
      add({ what: 'sent', atMs: nowMs(), worker, sequence, names });
    }
    post.call(this, message, ...rest);
  };

  new PerformanceObserver((list) => {
    for (const { startTime, duration, detail } of list.getEntries() as Collected[])
      add({
        what: 'collected',
        atMs: performance.timeOrigin + startTime,
        tookMs: duration,
        kind: detail.kind,
      });
  }).observe({ entryTypes: ['gc'] });

  setInterval(() => {
    if (marks.length === 0) return;
    const lines = marks.map((mark) => `${JSON.stringify(mark)}\n`).join('');
    marks = [];
    appendFileSync(file, lines);
  }, TOLD_EVERY_MS).unref();
}
