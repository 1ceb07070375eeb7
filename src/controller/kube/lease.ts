import { isKubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { LEASES } from './resources.ts';
import { sleep, type Timing } from './timing.ts';

export interface LeaderElectionDeps {
  readonly client: KubeClient;
  readonly timing: Timing;
  /** Namespace of the Lease: the controller's own. */
  readonly namespace: string;
  /** Name of the Lease: --election-id. */
  readonly name: string;
  /** Who contends: the name of the Pod. */
  readonly identity: string;
  /** --election-ttl. Renewed every quarter of it; given up when that has failed for half of it. */
  readonly durationMs: number;
  readonly observer: LeaderElectionObserver;
}

export interface LeaderElectionObserver {
  elected(): void;
  lost(reason: string): void;
  /** A try failed; told once until one works again. */
  failed(error: unknown): void;
}

/** Contends for one Lease, in client-go's way: at most one holder at a time, as far as clocks run equally fast. */
export interface LeaderElection {
  start(): void;
  isLeader(): boolean;
  /** Gives the Lease back if it is held, so that the next contender takes over at its next try. */
  stop(): Promise<void>;
}

/** spec of a Lease (coordination.k8s.io/v1). */
interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** Contenders that start together shall not ask together. */
const JITTER = 0.2;

export function createLeaderElection(deps: LeaderElectionDeps): LeaderElection {
  const { client, timing, namespace, name, identity, durationMs, observer } = deps;
  const ref = { namespace, name };
  const retryMs = durationMs / 4;
  const giveUpMs = durationMs / 2;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let isLeader = false;
  let hasFailed = false;
  /** The Lease as last seen, and when it was last seen to change: other machines' clocks are not trusted. */
  let seen: KubeObject | undefined;
  let changedMs = 0;
  /** When the Lease that another one holds ends, as last seen. */
  let freeAtMs: number | undefined;
  let cancelGiveUp: (() => void) | undefined;

  function note(lease: KubeObject): void {
    const hasChanged = seen?.metadata.resourceVersion !== lease.metadata.resourceVersion;
    if (hasChanged) changedMs = timing.elapsedMs();
    seen = lease;
  }

  function hold(askedMs: number): void {
    cancelGiveUp?.();
    // Counted from before the request: the server may have written long before its answer came.
    const leftMs = Math.max(0, askedMs + giveUpMs - timing.elapsedMs());
    cancelGiveUp = timing.after(leftMs, () => yieldLead('it could not be renewed in time'));
    if (isLeader) return;
    isLeader = true;
    observer.elected();
  }

  function yieldLead(reason: string): void {
    cancelGiveUp?.();
    if (!isLeader) return;
    isLeader = false;
    observer.lost(reason);
  }

  function specFor(before: LeaseSpec): LeaseSpec {
    const now = microTime(timing.nowMs());
    const isOurs = before.holderIdentity === identity;
    return {
      ...before,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(durationMs / 1_000),
      acquireTime: isOurs ? (before.acquireTime ?? now) : now,
      renewTime: now,
      leaseTransitions: (before.leaseTransitions ?? 0) + (isOurs ? 0 : 1),
    };
  }

  async function attempt(signal: AbortSignal): Promise<void> {
    const askedMs = timing.elapsedMs();
    freeAtMs = undefined;
    let lease: KubeObject;
    try {
      lease = await client.get(LEASES, ref, signal);
    } catch (error) {
      if (!isKubeError(error, 404)) throw error;
      const spec = { ...specFor({}), leaseTransitions: 0 };
      note(await client.create(LEASES, namespace, { metadata: { name, namespace }, spec }, signal));
      return hold(askedMs);
    }
    note(lease);
    const spec = specOf(lease);
    const holder = spec.holderIdentity ?? '';
    const expiresMs = changedMs + (spec.leaseDurationSeconds ?? 0) * 1_000;
    const isFree = holder === '' || holder === identity || timing.elapsedMs() >= expiresMs;
    if (!isFree) {
      freeAtMs = expiresMs;
      return yieldLead(`${holder} holds the Lease`);
    }
    // The version makes sure that only one contender's update is taken.
    note(await client.update(LEASES, ref, { ...lease, spec: specFor(spec) }, undefined, signal));
    hold(askedMs);
  }

  async function bounded(task: (signal: AbortSignal) => Promise<void>, limitMs: number): Promise<void> {
    const bound = new AbortController();
    const cancel = timing.after(limitMs, () => bound.abort(new Error(`no answer within ${limitMs} ms`)));
    const onStop = () => bound.abort(stopping.signal.reason);
    stopping.signal.addEventListener('abort', onStop);
    try {
      await task(bound.signal);
    } finally {
      cancel();
      stopping.signal.removeEventListener('abort', onStop);
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        await bounded(attempt, retryMs);
        hasFailed = false;
      } catch (error) {
        // Somebody else was quicker: who it was shows at the next try.
        const isRace = isKubeError(error, 409);
        if (!isRace && !hasFailed && !stopping.signal.aborted) observer.failed(error);
        if (!isRace) hasFailed = true;
      }
      await sleep(timing, pauseMs(), stopping.signal);
    }
  }

  /** Until the next try: a period, or less where another one's Lease ends before that if it is not renewed. */
  function pauseMs(): number {
    const periodMs = retryMs * (1 + JITTER * timing.random());
    return freeAtMs === undefined ? periodMs : Math.min(periodMs, Math.max(0, freeAtMs - timing.elapsedMs()));
  }

  async function release(): Promise<void> {
    if (!isLeader) return;
    yieldLead('stopping');
    const lease = await client.get(LEASES, ref);
    const spec = specOf(lease);
    if (spec.holderIdentity !== identity) return;
    const renewTime = microTime(timing.nowMs());
    // An empty holder is free; the short duration is for contenders that look only at the times.
    const freed = { ...spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime };
    await client.update(LEASES, ref, { ...lease, spec: freed });
  }

  return {
    isLeader: () => isLeader,
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      await running;
      try {
        await release();
      } catch (error) {
        // Then it is released by expiry.
        if (!isKubeError(error, 409)) observer.failed(error);
      }
    },
  };
}

/** An election without contenders, for --disable-leader-election. */
export function createSoleLeader(): LeaderElection {
  return { start() {}, isLeader: () => true, stop: async () => {} };
}

function specOf(lease: KubeObject): LeaseSpec {
  return (lease.spec ?? {}) as LeaseSpec;
}

/** The API's MicroTime: RFC 3339 with six decimals. */
function microTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '000Z');
}
