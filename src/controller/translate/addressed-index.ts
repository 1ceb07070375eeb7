import type { Feature } from '../../features/kit/feature.ts';
import { placeOf } from '../../lib/edited-list.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import { compareAge } from '../store/objects.ts';
import { toAddressedModel, type AddressedUpstream } from './addressed.ts';
import type { IngressEntry } from './entries.ts';

/** One Ingress that names an upstream. */
interface Naming {
  readonly entry: IngressEntry;
  readonly addressed: AddressedUpstream;
}

/** The addressed upstreams of all Ingresses that are served. What changes costs the upstreams that it names. */
export class AddressedIndex {
  /** By id, oldest Ingress first. */
  readonly #namings = new Map<string, Naming[]>();
  readonly #features: readonly Feature[];
  readonly #made = new Remembered<Naming, UpstreamModel>(new WeakMap(), isSameItems);

  constructor(features: readonly Feature[]) {
    this.#features = features;
  }

  /** Takes in who came and went; answers the ids that may be others now. */
  update(removed: readonly IngressEntry[], added: readonly IngressEntry[]): ReadonlySet<string> {
    const touched = new Set<string>();
    const gone = new Set(removed);
    for (const entry of removed) {
      for (const { id } of namedBy(entry)) {
        touched.add(id);
        const left = this.#namings.get(id)?.filter((naming) => !gone.has(naming.entry)) ?? [];
        if (left.length === 0) this.#namings.delete(id);
        else this.#namings.set(id, left);
      }
    }
    for (const entry of added) {
      for (const addressed of namedBy(entry)) {
        const { id } = addressed;
        touched.add(id);
        const namings = this.#namings.get(id) ?? [];
        namings.splice(placeOf(namings, { entry, addressed }, byAge), 0, { entry, addressed });
        this.#namings.set(id, namings);
      }
    }
    return touched;
  }

  has(id: string): boolean {
    return this.#namings.has(id);
  }

  ids(): Iterable<string> {
    return this.#namings.keys();
  }

  /** The upstream of an id: the oldest Ingress that names it is its source. It keeps its identity while it stays as it was. */
  make(id: string, policies: Policies, isExternalNameDisabled: boolean): UpstreamModel | undefined {
    const first = this.#namings.get(id)?.[0];
    return (
      first &&
      this.#made.of(first, [policies], () =>
        toAddressedModel(
          first.addressed,
          first.entry.source,
          policies,
          this.#features,
          isExternalNameDisabled,
        ),
      )
    );
  }
}

/** What a canary Ingress says of its own counts for its backend alone. */
function namedBy({ isCanary, annotations }: IngressEntry): readonly AddressedUpstream[] {
  return isCanary ? [] : annotations.addressed;
}

function byAge(a: Naming, b: Naming): number {
  return compareAge(a.entry.ingress, b.entry.ingress);
}
