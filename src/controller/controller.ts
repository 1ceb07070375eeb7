import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { byText, createSelection } from '../lib/edited-list.ts';
import { inTurns, Pace, type Steps } from '../lib/steps.ts';
import type { UpstreamModel } from '../model/model.ts';
import type { EndpointEntry, RouteTable, UpstreamEndpoints } from '../table/table.ts';
import type { Built, Pipeline, References } from './pipeline.ts';
import { UpstreamIndex } from './upstream-index.ts';
import { largerImpact, type ObjectStore, type StoreImpact } from './store/object-store.ts';

/** Where tables and endpoints go. */
export interface TableSink {
  /** Resolves when every worker runs the table, or with the reason why the last good one keeps serving. */
  publish(table: RouteTable, endpoints: readonly UpstreamEndpoints[]): Promise<PublishResult>;
  /** Sends changed endpoints to every worker at once. */
  publishEndpoints(changed: readonly UpstreamEndpoints[]): void;
}

export type PublishResult =
  /** Unchanged: what the workers ran before is the same. */
  { readonly ok: true; readonly isUnchanged?: boolean } | { readonly ok: false; readonly message: string };

/** Told of each round of the loop. */
export interface ControllerObserver {
  /** A snapshot was translated; findings are the full list of now. */
  built(built: Built, tookMs: number): void;
  /** A table is live in every worker; unchanged: it says what the one before said. */
  applied(built: Built, tookMs: number, isUnchanged: boolean): void;
  rejected(built: Built, message: string): void;
  endpointsChanged(changed: readonly UpstreamEndpoints[]): void;
}

