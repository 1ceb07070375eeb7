import { isDeepStrictEqual } from 'node:util';
import type { KeySet } from './key-set.ts';
import {
  compareAge,
  objectKey,
  type ClusterObject,
  type ConfigMapObject,
  type EndpointSliceObject,
  type EndpointsObject,
  type IngressClassObject,
  type IngressObject,
  type Kind,
  type NamespaceObject,
  type ObjectOfKind,
  type SecretObject,
  type ServiceObject,
} from './objects.ts';

/** What a change asks for: nothing, new endpoints for known upstreams, or a translation. */
export type StoreImpact = 'none' | 'endpoints' | 'config';

export type StoreEvent =
  | { readonly kind: Kind; readonly type: 'set'; readonly object: ClusterObject }
  | { readonly kind: Kind; readonly type: 'delete'; readonly object: ObjectRef };

/** Names an object within its kind. */
export interface ObjectRef {
  readonly namespace: string;
  readonly name: string;
}

/** A frozen view of the cluster. Keys are `namespace/name`. Kinds that did not change keep their identity between snapshots. */
export interface ClusterSnapshot {
  /** Oldest first. */
  readonly ingresses: readonly IngressObject[];
  readonly classes: ReadonlyMap<string, IngressClassObject>;
  readonly services: ReadonlyMap<string, ServiceObject>;
  /** By `namespace/service` of the label kubernetes.io/service-name. */
  readonly slicesByService: ReadonlyMap<string, readonly EndpointSliceObject[]>;
  readonly endpoints: ReadonlyMap<string, EndpointsObject>;
  readonly secrets: ReadonlyMap<string, SecretObject>;
  readonly configMaps: ReadonlyMap<string, ConfigMapObject>;
  readonly namespaces: ReadonlyMap<string, NamespaceObject>;
  /** Fetched, by URL; a URL that was never asked for is not there. */
  readonly keySets: ReadonlyMap<string, KeySet>;
  /** Kinds the source may not list (RBAC); nothing is known of them. */
  readonly forbiddenKinds: ReadonlySet<Kind>;
}

/** The only mutable store: what the sources have seen last. */
export interface ObjectStore {
  /** Takes one change in; says what it asks for. Objects that are equal in all Serin reads ask for nothing. */
  apply(event: StoreEvent): StoreImpact;
  /** Takes the whole of a kind in after a list: what is not in `objects` is gone. Answers the largest impact. */
  replace<K extends Kind>(kind: K, objects: Iterable<ObjectOfKind[K]>): StoreImpact;
  /** Records whether the source may list a kind; a forbidden kind is emptied. */
  setForbidden(kind: Kind, isForbidden: boolean): StoreImpact;
  /** Takes in what was fetched from a URL; undefined: it is not followed any more. */
  setKeySet(url: string, keySet: KeySet | undefined): StoreImpact;
  /** The present state, frozen. Costs nothing for kinds that did not change since the last one. */
  snapshot(): ClusterSnapshot;
  /** The object held now. */
  get<K extends Kind>(kind: K, ref: ObjectRef): ObjectOfKind[K] | undefined;
  /** Number of objects of a kind. */
  count(kind: Kind): number;
}

type Shelf = Map<string, ClusterObject>;

