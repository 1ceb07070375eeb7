import { isDeepStrictEqual } from 'node:util';
import { withEdits } from '../../lib/edited-list.ts';
import { LayeredMap } from '../../lib/layered-map.ts';
import type { StapleEntry } from '../../table/staple.ts';
import type { GeoFile } from './geo-file.ts';
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
  /** Files of databases of addresses, by edition; one that was never looked at is not there. */
  readonly geoFiles: ReadonlyMap<string, GeoFile>;
  /** What authorities say of certificates, by their id. */
  readonly staples: ReadonlyMap<string, StapleEntry>;
  /** What their Secrets lack of chains, PEM by id of the certificate. */
  readonly missingChains: ReadonlyMap<string, string>;
  /** Kinds the source may not list (RBAC); nothing is known of them. */
  readonly forbiddenKinds: ReadonlySet<Kind>;
  /** Objects with parts that could not be read, but Ingresses and slices of no Service: by kind, then by key. */
  readonly faulty: readonly ClusterObject[];
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
  /** Takes in what was read of an edition's file; undefined: it is not followed any more. */
  setGeoFile(edition: string, file: GeoFile | undefined): StoreImpact;
  /** Takes in what an authority says of a certificate; undefined: nothing. */
  setStaple(certificateId: string, staple: StapleEntry | undefined): StoreImpact;
  /** Takes in what a chain lacks; undefined: nothing that is known. */
  setMissingChain(certificateId: string, missing: string | undefined): StoreImpact;
  /** The present state, frozen. Costs nothing for kinds that did not change since the last one. */
  snapshot(): ClusterSnapshot;
  /** The present state without Ingresses and endpoints. Costs nothing however much changed, and so follows what changes later. */
  present(): ClusterSnapshot;
  /** Tells of every Ingress that comes, changes or goes, and first of those that are there. */
  watchIngresses(watcher: IngressWatcher): void;
  /** The object held now. */
  get<K extends Kind>(kind: K, ref: ObjectRef): ObjectOfKind[K] | undefined;
  /** Number of objects of a kind. */
  count(kind: Kind): number;
  /** Services (`namespace/name`) whose slices or Endpoints changed since this was last asked. */
  takeMovedServices(): ReadonlySet<string>;
}

/** Told of an Ingress as it was and as it is now; undefined: there was none, or is none any more. */
export type IngressWatcher = (before: IngressObject | undefined, after: IngressObject | undefined) => void;

type Shelf = Map<string, ClusterObject>;

