import type { FromWorker } from '../../table/messages.ts';
import type { EndpointEntry, RouteTable, UpstreamEndpoints } from '../../table/table.ts';
import type { PublishResult, TableSink } from '../controller.ts';
import { RemoteWorker, type Answer, type WorkerPort } from './remote-worker.ts';

export interface PublisherDeps {
  /** Workers that have to run the first table before it counts as live. */
  readonly workerCount: number;
  /** A worker runs its first table: it may listen now. */
  readonly ready: (port: WorkerPort) => void;
  /** Told of a new worker that cannot take in the table which the others run; it stays without traffic. */
  readonly report?: (message: string) => void;
}

/** Brings tables and endpoints to the workers. Tell it of each worker's life; several tables are published in turn. */
export interface Publisher extends TableSink {
  started(port: WorkerPort): void;
  received(port: WorkerPort, message: FromWorker): void;
  died(port: WorkerPort, reason: string): void;
  /** Its event loop stands still, with `isLinking` in a table: nothing waits for it until it has recovered or died. */
  stuck(port: WorkerPort, isLinking: boolean): void;
  recovered(port: WorkerPort): void;
}

/** A worker can end for reasons of its own; two in a row that end over a table ended because of it. */
const DEATHS_MAX = 2;

/**
 * Creates a publisher. The first table goes to all workers at once, a later one to one worker first and to the rest when that one has
 * acknowledged it; one that is rejected leaves the last good table everywhere. A new worker is brought to the last good one, and so is one that was stuck
 * and has recovered; a table goes live without those that are stuck.
 */
export function createPublisher(deps: PublisherDeps): Publisher {
  const workers = new Map<WorkerPort, RemoteWorker>();
  const ready = new WeakSet<RemoteWorker>();
  const endpoints = new Map<string, readonly EndpointEntry[]>();
  /** The last table that a worker has acknowledged. */
  let current: RouteTable | undefined;
  let sequence = 0;
  let last: Promise<unknown> = Promise.resolve();
  let wake: (() => void)[] = [];

  const nextSequence = () => ++sequence;

  function signal(): void {
    const waiting = wake;
    wake = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves when workers came, went or became ready. */
  function change(): Promise<void> {
    return new Promise((resolve) => wake.push(resolve));
  }

  async function bring(worker: RemoteWorker, table: RouteTable): Promise<Answer> {
    const answer = await worker.bring(table, () => endpoints);
    if (answer.kind === 'acknowledged' && !ready.has(worker)) {
      ready.add(worker);
      deps.ready(worker.port);
      signal();
    }
    return answer;
  }

  async function bringNew(worker: RemoteWorker, table: RouteTable): Promise<void> {
    const answer = await bring(worker, table);
    if (answer.kind === 'rejected') deps.report?.(answer.message);
  }

  /** Offers a table to one worker, to another when that one ends over it or is stuck. */
  async function offer(table: RouteTable): Promise<PublishResult> {
    for (let deaths = 1; ;) {
      const worker = workers.values().find(({ isStuck }) => !isStuck);
      if (worker === undefined) {
        await change();
        continue;
      }
      let answer = await bring(worker, table);
      // A table that takes long to link does so in every worker: this one's answer is theirs.
      const isTableSlow = answer.kind === 'stuck' && answer.isLinking;
      if (answer.kind === 'stuck' && answer.isLinking) answer = await answer.later;
      if (answer.kind === 'acknowledged')
        return { ok: true, ...(answer.isUnchanged === true ? { isUnchanged: true } : {}) };
      if (answer.kind === 'rejected') return { ok: false, message: answer.message };
      if (answer.kind === 'stuck') continue;
      // Without a table that serves there is nothing to go back to: the next worker has to try.
      if (current !== undefined && (isTableSlow || deaths++ >= DEATHS_MAX)) {
        const what = `worker ${worker.port.index} ended while it took in generation ${table.generation}`;
        return { ok: false, message: `${what}: ${answer.reason}` };
      }
      workers.delete(worker.port);
    }
  }

  async function publishNow(table: RouteTable): Promise<PublishResult> {
    const isFirst = current === undefined;
    // As long as nothing is served there is nothing that a bad table could take down.
    if (isFirst) for (const worker of [...workers.values()].slice(1)) void bring(worker, table);
    const offered = await offer(table);
    if (!offered.ok) {
      sendMissingEndpoints();
      return offered;
    }
    const previous = current;
    current = table;
    const answers = await Promise.all([...workers.values()].map((worker) => bring(worker, table)));
    const rejected = answers.find((answer) => answer.kind === 'rejected');
    if (rejected !== undefined) {
      if (previous !== undefined) {
        current = previous;
        await Promise.all([...workers.values()].map((worker) => bring(worker, previous)));
        sendMissingEndpoints();
      }
      return { ok: false, message: rejected.message };
    }
    if (endpoints.size > table.upstreams.length) forgetOthers(table);
    if (isFirst) while (countReady() < deps.workerCount) await change();
    return offered;
  }

  function countReady(): number {
    let count = 0;
    for (const worker of workers.values()) if (ready.has(worker)) count++;
    return count;
  }

  /** Pods move on whatever becomes of a table. */
  function sendMissingEndpoints(): void {
    for (const worker of workers.values()) worker.sendMissingEndpoints(endpoints);
  }

  function note(changed: readonly UpstreamEndpoints[]): void {
    for (const { upstreamId, endpoints: now } of changed) endpoints.set(upstreamId, now);
    const ids = changed.map(({ upstreamId }) => upstreamId);
    for (const worker of workers.values()) worker.endpointsMoved(ids);
  }

  function forgetOthers({ upstreams }: RouteTable): void {
    const ids = new Set(upstreams.map(({ id }) => id));
    for (const id of endpoints.keys()) if (!ids.has(id)) endpoints.delete(id);
  }

  return {
    publish(table, changed) {
      note(changed);
      const result = last.then(() => publishNow(table));
      last = result;
      return result;
    },
    publishEndpoints(changed) {
      note(changed);
      sendMissingEndpoints();
    },
    started(port) {
      const worker = new RemoteWorker(port, nextSequence);
      worker.endpointsMoved(endpoints.keys());
      workers.set(port, worker);
      if (current !== undefined) void bringNew(worker, current);
      signal();
    },
    received(port, message) {
      workers.get(port)?.received(message);
    },
    died(port, reason) {
      const worker = workers.get(port);
      workers.delete(port);
      worker?.died(reason);
      signal();
    },
    stuck(port, isLinking) {
      workers.get(port)?.stuck(isLinking);
    },
    recovered(port) {
      const worker = workers.get(port);
      if (worker === undefined) return;
      worker.recovered();
      if (current !== undefined) void bringNew(worker, current);
      signal();
    },
  };
}
