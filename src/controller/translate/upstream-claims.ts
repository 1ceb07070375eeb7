import type { Feature } from '../../features/kit/feature.ts';
import { DEFAULT_BACKEND } from '../../lib/catch-all.ts';
import { placeOf } from '../../lib/edited-list.ts';
import { Pace, type Steps } from '../../lib/steps.ts';
import { compareAge } from '../store/objects.ts';
import type { BackendRef } from './backends.ts';
import type { IngressEntry } from './entries.ts';

/** Which Ingress named each upstream first, and so decides its policies. */
export interface UpstreamClaims {
  /** Id of a backend's upstream: the plain one, unless another Service port has taken it. */
  readonly idOf: (ref: BackendRef) => string;
  readonly claimOf: (id: string) => Claim | undefined;
  /** What main Ingresses ask for of a backend, of features that make one policy of theirs. */
  readonly mergesOf: (ref: BackendRef) => readonly MergeClaim[];
  /** Ingresses whose annotations ask for something else than those of the one that decides, oldest first. */
  readonly conflicts: () => readonly UpstreamConflict[];
  /** Backends whose plain id was taken, as text: the same text means the same ids. */
  readonly collisions: () => string;
}

export interface Claim {
  readonly entry: IngressEntry;
  readonly ref: BackendRef;
}

/** Policies of one feature: the oldest Ingress's and the youngest one's. */
export interface MergeClaim {
  readonly feature: Feature;
  readonly first: unknown;
  readonly last: unknown;
  readonly firstEntry: IngressEntry;
}

export interface UpstreamConflict extends Claim {
  readonly winner: IngressEntry;
}

/** A claim with the place of its backend in the Ingress. */
interface Naming extends Claim {
  readonly place: number;
}

/** What all that name one plain id come to. */
interface Settled {
  readonly claims: ReadonlyMap<string, Claim>;
  /** Keys of backends that have to do without the plain id. */
  readonly others: readonly string[];
  readonly conflicts: readonly (UpstreamConflict & Naming)[];
  readonly merges: ReadonlyMap<string, readonly MergeClaim[]>;
}

const NO_MERGES: readonly MergeClaim[] = [];
/** Of most upstreams: a map of its own for each of thousands would be 250 bytes. */
const NOTHING_MERGED: Settled['merges'] = new Map();

/** The claims of all Ingresses that are served. What changes costs the upstreams that it names. */
export class ClaimIndex implements UpstreamClaims {
  readonly #merging: readonly Feature[];
  /** By plain id, oldest Ingress first. */
  readonly #namings = new Map<string, Naming[]>();
  readonly #settled = new Map<string, Settled>();
  readonly #claims = new Map<string, Claim>();
  readonly #merges = new Map<string, readonly MergeClaim[]>();
  readonly #others = new Set<string>();
  readonly #conflicting = new Set<string>();

  constructor(features: readonly Feature[]) {
    this.#merging = features.filter(({ merge }) => merge !== undefined);
  }

  /** Takes in who came and went; answers the ids whose claims may be others now. */
  *update(removed: readonly IngressEntry[], added: readonly IngressEntry[]): Steps<ReadonlySet<string>> {
    const pace = new Pace();
    const plain = new Set<string>();
    for (const entry of removed) for (const { id } of entry.backends) plain.add(id);
    const gone = new Set(removed);
    for (const id of plain) {
      if (pace.isDue()) yield;
      const left = this.#namings.get(id)?.filter(({ entry }) => !gone.has(entry)) ?? [];
      this.#namings.set(id, left);
    }
    for (const entry of added) {
      if (pace.isDue()) yield;
      for (const [place, ref] of entry.backends.entries()) {
        const naming = { entry, ref, place };
        const namings = this.#namings.get(ref.id);
        if (namings === undefined) this.#namings.set(ref.id, [naming]);
        else namings.splice(placeOf(namings, naming, compareNamings), 0, naming);
        plain.add(ref.id);
      }
    }
    const touched = new Set<string>();
    for (const id of plain) {
      if (pace.isDue()) yield;
      const before = this.#settled.get(id);
      if (before !== undefined) this.#undo(id, before, touched);
      const namings = this.#namings.get(id)!;
      if (namings.length === 0) this.#namings.delete(id);
      else this.#do(id, this.#settle(id, namings), touched);
    }
    return touched;
  }

  idOf = (ref: BackendRef): string => (this.#others.has(ref.key) ? ref.key : ref.id);

  claimOf = (id: string): Claim | undefined => this.#claims.get(id);

  mergesOf = (ref: BackendRef): readonly MergeClaim[] => this.#merges.get(ref.key) ?? NO_MERGES;

  conflicts = (): readonly UpstreamConflict[] =>
    [...this.#conflicting].flatMap((id) => this.#settled.get(id)!.conflicts).toSorted(compareNamings);

  collisions = (): string => [...this.#others].toSorted().join(' ');

  #undo(id: string, { claims, others, merges }: Settled, touched: Set<string>): void {
    this.#settled.delete(id);
    this.#conflicting.delete(id);
    for (const claimed of claims.keys()) {
      this.#claims.delete(claimed);
      touched.add(claimed);
    }
    for (const key of others) this.#others.delete(key);
    for (const key of merges.keys()) this.#merges.delete(key);
  }

  #do(id: string, settled: Settled, touched: Set<string>): void {
    this.#settled.set(id, settled);
    if (settled.conflicts.length > 0) this.#conflicting.add(id);
    for (const [claimed, claim] of settled.claims) {
      this.#claims.set(claimed, claim);
      touched.add(claimed);
    }
    for (const key of settled.others) this.#others.add(key);
    for (const [key, merges] of settled.merges) this.#merges.set(key, merges);
  }

  /**
   * `a-b`/`c` and `a`/`b-c` would share the id `a-b-c-80`: the second to come gets one that no name can make. Who names a backend first
   * decides it.
   */
  #settle(id: string, namings: readonly Naming[]): Settled {
    const claims = new Map<string, Claim>();
    const others = new Set<string>();
    const conflicts: (UpstreamConflict & Naming)[] = [];
    const merges = new Map<string, MergeClaim[]>();
    for (const { entry, ref, place } of namings) {
      for (const feature of this.#merging) {
        const policy = entry.isCanary ? undefined : entry.annotations.upstream[feature.name];
        if (policy !== undefined)
          addMerge(merges, ref.key, { feature, first: policy, last: policy, firstEntry: entry });
      }
      const claim = claims.get(id);
      if (claim === undefined && id !== DEFAULT_BACKEND) claims.set(id, { entry, ref });
      else if (claim?.ref.key !== ref.key) {
        others.add(ref.key);
        if (!claims.has(ref.key)) claims.set(ref.key, { entry, ref });
      } else if (claim.entry !== entry && claim.entry.upstreamText !== entry.upstreamText) {
        conflicts.push({ entry, ref, place, winner: claim.entry });
      }
    }
    return { claims, others: [...others], conflicts, merges: merges.size === 0 ? NOTHING_MERGED : merges };
  }
}

/** Oldest Ingress first, then as it names them. */
function compareNamings(a: Naming, b: Naming): number {
  return compareAge(a.entry.ingress, b.entry.ingress) || a.place - b.place;
}

/** Entries come oldest first: the last one to ask is the youngest. */
function addMerge(merges: Map<string, MergeClaim[]>, key: string, claim: MergeClaim): void {
  const claims = merges.get(key) ?? [];
  const at = claims.findIndex(({ feature }) => feature === claim.feature);
  if (at < 0) merges.set(key, [...claims, claim]);
  else claims[at] = { ...claims[at]!, last: claim.last };
}
