import { isDeepStrictEqual } from 'node:util';
import { objectKey, type LoadBalancerAddress } from '../store/objects.ts';
import type { ObjectRef, ObjectStore } from '../store/object-store.ts';
import { isKubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { INGRESSES } from './resources.ts';
import { sortAddresses } from './status-addresses.ts';
import { sleep, type Timing } from './timing.ts';

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
  /** Ends the writing. With `isTakingBack` the last controller Pod first removes the addresses it wrote, in bounded time. */
  stop(isTakingBack: boolean): Promise<void>;
}

const LANES = 4;
const CONFLICT_TRIES = 4;
const TAKE_BACK_MS = 8_000;

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

  function check(isFresh = false): void {
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
    await writeAll(addresses, stopping.signal, () => deps.isLeader());
  }

  async function writeAll(
    wanted: readonly LoadBalancerAddress[],
    signal: AbortSignal,
    isAllowed: () => boolean,
  ): Promise<void> {
    const queue = served.filter((ref) => needsWrite(ref, wanted)).values();
    const lane = async () => {
      for (const ref of queue) {
        if (signal.aborted || !isAllowed()) return;
        try {
          await writeOne(ref, wanted, signal);
        } catch (error) {
          if (signal.aborted) return;
          observer.failed(`the status of Ingress ${objectKey(ref)} could not be written`, error);
        }
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
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
    for (let tries = 1; ; tries++) {
      try {
        const ingress = await client.get(INGRESSES, ref, signal);
        if (areSame(addressesOf(ingress), wanted)) return;
        const status = { loadBalancer: wanted.length === 0 ? {} : { ingress: wanted } };
        await client.update(INGRESSES, ref, { ...ingress, status }, 'status', signal);
        written.set(objectKey(ref), wanted);
        return observer.wrote(ref, wanted);
      } catch (error) {
        if (isKubeError(error, 404)) return;
        if (!isKubeError(error, 409) || tries >= CONFLICT_TRIES) throw error;
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
    try {
      const found = await deps.findAddresses(signal);
      // With more addresses, or another Pod, somebody else still answers there (docs/reference/operation.md §5).
      if (found.length > 1 || (await deps.countOtherPods(signal)) > 0) return;
      written.clear();
      await writeAll([], signal, () => true);
    } catch (error) {
      observer.failed('the addresses in Ingress status were not taken back', error);
    }
  }

  return {
    start() {
      tick();
      check();
    },
    serve(ingresses) {
      served = ingresses;
      check();
    },
    check: () => check(true),
    async stop(isTakingBack) {
      cancelInterval?.();
      stopping.abort(new Error('stopping'));
      await running;
      if (!isTakingBack || served.length === 0) return;
      const bound = new AbortController();
      const done = takeBack(bound.signal).finally(() => bound.abort());
      await Promise.race([done, sleep(timing, TAKE_BACK_MS, bound.signal)]);
      bound.abort(new Error('no time left'));
      await done;
    },
  };
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
