import { setImmediate } from 'node:timers/promises';
import { objectKey, type ClusterObject, type Kind } from '../store/objects.ts';
import type { ObjectRef, ObjectStore, StoreImpact } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import type { KubeObject } from './kube-object.ts';

/** One object that came, changed or went. */
export interface ObjectChange {
  readonly kind: Kind;
  readonly type: 'added' | 'changed' | 'deleted';
  readonly ref: ObjectRef;
  /** The object as it is now; of a deleted one as it was. */
  readonly object: ClusterObject;
  readonly impact: StoreImpact;
}

export interface StoreSinkDeps {
  readonly store: ObjectStore;
  /** Called for every change that left the store different. */
  readonly changed: (change: ObjectChange) => void;
  /** An object of the API that cannot even be named. */
  readonly unreadable: (kind: Kind, problem: string) => void;
}

/** Writes what one reflector sees into the store; several may share a kind, each answers for the keys it brought. */
export interface StoreSink {
  /** What the store would hold of these; no more is kept of them until they are written. */
  read(objects: readonly KubeObject[]): readonly ClusterObject[];
  /** Writes pages of what was read, each in a turn of the event loop of its own; what is in none of them is gone. */
  replace(pages: readonly (readonly ClusterObject[])[]): Promise<void>;
  set(object: KubeObject): void;
  delete(ref: ObjectRef): void;
  has(key: string): boolean;
}

/** Creates a sink for one reflector. */
export function createStoreSink(kind: Kind, deps: StoreSinkDeps): StoreSink {
  const { store, changed } = deps;
  const known = new Set<string>();

  function readOne(raw: KubeObject): ClusterObject | undefined {
    const read = readObject(kind, raw);
    if (read.ok) return read.object;
    deps.unreadable(kind, `${read.problem.field} ${read.problem.problem}`);
    return undefined;
  }

  function set(object: ClusterObject): string {
    const { namespace, name } = object;
    const key = objectKey(object);
    const before = store.get(kind, { namespace, name });
    known.add(key);
    const impact = store.apply({ kind, type: 'set', object });
    const after = store.get(kind, { namespace, name });
    if (after !== before && after !== undefined) {
      changed({
        kind,
        type: before === undefined ? 'added' : 'changed',
        ref: { namespace, name },
        object,
        impact,
      });
      // Endpoints that moved to another Service change both.
      if (
        before?.kind === 'EndpointSlice' &&
        after.kind === 'EndpointSlice' &&
        before.service !== after.service
      ) {
        changed({ kind, type: 'deleted', ref: { namespace, name }, object: before, impact });
      }
    }
    return key;
  }

  function remove({ namespace, name }: ObjectRef): void {
    known.delete(objectKey({ namespace, name }));
    const before = store.get(kind, { namespace, name });
    if (before === undefined) return;
    const impact = store.apply({ kind, type: 'delete', object: { namespace, name } });
    changed({ kind, type: 'deleted', ref: { namespace, name }, object: before, impact });
  }

  return {
    read: (objects) => objects.map(readOne).filter((object) => object !== undefined),
    async replace(pages) {
      const listed = new Set<string>();
      for (const [index, page] of pages.entries()) {
        if (index > 0) await setImmediate();
        for (const object of page) listed.add(set(object));
      }
      for (const key of known) if (!listed.has(key)) remove(refOf(key));
    },
    set(raw) {
      const object = readOne(raw);
      if (object !== undefined) set(object);
    },
    delete: remove,
    has: (key) => known.has(key),
  };
}

/** The object a key of `objectKey` names. */
export function refOf(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, Math.max(slash, 0)), name: key.slice(slash + 1) };
}
