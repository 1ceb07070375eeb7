import { splitList } from '../../lib/nginx-values.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import { compareAge, type IngressBackend, type IngressObject } from '../store/objects.ts';
import type { IngressWatcher } from '../store/object-store.ts';

/** Knows which Ingresses have to do with each other, without looking at the others. */
export interface RelatedIngresses {
  /** Takes in one that came, changed or went. */
  readonly changed: IngressWatcher;
  /**
   * Those that can have a say in what becomes of `ingress`, oldest first: of its hosts and aliases, and those that name one of its Services.
   * Translating these with it finds what a translation of all would. The one of its own name is not among them.
   */
  of(ingress: IngressObject): readonly IngressObject[];
}

/** Creates an index that is empty. `prefix` is that of annotations, without slash. */
export function createRelatedIngresses(prefix: string): RelatedIngresses {
  const byKey = new Map<string, Set<IngressObject>>();

  function add(ingress: IngressObject): void {
    for (const key of keysOf(ingress, prefix)) {
      const held = byKey.get(key);
      if (held === undefined) byKey.set(key, new Set([ingress]));
      else held.add(ingress);
    }
  }

  function remove(ingress: IngressObject): void {
    for (const key of keysOf(ingress, prefix)) {
      const held = byKey.get(key);
      held?.delete(ingress);
      if (held?.size === 0) byKey.delete(key);
    }
  }

  return {
    changed(before, after) {
      if (before !== undefined) remove(before);
      if (after !== undefined) add(after);
    },
    of(ingress) {
      const { namespace, name } = ingress;
      const found = new Set<IngressObject>();
      for (const key of keysOf(ingress, prefix))
        for (const other of byKey.get(key) ?? [])
          if (other.name !== name || other.namespace !== namespace) found.add(other);
      return [...found].toSorted(compareAge);
    },
  };
}

/** Hosts and aliases as the table names them, which is in lower case, and Services behind a capital. */
function keysOf(
  { namespace, rules, annotations, defaultBackend }: IngressObject,
  prefix: string,
): Set<string> {
  const keys = new Set<string>();
  const addService = (backend: IngressBackend) => {
    if (backend.kind === 'service') keys.add(`S ${namespace}/${backend.service}`);
  };
  for (const { host, paths } of rules) {
    keys.add(host === '' ? CATCH_ALL : host.toLowerCase());
    for (const { backend } of paths) addService(backend);
  }
  if (defaultBackend !== undefined) {
    keys.add(CATCH_ALL);
    addService(defaultBackend);
  }
  const aliases = annotations.get(`${prefix}/server-alias`);
  if (aliases !== undefined) for (const alias of splitList(aliases)) keys.add(alias.toLowerCase());
  return keys;
}