/** Creates an empty store. */
export function createObjectStore(): ObjectStore {
  const shelves = new Map<Kind, Shelf>();
  const forbidden = new Set<Kind>();
  /** What is not in the last snapshot as it is now, with what was there before. */
  const dirty = new Map<Kind, Map<string, ClusterObject | undefined>>();
  const faulty = new Map<string, ClusterObject>();
  let isForbiddenDirty = false;
  let isFaultyDirty = false;
  let movedServices = new Set<string>();
  let { keySets, geoFiles, staples, missingChains } = EMPTY_SNAPSHOT;
  let current: ClusterSnapshot = EMPTY_SNAPSHOT;
  const ingressWatchers: IngressWatcher[] = [];

  const shelfOf = (kind: Kind): Shelf => {
    let shelf = shelves.get(kind);
    if (shelf === undefined) shelves.set(kind, (shelf = new Map()));
    return shelf;
  };

  /** Call it with each object that is replaced, goes or comes, after the shelf has changed. */
  function note(kind: Kind, key: string, before: ClusterObject | undefined, now?: ClusterObject): void {
    let changes = dirty.get(kind);
    if (changes === undefined) dirty.set(kind, (changes = new Map()));
    if (!changes.has(key)) changes.set(key, before);
    for (const object of [before, now]) {
      if (object?.kind === 'EndpointSlice') movedServices.add(`${object.namespace}/${object.service}`);
      else if (object?.kind === 'Endpoints') movedServices.add(key);
    }
    if (kind === 'Ingress') return tellOfIngress(before, now);
    const isOfNobody = now?.kind === 'EndpointSlice' && now.service === '';
    const isFaulty = now !== undefined && now.problems.length > 0 && !isOfNobody;
    if (!isFaulty && !faulty.has(`${kind} ${key}`)) return;
    isFaultyDirty = true;
    if (isFaulty) faulty.set(`${kind} ${key}`, now);
    else faulty.delete(`${kind} ${key}`);
  }

  function set(kind: Kind, object: ClusterObject): StoreImpact {
    const shelf = shelfOf(kind);
    const key = objectKey(object);
    const before = shelf.get(key);
    if (before !== undefined && isDeepStrictEqual(before, object)) return 'none';
    shelf.set(key, object);
    note(kind, key, before, object);
    return before !== undefined && isSameToTranslate(before, object) ? 'none' : impactOf(kind);
  }

  function remove(kind: Kind, ref: ObjectRef): StoreImpact {
    const shelf = shelfOf(kind);
    const key = objectKey(ref);
    const before = shelf.get(key);
    if (before === undefined) return 'none';
    shelf.delete(key);
    note(kind, key, before);
    return impactOf(kind);
  }

  function tellOfIngress(before: ClusterObject | undefined, after: ClusterObject | undefined): void {
    for (const tell of ingressWatchers)
      tell(before as IngressObject | undefined, after as IngressObject | undefined);
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
        for (const object of shelfOf(kind).values()) remove(kind, object);
      } else forbidden.delete(kind);
      isForbiddenDirty = true;
      return impactOf(kind);
    },

    setKeySet(url, keySet) {
      keySets = withEntry(keySets, url, keySet);
      return 'config';
    },

    setGeoFile(edition, file) {
      geoFiles = withEntry(geoFiles, edition, file);
      return 'config';
    },

    setStaple(certificateId, staple) {
      staples = withEntry(staples, certificateId, staple);
      return 'config';
    },

    setMissingChain(certificateId, missing) {
      missingChains = withEntry(missingChains, certificateId, missing);
      return 'config';
    },

    snapshot() {
      const isFetchedSame =
        current.keySets === keySets &&
        current.geoFiles === geoFiles &&
        current.staples === staples &&
        current.missingChains === missingChains;
      if (dirty.size === 0 && !isForbiddenDirty && isFetchedSame) return current;
      const next: Mutable<ClusterSnapshot> = { ...current, keySets, geoFiles, staples, missingChains };
      for (const [kind, changes] of dirty) INDEXERS[kind](next, shelfOf(kind), changes);
      if (isForbiddenDirty) next.forbiddenKinds = new Set(forbidden);
      if (isFaultyDirty) next.faulty = sortFaulty(faulty);
      dirty.clear();
      isForbiddenDirty = false;
      isFaultyDirty = false;
      current = Object.freeze(next);
      return current;
    },

    present: () => ({
      ...EMPTY_SNAPSHOT,
      classes: shelfOf('IngressClass') as Map<string, IngressClassObject>,
      services: shelfOf('Service') as Map<string, ServiceObject>,
      secrets: shelfOf('Secret') as Map<string, SecretObject>,
      configMaps: shelfOf('ConfigMap') as Map<string, ConfigMapObject>,
      namespaces: shelfOf('Namespace') as Map<string, NamespaceObject>,
      keySets,
      geoFiles,
      forbiddenKinds: forbidden,
    }),

    watchIngresses(watcher) {
      ingressWatchers.push(watcher);
      for (const object of shelfOf('Ingress').values()) watcher(undefined, object as IngressObject);
    },

    get: <K extends Kind>(kind: K, ref: ObjectRef) =>
      shelfOf(kind).get(objectKey(ref)) as ObjectOfKind[K] | undefined,

    count: (kind) => shelfOf(kind).size,

    takeMovedServices() {
      const moved = movedServices;
      movedServices = new Set();
      return moved;
    },
  };
}

