import type { KeySet } from '../store/key-set.ts';
import type { ConfigMapObject, SecretObject, ServiceObject } from '../store/objects.ts';
import type { ClusterSnapshot, ObjectRef } from '../store/object-store.ts';

/** One object that was looked at, and what was there. A result is still good while every object it used is the same. */
export interface Dependency {
  readonly kind: 'Service' | 'Secret' | 'ConfigMap' | 'KeySet';
  readonly key: string;
  /** Identity in the snapshot; undefined: there was none. */
  readonly object: ServiceObject | SecretObject | ConfigMapObject | KeySet | undefined;
}

/** Looks objects up and remembers which. Keys are `namespace/name`, of key sets URLs. */
export interface Tracker {
  service(key: string): ServiceObject | undefined;
  secret(key: string): SecretObject | undefined;
  configMap(key: string): ConfigMapObject | undefined;
  keySet(url: string): KeySet | undefined;
  readonly seen: readonly Dependency[];
}

/** Creates a tracker over one snapshot. */
export function createTracker(snapshot: ClusterSnapshot): Tracker {
  const seen: Dependency[] = [];
  const note = <T extends Dependency['object']>(kind: Dependency['kind'], key: string, object: T): T => {
    const last = seen.at(-1);
    // The paths of a host mostly lead to one Service.
    if (last?.kind !== kind || last.key !== key || last.object !== object) seen.push({ kind, key, object });
    return object;
  };
  return {
    service: (key) => note('Service', key, snapshot.services.get(key)),
    secret: (key) => note('Secret', key, snapshot.secrets.get(key)),
    configMap: (key) => note('ConfigMap', key, snapshot.configMaps.get(key)),
    keySet: (url) => note('KeySet', url, snapshot.keySets.get(url)),
    seen,
  };
}

/** True when a snapshot has the same objects in all the places that were looked at. */
export function isFresh(dependencies: readonly Dependency[], snapshot: ClusterSnapshot): boolean {
  for (const { kind, key, object } of dependencies) {
    if (shelfOf(kind, snapshot).get(key) !== object) return false;
  }
  return true;
}

function shelfOf(
  kind: Dependency['kind'],
  { services, secrets, configMaps, keySets }: ClusterSnapshot,
): ReadonlyMap<string, Dependency['object']> {
  switch (kind) {
    case 'Service':
      return services;
    case 'Secret':
      return secrets;
    case 'ConfigMap':
      return configMaps;
    case 'KeySet':
      return keySets;
  }
}

/** Splits a `namespace/name` key. */
export function refOfKey(key: string): ObjectRef {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, Math.max(slash, 0)), name: key.slice(slash + 1) };
}