/** Creates an empty store. */
export function createObjectStore(): ObjectStore {
  const shelves = new Map<Kind, Shelf>();
  const forbidden = new Set<Kind>();
  const dirty = new Set<Kind>();
  let keySets = EMPTY_SNAPSHOT.keySets;
  let current: ClusterSnapshot = EMPTY_SNAPSHOT;

  const shelfOf = (kind: Kind): Shelf => {
    let shelf = shelves.get(kind);
    if (shelf === undefined) shelves.set(kind, (shelf = new Map()));
    return shelf;
  };

  function set(kind: Kind, object: ClusterObject): StoreImpact {
    const shelf = shelfOf(kind);
    const key = objectKey(object);
    const before = shelf.get(key);
    if (before !== undefined && isDeepStrictEqual(before, object)) return 'none';
    shelf.set(key, object);
    dirty.add(kind);
    return before !== undefined && isSameToTranslate(before, object) ? 'none' : impactOf(kind);
  }

  function remove(kind: Kind, ref: ObjectRef): StoreImpact {
    if (!shelfOf(kind).delete(objectKey(ref))) return 'none';
    dirty.add(kind);
    return impactOf(kind);
  }

  return {
    apply: (event) =>
      event.type === 'set' ? set(event.kind, event.object) : remove(event.kind, event.object),

    replace(kind, objects) {
      let impact: StoreImpact = 'none';
      const seen = new Set<string>();
      for (const object of objects) {
        seen.add(objectKey(object));
        impact = largerImpact(impact, set(kind, object));
      }
      for (const [key, object] of shelfOf(kind)) {
        if (!seen.has(key)) impact = largerImpact(impact, remove(kind, object));
      }
      return impact;
    },

    setForbidden(kind, isForbidden) {
      if (forbidden.has(kind) === isForbidden) return 'none';
      if (isForbidden) {
        forbidden.add(kind);
        shelfOf(kind).clear();
      } else forbidden.delete(kind);
      dirty.add(kind);
      return impactOf(kind);
    },

    setKeySet(url, keySet) {
      const next = new Map(keySets);
      if (keySet === undefined) next.delete(url);
      else next.set(url, keySet);
      keySets = next;
      return 'config';
    },

    snapshot() {
      if (dirty.size === 0 && current.keySets === keySets) return current;
      const next: Mutable<ClusterSnapshot> = { ...current, keySets, forbiddenKinds: new Set(forbidden) };
      for (const kind of dirty) INDEXERS[kind](next, shelfOf(kind));
      dirty.clear();
      current = Object.freeze(next);
      return current;
    },

    get: <K extends Kind>(kind: K, ref: ObjectRef) =>
      shelfOf(kind).get(objectKey(ref)) as ObjectOfKind[K] | undefined,

    count: (kind) => shelfOf(kind).size,
  };
}

/** The impact that asks for more work. */
export function largerImpact(a: StoreImpact, b: StoreImpact): StoreImpact {
  if (a === 'config' || b === 'config') return 'config';
  return a === 'endpoints' || b === 'endpoints' ? 'endpoints' : 'none';
}

function impactOf(kind: Kind): StoreImpact {
  return kind === 'EndpointSlice' || kind === 'Endpoints' ? 'endpoints' : 'config';
}

/** True when only what the status writer reads differs. */
function isSameToTranslate(before: ClusterObject, after: ClusterObject): boolean {
  if (before.kind === 'Ingress' && after.kind === 'Ingress') {
    return isDeepStrictEqual({ ...before, status: [] }, { ...after, status: [] });
  }
  if (before.kind === 'Service' && after.kind === 'Service') {
    const withoutStatus = { loadBalancer: [], externalIps: [] };
    return isDeepStrictEqual({ ...before, ...withoutStatus }, { ...after, ...withoutStatus });
  }
  return false;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const EMPTY_SNAPSHOT: ClusterSnapshot = Object.freeze({
  ingresses: [],
  classes: new Map(),
  services: new Map(),
  slicesByService: new Map(),
  endpoints: new Map(),
  secrets: new Map(),
  configMaps: new Map(),
  namespaces: new Map(),
  keySets: new Map(),
  forbiddenKinds: new Set<Kind>(),
});

/** Writes the view of one kind into a snapshot under construction. */
const INDEXERS: Readonly<Record<Kind, (snapshot: Mutable<ClusterSnapshot>, shelf: Shelf) => void>> = {
  Ingress: (snapshot, shelf) => {
    snapshot.ingresses = ([...shelf.values()] as IngressObject[]).toSorted(compareAge);
  },
  IngressClass: (snapshot, shelf) => {
    snapshot.classes = new Map(shelf as Map<string, IngressClassObject>);
  },
  Service: (snapshot, shelf) => {
    snapshot.services = new Map(shelf as Map<string, ServiceObject>);
  },
  EndpointSlice: (snapshot, shelf) => {
    snapshot.slicesByService = groupByService(shelf.values() as Iterable<EndpointSliceObject>);
  },
  Endpoints: (snapshot, shelf) => {
    snapshot.endpoints = new Map(shelf as Map<string, EndpointsObject>);
  },
  Secret: (snapshot, shelf) => {
    snapshot.secrets = new Map(shelf as Map<string, SecretObject>);
  },
  ConfigMap: (snapshot, shelf) => {
    snapshot.configMaps = new Map(shelf as Map<string, ConfigMapObject>);
  },
  Namespace: (snapshot, shelf) => {
    snapshot.namespaces = new Map(shelf as Map<string, NamespaceObject>);
  },
};

function groupByService(slices: Iterable<EndpointSliceObject>): Map<string, readonly EndpointSliceObject[]> {
  const groups = new Map<string, EndpointSliceObject[]>();
  for (const slice of slices) {
    if (slice.service === '') continue;
    const key = `${slice.namespace}/${slice.service}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [slice]);
    else group.push(slice);
  }
  for (const group of groups.values()) group.sort((a, b) => (a.name < b.name ? -1 : 1));
  return groups;
}