/** A copy with one entry set or, where there is no value, gone. */
function withEntry<T>(entries: ReadonlyMap<string, T>, key: string, value: T | undefined): Map<string, T> {
  const next = new Map(entries);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
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

const NO_OBJECTS = LayeredMap.of<never>(new Map<string, never>());

const EMPTY_SNAPSHOT: ClusterSnapshot = Object.freeze({
  ingresses: [],
  classes: NO_OBJECTS,
  services: NO_OBJECTS,
  slicesByService: NO_OBJECTS,
  endpoints: NO_OBJECTS,
  secrets: NO_OBJECTS,
  configMaps: NO_OBJECTS,
  namespaces: NO_OBJECTS,
  keySets: new Map(),
  geoFiles: new Map(),
  staples: new Map(),
  missingChains: new Map(),
  forbiddenKinds: new Set<Kind>(),
  faulty: [],
});

/** Keys of what changed, with what was there before. */
type Changes = ReadonlyMap<string, ClusterObject | undefined>;

/** Writes the view of one kind into a snapshot under construction, from that of the snapshot before. */
const INDEXERS: Readonly<
  Record<Kind, (snapshot: Mutable<ClusterSnapshot>, shelf: Shelf, changes: Changes) => void>
> = {
  Ingress: (snapshot, shelf, changes) => {
    snapshot.ingresses = sortIngresses(snapshot.ingresses, shelf, changes);
  },
  IngressClass: (snapshot, shelf, changes) => {
    snapshot.classes = nextView(snapshot.classes, shelf, changes);
  },
  Service: (snapshot, shelf, changes) => {
    snapshot.services = nextView(snapshot.services, shelf, changes);
  },
  EndpointSlice: (snapshot, shelf, changes) => {
    snapshot.slicesByService = regroup(snapshot.slicesByService, shelf, changes);
  },
  Endpoints: (snapshot, shelf, changes) => {
    snapshot.endpoints = nextView(snapshot.endpoints, shelf, changes);
  },
  Secret: (snapshot, shelf, changes) => {
    snapshot.secrets = nextView(snapshot.secrets, shelf, changes);
  },
  ConfigMap: (snapshot, shelf, changes) => {
    snapshot.configMaps = nextView(snapshot.configMaps, shelf, changes);
  },
  Namespace: (snapshot, shelf, changes) => {
    snapshot.namespaces = nextView(snapshot.namespaces, shelf, changes);
  },
};

function nextView<T extends ClusterObject>(
  before: ReadonlyMap<string, T>,
  shelf: Shelf,
  changes: Changes,
): LayeredMap<T> {
  const values = new Map<string, T | undefined>();
  for (const key of changes.keys()) values.set(key, shelf.get(key) as T | undefined);
  return (before as LayeredMap<T>).with(values);
}

/** Changed in more than so many places, and in so large a part, a list is sorted anew. */
const RESORTED_MIN = 16;
const RESORTED_PART = 1 / 8;

/** Oldest first. */
function sortIngresses(
  before: readonly IngressObject[],
  shelf: Shelf,
  changes: Changes,
): readonly IngressObject[] {
  if (changes.size > RESORTED_MIN && changes.size > before.length * RESORTED_PART)
    return ([...shelf.values()] as IngressObject[]).toSorted(compareAge);
  const edits = [...changes].map(([key, old]) => ({
    before: old as IngressObject | undefined,
    after: shelf.get(key) as IngressObject | undefined,
  }));
  return withEdits(before, edits, compareAge);
}

type SlicesByService = ClusterSnapshot['slicesByService'];

function regroup(before: SlicesByService, shelf: Shelf, changes: Changes): SlicesByService {
  const groups = new Map<string, EndpointSliceObject[]>();
  const groupOf = ({ namespace, service }: EndpointSliceObject): EndpointSliceObject[] => {
    const key = `${namespace}/${service}`;
    let group = groups.get(key);
    if (group === undefined) groups.set(key, (group = [...(before.get(key) ?? [])]));
    return group;
  };
  for (const [key, old] of changes as ReadonlyMap<string, EndpointSliceObject | undefined>) {
    if (old !== undefined && old.service !== '') {
      const group = groupOf(old);
      group.splice(group.indexOf(old), 1);
    }
    const now = shelf.get(key) as EndpointSliceObject | undefined;
    if (now !== undefined && now.service !== '') groupOf(now).push(now);
  }
  const next = new Map<string, readonly EndpointSliceObject[] | undefined>();
  for (const [key, group] of groups) {
    group.sort((a, b) => (a.name < b.name ? -1 : 1));
    next.set(key, group.length === 0 ? undefined : group);
  }
  return (before as LayeredMap<readonly EndpointSliceObject[]>).with(next);
}

/** The order in which problems are told. */
const FAULTY_KINDS: readonly Kind[] = [
  'IngressClass',
  'Service',
  'EndpointSlice',
  'Endpoints',
  'Secret',
  'ConfigMap',
  'Namespace',
];

function sortFaulty(faulty: ReadonlyMap<string, ClusterObject>): readonly ClusterObject[] {
  const sorted = [...faulty].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  return FAULTY_KINDS.flatMap((kind) => sorted.filter((object) => object.kind === kind));
}
