import { CountedTexts } from '../../lib/counted-texts.ts';
import type { ObjectRef } from '../store/object-store.ts';
import { refOfKey, type Dependency } from './dependencies.ts';
import type { Translation } from './options.ts';

type References = Translation['references'];

/** The objects that served ones name, each for as long as anybody names it. */
export class ReferenceCounts {
  readonly #texts: Readonly<Record<Exclude<Dependency['kind'], 'Service'>, CountedTexts>> = {
    Secret: new CountedTexts(),
    ConfigMap: new CountedTexts(),
    KeySet: new CountedTexts(),
  };
  readonly #listed: Partial<Record<'Secret' | 'ConfigMap', { keys: readonly string[]; refs: ObjectRef[] }>> =
    {};
  #references: References = { secrets: [], configMaps: [], keySets: [] };

  add(dependencies: readonly Pick<Dependency, 'kind' | 'key'>[]): void {
    for (const { kind, key } of dependencies) if (kind !== 'Service') this.#texts[kind].add(key);
  }

  drop(dependencies: readonly Pick<Dependency, 'kind' | 'key'>[]): void {
    for (const { kind, key } of dependencies) if (kind !== 'Service') this.#texts[kind].drop(key);
  }

  /** Sorted; the same object for as long as it says the same. */
  list(): References {
    const secrets = this.#refs('Secret');
    const configMaps = this.#refs('ConfigMap');
    const keySets = this.#texts.KeySet.list();
    const before = this.#references;
    if (before.secrets === secrets && before.configMaps === configMaps && before.keySets === keySets)
      return before;
    this.#references = { secrets, configMaps, keySets };
    return this.#references;
  }

  #refs(kind: 'Secret' | 'ConfigMap'): readonly ObjectRef[] {
    const keys = this.#texts[kind].list();
    let listed = this.#listed[kind];
    if (listed?.keys !== keys) this.#listed[kind] = listed = { keys, refs: keys.map(refOfKey) };
    return listed.refs;
  }
}