export interface ControllerDeps {
  readonly store: ObjectStore;
  readonly pipeline: Pipeline;
  readonly sink: TableSink;
  readonly observer: ControllerObserver;
  /** Makes the source watch what is named; resolves when all of it has been loaded (or cannot be, in bounded time). */
  readonly watchReferences: (references: References) => Promise<void>;
  /** Follows names of ExternalName Services and of hosts; their addresses come back as `endpointsMoved`. */
  readonly watchNames: (upstreams: readonly UpstreamModel[]) => void;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** The control plane's event loop: an event arrived, is handled, the hold-off timer fired, stopping. */
export interface Controller {
  /** Builds and publishes the first table; resolves when it is live. Call it after the source's first full sync. */
  start(): Promise<void>;
  /** Something in the store changed. `serviceKey` (`namespace/name`) says whose endpoints, where only endpoints did. */
  changed(impact: StoreImpact, serviceKey?: string): void;
  /** Addresses of an upstream moved without an object changing (DNS). */
  endpointsMoved(upstreamId: string): void;
  /** What is live; undefined before the first table. */
  live(): Built | undefined;
  /** Endpoints of an upstream as last sent. */
  endpointsOf(upstreamId: string): readonly EndpointEntry[];
  /** Resolves when nothing is waiting to be handled. */
  idle(): Promise<void>;
  stop(): void;
}

/** Whether its endpoints are what DNS says of a name. */
function isByName({ kind }: UpstreamModel): boolean {
  return kind === 'external-name' || kind === 'host';
}

/** A burst waits as long as a translation takes, within these bounds: a change is live within 50 ms, a storm costs half the CPU at most. */
const HOLD_OFF_MIN_MS = 5;
const HOLD_OFF_MAX_MS = 100;
/** What takes longer is done in turns, so that probes and reviews are answered in between. */
const SLICE_MS = 8;
/** Rounds of loading what a translation newly names before it is published anyway. */
const REFERENCE_ROUNDS_MAX = 4;

export function createController(deps: ControllerDeps): Controller {
  const { store, pipeline, sink, observer } = deps;
  const turns = { nowMs: deps.nowMs, sliceMs: SLICE_MS, nextTurn: () => nextTurn() };
  const sent = new Map<string, readonly EndpointEntry[]>();
  const dirtyServices = new Set<string>();
  const movedUpstreams = new Set<string>();
  const index = new UpstreamIndex();
  const byNameAmong = createSelection<UpstreamModel>(
    isByName,
    byText(({ id }) => id),
  );
  let pending: StoreImpact = 'none';
  let timer: NodeJS.Timeout | NodeJS.Immediate | undefined;
  let running: Promise<void> | undefined;
  let isStarted = false;
  let isStopped = false;
  let generation = 0;
  let live: Built | undefined;
  let holdOffMs = HOLD_OFF_MIN_MS;
  let endedAtMs = -Infinity;
  let watched = '';
  let watchedReferences: References | undefined;
  const idleWaiters: (() => void)[] = [];

  function schedule(): void {
    if (!isStarted || isStopped || running !== undefined || timer !== undefined) return;
    if (pending === 'none') {
      for (const resolve of idleWaiters.splice(0)) resolve();
      return;
    }
    const restMs = deps.nowMs() - endedAtMs;
    const fire = () => {
      timer = undefined;
      running = handle().finally(() => {
        running = undefined;
        endedAtMs = deps.nowMs();
        schedule();
      });
    };
    // An isolated change is handled in this turn of the loop, together with what else arrived in it.
    timer = restMs >= holdOffMs ? setImmediate(fire) : setTimeout(fire, holdOffMs - restMs);
  }

  async function handle(): Promise<void> {
    const impact = pending;
    pending = 'none';
    if (impact === 'config') await rebuild();
    else await sendEndpoints();
  }

  async function rebuild(): Promise<void> {
    const startedMs = deps.nowMs();
    generation++;
    let built = await inTurns(pipeline.buildSteps(store.snapshot(), generation), turns);
    for (let round = 0; round < REFERENCE_ROUNDS_MAX; round++) {
      if (built.references === watchedReferences) break;
      watchedReferences = built.references;
      const named = JSON.stringify(built.references);
      if (named === watched) break;
      watched = named;
      await deps.watchReferences(built.references);
      // What was just loaded reached `changed`: it is part of this round, not a reason for another.
      if (pending !== 'config') break;
      pending = 'none';
      built = await inTurns(pipeline.buildSteps(store.snapshot(), generation), turns);
    }
    const tookMs = deps.nowMs() - startedMs;
    holdOffMs = Math.min(Math.max(tookMs, HOLD_OFF_MIN_MS), HOLD_OFF_MAX_MS);
    observer.built(built, tookMs);
    const touched = index.take(built.model.upstreams, (id) => sent.delete(id));
    deps.watchNames(byNameAmong(built.model.upstreams));
    addMoved(touched);
    const changed = await inTurns(changedEndpoints(touched), turns);
    const result = await sink.publish(built.table, changed);
    if (result.ok) {
      live = built;
      observer.applied(built, deps.nowMs() - startedMs, result.isUnchanged === true);
    } else {
      observer.rejected(built, result.message);
    }
  }

  /** Adds the upstreams whose endpoints may be others than were sent. */
  function addMoved(touched: Set<UpstreamModel>): void {
    for (const key of store.takeMovedServices()) dirtyServices.add(key);
    for (const key of dirtyServices) for (const upstream of index.ofService(key)) touched.add(upstream);
    for (const id of movedUpstreams) {
      const upstream = index.get(id);
      if (upstream !== undefined) touched.add(upstream);
    }
    dirtyServices.clear();
    movedUpstreams.clear();
  }

  function* changedEndpoints(upstreams: Iterable<UpstreamModel>): Steps<UpstreamEndpoints[]> {
    const pace = new Pace();
    const snapshot = store.snapshot();
    const changed: UpstreamEndpoints[] = [];
    for (const upstream of upstreams) {
      if (pace.isDue()) yield;
      const endpoints = pipeline.endpointsOf(snapshot, upstream);
      const before = sent.get(upstream.id);
      if (before !== undefined && isDeepStrictEqual(before, endpoints)) continue;
      sent.set(upstream.id, endpoints);
      changed.push({ upstreamId: upstream.id, endpoints });
    }
    return changed;
  }

  async function sendEndpoints(): Promise<void> {
    const touched = new Set<UpstreamModel>();
    addMoved(touched);
    const changed = await inTurns(changedEndpoints(touched), turns);
    if (changed.length === 0) return;
    sink.publishEndpoints(changed);
    observer.endpointsChanged(changed);
  }

  return {
    async start() {
      isStarted = true;
      pending = 'config';
      running = handle().finally(() => {
        running = undefined;
        endedAtMs = deps.nowMs();
        schedule();
      });
      await running;
    },
    changed(impact, serviceKey) {
      if (impact === 'none') return;
      // Endpoints without a known service can belong to any upstream.
      if (impact === 'endpoints' && serviceKey === undefined)
        for (const key of index.services()) dirtyServices.add(key);
      else if (serviceKey !== undefined) dirtyServices.add(serviceKey);
      pending = largerImpact(pending, impact);
      schedule();
    },
    endpointsMoved(upstreamId) {
      movedUpstreams.add(upstreamId);
      pending = largerImpact(pending, 'endpoints');
      schedule();
    },
    live: () => live,
    endpointsOf: (upstreamId) => sent.get(upstreamId) ?? [],
    idle: () =>
      new Promise((resolve) => {
        idleWaiters.push(resolve);
        schedule();
      }),
    stop() {
      isStopped = true;
      if (timer !== undefined) {
        clearTimeout(timer as NodeJS.Timeout);
        clearImmediate(timer as NodeJS.Immediate);
        timer = undefined;
      }
    },
  };
}
