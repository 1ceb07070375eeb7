import type { Change, FromWorker, TableDelta, TablePart, ToWorker } from '../table/messages.ts';
import type { Listener } from '../model/ports.ts';
import type { WorkerMetrics } from '../observe/sinks.ts';
import type { UpstreamEndpoints } from '../table/table.ts';
import { linkSteps, type LinkedTable } from './router/link.ts';
import type { LinkDeps } from './router/link-route.ts';
import type { CertificateChange } from './accept/certificate-store.ts';
import type { UpstreamRegistry } from './upstream/registry.ts';

export interface ReceiverDeps extends Omit<LinkDeps, 'upstreamOf' | 'metrics'> {
  readonly metrics: Pick<WorkerMetrics, 'routeSeries' | 'retain'>;
  /** They outlive tables. */
  readonly upstreams: UpstreamRegistry;
  readonly certificates: { apply(change: CertificateChange): void };
  /** Opens and closes ports; resolves when that is done. */
  readonly listeners: {
    apply(listeners: readonly Listener[]): Promise<void>;
    /** After endpoints changed; undefined: no port opens or closes for it. */
    refresh(): Promise<void> | undefined;
  };
  post(message: FromWorker): void;
  /** Runs the rest of a long linking after what the event loop has waiting. */
  readonly defer: (resume: () => void) => void;
  /** Runs once after that many milliseconds. */
  readonly later: (run: () => void, delayMs: number) => void;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
  /** Told when a slice of linking begins and ends: whoever watches the event loop then knows what it is at. */
  readonly setLinking?: (isLinking: boolean) => void;
}

type TableMessage = Extract<ToWorker, { kind: 'table' }>;

/** Takes in what the control plane sends, in order. */
export interface Receiver {
  receive(message: Extract<ToWorker, { kind: 'table-part' | 'table' | 'endpoints' }>): void;
  /** The router in force; undefined before the first table. */
  router(): LinkedTable | undefined;
}

/** Linking pauses after this long, so that no request waits longer on its account. */
const SLICE_MS = 4;
/** An upstream that no route has any more keeps its endpoints this long, for requests matched before. */
const RETIREMENT_MS = 120_000;

/**
 * Creates a receiver. A table is linked beside the one that serves and takes its place in one assignment, with its
 * upstreams and certificates; one that cannot be linked is rejected and changes nothing but endpoints.
 */
