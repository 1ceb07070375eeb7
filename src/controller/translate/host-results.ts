import { CountedTexts } from '../../lib/counted-texts.ts';
import { KeyedList } from '../../lib/edited-list.ts';
import { isSameItems } from '../../lib/remembered.ts';
import type { CertificateModel } from '../../model/model.ts';
import type { HostResult } from './hosts.ts';
import type { ReferenceCounts } from './reference-counts.ts';

/** What became of each host, with what all of them come to. A host that changes costs itself. */
export class HostResults {
  /** Upstreams that hosts lead to. */
  readonly upstreamIds = new CountedTexts();
  readonly #references: ReferenceCounts;
  readonly #results = new KeyedList<HostResult>(({ name }) => name);
  #certificates: readonly CertificateModel[] = [];
  /** What the certificates were listed by; undefined: a host has another one since. */
  #certificatesBy: readonly unknown[] | undefined;

  constructor(references: ReferenceCounts) {
    this.#references = references;
  }

  get(name: string): HostResult | undefined {
    return this.#results.get(name);
  }

  /** Undefined: there is no such host. */
  set(name: string, result: HostResult | undefined): void {
    const before = this.#results.get(name);
    if (before === result) return;
    if (result !== undefined) {
      for (const id of result.upstreamIds) this.upstreamIds.add(id);
      this.#references.add(result.dependencies);
    }
    this.#results.set(name, result);
    if (before !== undefined) {
      for (const id of before.upstreamIds) this.upstreamIds.drop(id);
      this.#references.drop(before.dependencies);
    }
    if (before?.certificate !== result?.certificate) this.#certificatesBy = undefined;
  }

  /** Takes out the hosts that are not among these. */
  keepOnly(names: ReadonlyMap<string, unknown>): void {
    for (const name of this.#results.keys()) if (!names.has(name)) this.set(name, undefined);
  }

  /** Sorted by name. */
  list(): readonly HostResult[] {
    return this.#results.list();
  }

  /** Those of hosts and the default one, each once, sorted by id. */
  certificates(byDefault: CertificateModel): readonly CertificateModel[] {
    const by = [byDefault];
    if (this.#certificatesBy !== undefined && isSameItems(this.#certificatesBy, by))
      return this.#certificates;
    const models = new Map<string, CertificateModel>([[byDefault.id, byDefault]]);
    for (const { certificate } of this.list())
      if (certificate !== undefined && !models.has(certificate.id)) models.set(certificate.id, certificate);
    this.#certificates = [...models.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1));
    this.#certificatesBy = by;
    return this.#certificates;
  }
}
