import { isDeepStrictEqual } from 'node:util';
import { editsBetween } from '../../lib/edited-list.ts';
import { objectKey, type LoadBalancerAddress } from '../store/objects.ts';
import type { ObjectRef, ObjectStore } from '../store/object-store.ts';
import { isKubeError, KubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { INGRESSES } from './resources.ts';
import { sortAddresses } from './status-addresses.ts';
import { createBackoff, LONGEST_WAIT_MS, sleep, type BackoffBounds, type Timing } from './timing.ts';

export interface StatusWriterDeps {
  readonly client: KubeClient;
  readonly store: ObjectStore;
  readonly timing: Timing;
  /** --status-update-interval. */
  readonly intervalMs: number;
  readonly isLeader: () => boolean;
  /** The addresses to write; rejects while they cannot be known. */
  readonly findAddresses: (signal: AbortSignal) => Promise<readonly LoadBalancerAddress[]>;
  /** The controller's other Pods. */
  readonly countOtherPods: (signal: AbortSignal) => Promise<number>;
  readonly observer: StatusWriterObserver;
}

export interface StatusWriterObserver {
  wrote(ingress: ObjectRef, addresses: readonly LoadBalancerAddress[]): void;
  failed(what: string, error: unknown): void;
}

/** Keeps status.loadBalancer of the served Ingresses: written by the leader only, and only where it differs. */
export interface StatusWriter {
  start(): void;
  /** Says which Ingresses are served now; new ones get their addresses at once. */
  serve(ingresses: readonly ObjectRef[]): void;
  /** Checks all now: this Pod became the leader, or the published Service changed. */
  check(): void;
  /** Somebody took the addresses away, as an ingress-nginx does that ends: they are written at once, not with the next check. */
  emptied(ingress: ObjectRef): void;
  /** Ends the writing. With `isTakingBack` the last controller Pod first removes the addresses it wrote, which may take `withinMs`. */
  stop(isTakingBack: boolean, withinMs?: number): Promise<void>;
}

const LANES = 4;
const TRIES = 4;
/** At the end nobody else waits for the API server, and somebody waits for the end. */
const TAKE_BACK_LANES = 16;
const RETRY: BackoffBounds = { firstMs: 200, capMs: 10_000 };

export function createStatusWriter(deps: StatusWriterDeps): StatusWriter {
  const { client, store, timing, observer } = deps;
  const stopping = new AbortController();
  let served: readonly ObjectRef[] = [];
  let addresses: readonly LoadBalancerAddress[] = [];
  let areKnown = false;
  let running: Promise<void> | undefined;
  let isAskedAgain = false;
  let cancelInterval: (() => void) | undefined;
  /** What was written and has not come back through the watch yet. */
  const written = new Map<string, readonly LoadBalancerAddress[]>();

  /** Ingresses, or versions of them, that came since the last look, and those that could not be written. */
  const due = new Set<ObjectRef>();
  const seen = new WeakSet<ObjectRef>();
  let areAllDue = false;
  /** Ingresses, served or not, whose status was taken away: names by `namespace/name`. */
  const emptied = new Map<string, string>();

  function check(isFresh = false): void {
    if (isFresh) areAllDue = true;
    if (stopping.signal.aborted || !deps.isLeader()) return;
    if (isFresh) areKnown = false;
    if (running !== undefined) {
      isAskedAgain = true;
      return;
    }
    running = round().finally(() => {
      running = undefined;
      if (isAskedAgain) {
        isAskedAgain = false;
        check();
      }
    });
  }

  async function round(): Promise<void> {
    // Changes of one turn are one round.
    await Promise.resolve();
    try {
      // Between two checks new Ingresses get what is known: changes of routes cost no questions about addresses.
      if (!areKnown) {
        areKnown = true;
        addresses = await deps.findAddresses(stopping.signal);
      }
    } catch (error) {
      areKnown = false;
      if (!stopping.signal.aborted) observer.failed('the addresses for Ingress status are unknown', error);
      return;
    }
    const wanted = addresses;
    const { signal } = stopping;
    const looked = areAllDue ? served : [...due, ...servedAmong(emptied)];
    areAllDue = false;
    due.clear();
    emptied.clear();
    const refs = looked.filter((ref) => needsWrite(ref, wanted));
    await inLanes(refs, LANES, signal, async (ref) => {
      if (!deps.isLeader()) return;
      try {
        await retried(() => writeOne(ref, wanted, signal), TRIES, signal);
      } catch (error) {
        if (signal.aborted) return;
        due.add(ref);
        observer.failed(`the status of Ingress ${objectKey(ref)} could not be written`, error);
      }
    });
  }

  function servedAmong(keys: ReadonlyMap<string, string>): readonly ObjectRef[] {
    if (keys.size === 0) return [];
    const names = new Set(keys.values());
    return served.filter((ref) => names.has(ref.name) && keys.has(objectKey(ref)));
  }

  function needsWrite(ref: ObjectRef, wanted: readonly LoadBalancerAddress[]): boolean {
    const ingress = store.get('Ingress', ref);
    if (ingress === undefined) return false;
    const key = objectKey(ref);
    const isSame = areSame(ingress.status, wanted);
    if (isSame) written.delete(key);
    return !isSame && !isDeepStrictEqual(written.get(key), wanted);
  }

  /** Reads, changes and writes the whole object: the role of ingress-nginx allows update of the status, not patch. */
  async function writeOne(
    ref: ObjectRef,
    wanted: readonly LoadBalancerAddress[],
    signal: AbortSignal,
  ): Promise<void> {
    const key = objectKey(ref);
    try {
      const ingress = await client.get(INGRESSES, ref, signal);
      if (areSame(addressesOf(ingress), wanted)) return;
      const status = { loadBalancer: wanted.length === 0 ? {} : { ingress: wanted } };
      written.set(key, wanted);
      await client.update(INGRESSES, ref, { ...ingress, status }, 'status', signal);
    } catch (error) {
      // Of one that was broken off nobody knows whether it was taken.
      if (!signal.aborted) written.delete(key);
      if (isKubeError(error, 404)) return;
      throw error;
    }
    observer.wrote(ref, wanted);
  }

  /** Tries again what the server may do later: a conflict at once, the rest after a while, or after as long as it asks. */
  async function retried<T>(
    task: () => Promise<T>,
    triesMax: number,
    signal: AbortSignal,
    waits?: (error: unknown) => void,
  ): Promise<T> {
    const backoff = createBackoff(RETRY, timing);
    for (let tries = 1; ; tries++) {
      try {
        return await task();
      } catch (error) {
        if (signal.aborted || tries >= triesMax || !isTransient(error)) throw error;
        if (isKubeError(error, 409)) continue;
        const askedMs = error instanceof KubeError ? error.retryAfterMs : 0;
        waits?.(error);
        await sleep(timing, Math.max(askedMs, backoff.nextMs()), signal);
      }
    }
  }

  function tick(): void {
    cancelInterval = timing.after(deps.intervalMs, () => {
      // Whatever others wrote since is put right.
      written.clear();
      check(true);
      tick();
    });
  }

  async function takeBack(signal: AbortSignal): Promise<void> {
    let left = 0;
    let isTold = false;
    const persist = <T>(task: () => Promise<T>) =>
      retried(task, Infinity, signal, (error) => {
        if (!isTold) observer.failed('Ingress status cannot be taken back yet; it is tried again', error);
        isTold = true;
      });
    try {
      const found = await persist(() => deps.findAddresses(signal));
      // With more addresses, or another Pod, somebody else still answers there (docs/reference/operation.md §5).
      if (found.length > 1) return;
      if ((await persist(() => deps.countOtherPods(signal))) > 0) return;
      // What was just written may not have come back yet.
      const refs = served.filter((ref) => written.has(objectKey(ref)) || needsWrite(ref, []));
      left = refs.length;
      await inLanes(refs, TAKE_BACK_LANES, signal, async (ref) => {
        await persist(() => writeOne(ref, [], signal));
        left--;
      });
      signal.throwIfAborted();
    } catch (error) {
      const what = left === 0 ? '' : ` (Ingresses: ${left})`;
      observer.failed(`the addresses in Ingress status were not taken back${what}`, error);
    }
  }

  return {
    start() {
      tick();
      check();
    },
    serve(ingresses) {
      const edits = editsBetween<ObjectRef>(served, ingresses);
      for (const ref of edits?.flatMap(({ after }) => after ?? []) ?? ingresses) {
        if (seen.has(ref)) continue;
        seen.add(ref);
        due.add(ref);
      }
      served = ingresses;
      check();
    },
    check: () => check(true),
    emptied(ingress) {
      written.delete(objectKey(ingress));
      emptied.set(objectKey(ingress), ingress.name);
      check();
    },
    async stop(isTakingBack, withinMs = Infinity) {
      cancelInterval?.();
      stopping.abort(new Error('stopping'));
      await running;
      if (!isTakingBack || served.length === 0) return;
      const bound = new AbortController();
      const cancelBound = timing.after(Math.min(withinMs, LONGEST_WAIT_MS), () =>
        bound.abort(new Error('no time left')),
      );
      await takeBack(bound.signal);
      cancelBound();
    },
  };
}

/** Does something for each, so many at a time, until the signal; rejects with the first error when all have ended. */
async function inLanes<T>(
  items: readonly T[],
  lanes: number,
  signal: AbortSignal,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let failure: { readonly error: unknown } | undefined;
  const lane = async () => {
    for (const item of queue) {
      if (signal.aborted) return;
      try {
        await task(item);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  if (failure !== undefined) throw failure.error;
}

/** True when the same may work later: it came too soon, or met somebody else's write, or the server is not well. */
function isTransient(error: unknown): boolean {
  return !(error instanceof KubeError) || error.status === 409 || error.status === 429 || error.status >= 500;
}

/** Whether a status says the same, in whatever order; mostly it is simply equal. */
function areSame(found: readonly LoadBalancerAddress[], wanted: readonly LoadBalancerAddress[]): boolean {
  if (found.length !== wanted.length) return false;
  const isEqual = ({ ip, hostname }: LoadBalancerAddress, index: number) =>
    ip === wanted[index]?.ip && hostname === wanted[index]?.hostname;
  return found.every(isEqual) || sortAddresses(found).every(isEqual);
}

function addressesOf(ingress: KubeObject): readonly LoadBalancerAddress[] {
  const status = ingress.status as
    | { loadBalancer?: { ingress?: readonly LoadBalancerAddress[] } }
    | undefined;
  const found = status?.loadBalancer?.ingress ?? [];
  return found.map(({ ip, hostname }) => ({
    ...(ip === undefined ? {} : { ip }),
    ...(hostname === undefined ? {} : { hostname }),
  }));
}