export function createReceiver(deps: ReceiverDeps): Receiver {
  const { upstreams, certificates } = deps;
  const linkDeps: LinkDeps = {
    features: deps.features,
    metrics: deps.metrics,
    random: deps.random,
    counters: deps.counters,
    createSubrequest: deps.createSubrequest,
    createCopier: deps.createCopier,
    ofWorker: deps.ofWorker,
    upstreamOf: (id) => upstreams.upstreamOf(id),
  };
  let current: LinkedTable | undefined;
  const queue: TableMessage[] = [];
  /** What came ahead of the next table. */
  let parts: readonly TablePart[] = [];
  /** Endpoints of upstreams that come with a table not linked yet. */
  let early = new Map<string, UpstreamEndpoints>();
  /** Upstreams to be removed, by id, with what says when. */
  const retiring = new Map<string, object>();
  let isRetainDue = false;

  function takeEndpoints(changes: readonly UpstreamEndpoints[]): void {
    for (const change of changes) {
      if (current?.upstreamIds.has(change.upstreamId) === true) upstreams.setEndpoints(change);
      else if (queue.length + parts.length > 0) early.set(change.upstreamId, change);
    }
  }

  function begin(message: TableMessage): void {
    const startedMs = deps.nowMs();
    const steps = linkSteps(message.delta, current, linkDeps);
    const resume = (): void => {
      const sliceEndsMs = deps.nowMs() + SLICE_MS;
      deps.setLinking?.(true);
      try {
        for (;;) {
          const step = steps.next();
          if (step.done === true) {
            swap(step.value, message.delta);
            break;
          }
          if (deps.nowMs() >= sliceEndsMs) return deps.defer(resume);
        }
      } catch (error) {
        return finish(() => reject(message, error as Error));
      } finally {
        deps.setLinking?.(false);
      }
      const { sequence, delta } = message;
      const done = () => finish(() => acknowledge(sequence, delta.generation, startedMs));
      const moved =
        delta.listeners === undefined ? deps.listeners.refresh() : deps.listeners.apply(delta.listeners);
      if (moved === undefined) done();
      else void moved.then(done);
    };
    resume();
  }

  function finish(answer: () => void): void {
    queue.shift();
    answer();
    const next = queue[0];
    if (next !== undefined) begin(next);
    else if (parts.length === 0) early = new Map();
  }

  function swap(next: LinkedTable, delta: TableDelta): void {
    certificates.apply(delta);
    for (const entry of delta.upstreams.set) upstreams.set(entry);
    for (const [id, change] of early) {
      if (!next.upstreamIds.has(id)) continue;
      upstreams.setEndpoints(change);
      early.delete(id);
    }
    const isFirst = current === undefined;
    current = next; // an exchange that is under way keeps the router it began with
    if (delta.upstreams.removed.length > 0) retire(delta.upstreams.removed);
    if (!isFirst && delta.hosts.set.length + delta.hosts.removed.length > 0) retainLater();
  }

  /** What was matched before may still be counted: series of Ingresses that are gone go when nothing can be any more. */
  function retainLater(): void {
    if (isRetainDue) return;
    isRetainDue = true;
    deps.later(() => {
      isRetainDue = false;
      // A table that is being linked has series of its own.
      if (queue.length > 0) retainLater();
      else if (current !== undefined) deps.metrics.retain(ingressesOf(current));
    }, RETIREMENT_MS);
  }

  function retire(ids: readonly string[]): void {
    const round = {};
    for (const id of ids) retiring.set(id, round);
    deps.later(() => {
      for (const id of ids) {
        // One that came back meanwhile stays; one that left once more has a later date.
        if (retiring.get(id) !== round) continue;
        retiring.delete(id);
        if (current?.upstreamIds.has(id) !== true) upstreams.remove(id);
      }
    }, RETIREMENT_MS);
  }

  function acknowledge(sequence: number, generation: number, startedMs: number): void {
    deps.post({ kind: 'acknowledged', sequence, generation, tookMs: deps.nowMs() - startedMs });
  }

  function reject({ sequence, delta }: TableMessage, error: Error): void {
    deps.post({ kind: 'rejected', sequence, generation: delta.generation, message: error.message });
  }

  return {
    receive(message) {
      if (message.kind === 'endpoints') {
        const startedMs = deps.nowMs();
        takeEndpoints(message.endpoints);
        const done = () => acknowledge(message.sequence, current?.generation ?? 0, startedMs);
        const moved = deps.listeners.refresh();
        if (moved === undefined) done();
        else void moved.then(done);
        return;
      }
      if (message.kind === 'table-part') {
        parts = [...parts, message.part];
        takeEndpoints(message.endpoints);
        return;
      }
      const whole = parts.length === 0 ? message : { ...message, delta: joinParts(parts, message.delta) };
      parts = [];
      queue.push(whole);
      takeEndpoints(message.endpoints);
      if (queue.length === 1) begin(whole);
    },
    router: () => current,
  };
}

function joinParts(parts: readonly TablePart[], delta: TableDelta): TableDelta {
  const join = <T>(all: readonly (readonly T[])[], { set, removed }: Change<T>): Change<T> => ({
    set: [...all.flat(), ...set],
    removed,
  });
  return {
    ...delta,
    hosts: join(
      parts.map(({ hosts }) => hosts),
      delta.hosts,
    ),
    upstreams: join(
      parts.map(({ upstreams }) => upstreams),
      delta.upstreams,
    ),
    certificates: join(
      parts.map(({ certificates }) => certificates),
      delta.certificates,
    ),
  };
}

/** `namespace/name` of all Ingresses that a table has routes of. */
function ingressesOf({ hosts }: LinkedTable): ReadonlySet<string> {
  const ingresses = new Set<string>();
  for (const { entry } of hosts.values()) {
    const { first } = entry;
    if (first !== undefined) ingresses.add(`${first.namespace}/${first.ingress}`);
    for (const { labels } of entry.routes) ingresses.add(`${labels.namespace}/${labels.ingress}`);
  }
  return ingresses;
}
