import type { Finding } from '../../model/finding.ts';
import { largerImpact, type ObjectStore, type StoreImpact } from '../store/object-store.ts';
import { KINDS, objectKey, type ClusterObject, type Kind } from '../store/objects.ts';
import { sourceOfFile, type ManifestObject } from './parse-manifest.ts';

/** Where an object was read. */
export interface ObjectPlace {
  readonly file: string;
  readonly line: number;
}

/** Objects of manifest files in their order, of which the first of two with one name counts. */
export class FirstObjects {
  readonly #objects = new Map<Kind, Map<string, ClusterObject>>(KINDS.map((kind) => [kind, new Map()]));
  readonly #places = new Map<string, ObjectPlace>();

  /** Takes the objects of the next file in; tells of those that do not count. */
  take(file: string, objects: readonly ManifestObject[]): Finding[] {
    return objects.flatMap(({ object, line }) => {
      const key = `${object.kind} ${objectKey(object)}`;
      const place = this.#places.get(key);
      if (place !== undefined) return duplicate(file, line, key, place);
      this.#places.set(key, { file, line });
      this.#objects.get(object.kind)!.set(objectKey(object), object);
      return [];
    });
  }

  /** Where the object that counts stands. */
  placeOf(object: {
    readonly kind: string;
    readonly namespace: string;
    readonly name: string;
  }): ObjectPlace | undefined {
    return this.#places.get(`${object.kind} ${objectKey(object)}`);
  }

  all(): ClusterObject[] {
    return [...this.#objects.values()].flatMap((shelf) => [...shelf.values()]);
  }

  /** Makes them what the store holds. */
  putInto(store: ObjectStore): StoreImpact {
    let impact: StoreImpact = 'none';
    for (const kind of KINDS) {
      impact = largerImpact(
        impact,
        store.replace(kind, this.#objects.get(kind)!.values() as Iterable<never>),
      );
    }
    return impact;
  }
}

function duplicate(file: string, line: number, key: string, place: ObjectPlace): Finding {
  return {
    reason: 'DuplicateObject',
    severity: 'warning',
    source: sourceOfFile(file, line),
    value: key,
    problem: `is already in ${place.file} line ${place.line}`,
    consequence: 'this one is ignored',
  };
}
