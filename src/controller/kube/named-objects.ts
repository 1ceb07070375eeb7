import { objectKey, type Kind } from '../store/objects.ts';
import type { ObjectRef } from '../store/object-store.ts';
import type { KubeClient, Scope } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import {
  createReflector,
  type Reflector,
  type ReflectorObserver,
  type ReflectorOptions,
} from './reflector.ts';
import { STORE_RESOURCES } from './resources.ts';
import { createStoreSink, refOf, type StoreSink, type StoreSinkDeps } from './store-sink.ts';
import { createBackoff, sleep, type Timing } from './timing.ts';

/**
 * Follows only the objects of a kind that somebody names. Few are watched one by one; more than `singlesMax` by one
 * watch over the whole scope that keeps only the named ones, because each watch is a connection to the API server.
 */
export interface NamedObjects {
  /** Says which objects are named now; resolves when all of them are loaded, are known to be absent, or may not be read. */
  update(refs: Iterable<ObjectRef>): Promise<void>;
  stop(): Promise<void>;
}

export interface NamedObjectsDeps {
  readonly kind: Kind;
  readonly client: KubeClient;
  readonly timing: Timing;
  readonly observer: ReflectorObserver;
  readonly store: StoreSinkDeps;
  /** Namespace of the watch over the whole scope; empty is all. Objects outside are always watched one by one. */
  readonly namespace: string;
  /** Leaves out of the whole-scope watch what nobody can name. */
  readonly wideFieldSelector?: string;
  readonly singlesMax?: number;
  readonly reflectorOptions?: ReflectorOptions;
}

interface Followed {
  readonly reflector: Reflector;
  readonly sink: StoreSink;
}

const SINGLES_MAX = 16;
const LOAD_LANES = 8;

export function createNamedObjects(deps: NamedObjectsDeps): NamedObjects {
  const { kind, client, timing } = deps;
  const resource = STORE_RESOURCES[kind];
  const singlesMax = deps.singlesMax ?? SINGLES_MAX;
  const stopping = new AbortController();
  const singles = new Map<string, Followed>();
  const loads = new Map<string, Promise<void>>();
  /** Keys for which the watch brought something newer while they were being loaded. */
  const overtaken = new Set<string>();
  let wanted = new Set<string>();
  let wide: Followed | undefined;
  let isWideLoaded = false;

  const isInside = (key: string) => deps.namespace === '' || refOf(key).namespace === deps.namespace;

  function follow(scope: Scope, isWanted: (key: string) => boolean): Followed {
    const sink = createStoreSink(kind, deps.store);
    const reflector = createReflector({
      client,
      resource,
      scope,
      timing,
      observer: deps.observer,
      options: deps.reflectorOptions,
      sink: {
        page: (objects) => objects,
        // In one turn: what is wanted may be something else in the next.
        replace: (pages) =>
          sink.replace([sink.read(pages.flat().filter((object) => isWanted(keyOf(object))))]),
        set(object) {
          const key = keyOf(object);
          if (!isWanted(key)) return;
          overtaken.add(key);
          sink.set(object);
        },
        delete(object) {
          const key = keyOf(object);
          if (!isWanted(key)) return;
          overtaken.add(key);
          sink.delete(refOf(key));
        },
        // A refused object counts as absent; whoever named it gets the finding for that.
        forbidden: () => {},
      },
    });
    reflector.start();
    return { reflector, sink };
  }

  function followOne(key: string): Followed {
    const { namespace, name } = refOf(key);
    return follow({ namespace, fieldSelector: `metadata.name=${name}` }, (other) => other === key);
  }

  async function widen(): Promise<void> {
    const scope = { namespace: deps.namespace, fieldSelector: deps.wideFieldSelector };
    wide = follow(scope, (key) => wanted.has(key) && isInside(key));
    const { reflector, sink } = wide;
    await reflector.settled;
    isWideLoaded = true;
    for (const [key, single] of singles) {
      if (!isInside(key)) continue;
      singles.delete(key);
      await single.reflector.stop();
      if (!sink.has(key)) single.sink.delete(refOf(key));
    }
  }
  let widening: Promise<void> | undefined;

  /** Fetches one object that the whole-scope watch has passed over before it was named. */
  async function load(key: string): Promise<void> {
    const { namespace, name } = refOf(key);
    const backoff = createBackoff({ firstMs: 100, capMs: 3_000 }, timing);
    while (wanted.has(key) && !stopping.signal.aborted) {
      overtaken.delete(key);
      try {
        // A list, because roles that grant list and watch need not grant get.
        const scope = { namespace, fieldSelector: `metadata.name=${name}` };
        const { items } = await client.list(resource, scope, stopping.signal);
        const isNews = !overtaken.has(key) && wanted.has(key) && !stopping.signal.aborted;
        if (isNews) for (const object of items) wide?.sink.set(object);
        return;
      } catch (error) {
        if (stopping.signal.aborted) return;
        const delayMs = backoff.nextMs();
        deps.observer.failed(resource, { step: 'list', error, failures: 1, delayMs });
        await sleep(timing, delayMs, stopping.signal);
      }
    }
  }

  async function loadAll(keys: readonly string[]): Promise<void> {
    const queue = keys.values();
    const lane = async () => {
      for (const key of queue) {
        const loading = loads.get(key) ?? load(key).finally(() => loads.delete(key));
        loads.set(key, loading);
        await loading;
      }
    };
    await Promise.all(Array.from({ length: Math.min(LOAD_LANES, keys.length) }, lane));
  }

  function forget(key: string): void {
    const single = singles.get(key);
    singles.delete(key);
    overtaken.delete(key);
    void single?.reflector.stop();
    const sink = single?.sink ?? wide?.sink;
    sink?.delete(refOf(key));
  }

  return {
    async update(refs) {
      if (stopping.signal.aborted) return;
      const before = wanted;
      wanted = new Set(Array.from(refs, objectKey));
      for (const key of before) if (!wanted.has(key)) forget(key);
      const inside = [...wanted].filter(isInside);
      if (wide === undefined && inside.length > singlesMax) widening = widen();
      const alone = [...wanted].filter((key) => wide === undefined || !isInside(key));
      for (const key of alone) if (!singles.has(key)) singles.set(key, followOne(key));
      // Before its first list is in, the whole-scope watch takes in by itself what is named meanwhile.
      const missed = isWideLoaded ? inside.filter((key) => !before.has(key)) : [];
      const settling = [...singles]
        .filter(([key]) => wanted.has(key))
        .map(([, { reflector }]) => reflector.settled);
      await Promise.all([widening, loadAll(missed), ...settling]);
    },
    async stop() {
      stopping.abort(new Error('stopping'));
      const followed = [...singles.values(), ...(wide === undefined ? [] : [wide])];
      await Promise.all(followed.map(({ reflector }) => reflector.stop()));
      await Promise.all(loads.values());
    },
  };
}

function keyOf({ metadata }: KubeObject): string {
  return objectKey({ namespace: metadata.namespace ?? '', name: metadata.name });
}
