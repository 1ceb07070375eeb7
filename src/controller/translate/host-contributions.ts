import { CATCH_ALL } from '../../lib/catch-all.ts';
import { Pace, type Steps } from '../../lib/steps.ts';
import { compareAge } from '../store/objects.ts';
import type { IngressEntry } from './entries.ts';
import type { Contribution } from './host-routes.ts';

/** All that Ingresses say about one host, oldest first. */
export interface HostContributions {
  readonly mains: readonly Contribution[];
  readonly canaries: readonly Contribution[];
}

const NOBODY: readonly Contribution[] = [];
const NONE: HostContributions = { mains: NOBODY, canaries: NOBODY };

/** What each host is told. The catch-all host is always there. Lists are replaced, never edited. */
export class HostGroups {
  readonly #hosts = new Map<string, HostContributions>([[CATCH_ALL, NONE]]);

  /** By host name. */
  get all(): ReadonlyMap<string, HostContributions> {
    return this.#hosts;
  }

  /** Takes in who came and went; answers the names of hosts that are told something else now. */
  *update(removed: readonly IngressEntry[], added: readonly IngressEntry[]): Steps<ReadonlySet<string>> {
    const pace = new Pace();
    const touched = new Set<string>();
    for (const entry of removed) for (const { name } of namedBy(entry)) touched.add(name);
    const gone = new Set(removed);
    const stays = ({ entry }: Contribution): boolean => !gone.has(entry);
    for (const name of touched) {
      if (pace.isDue()) yield;
      const { mains, canaries } = this.#hosts.get(name) ?? NONE;
      this.#hosts.set(name, { mains: mains.filter(stays), canaries: canaries.filter(stays) });
    }
    const come = new Map<string, { readonly mains: Contribution[]; readonly canaries: Contribution[] }>();
    for (const entry of added) {
      if (pace.isDue()) yield;
      for (const { name, rule } of namedBy(entry)) {
        let lists = come.get(name);
        if (lists === undefined) come.set(name, (lists = { mains: [], canaries: [] }));
        lists[entry.isCanary ? 'canaries' : 'mains'].push({ entry, rule });
      }
    }
    for (const [name, { mains, canaries }] of come) {
      if (pace.isDue()) yield;
      const before = this.#hosts.get(name) ?? NONE;
      this.#hosts.set(name, {
        mains: merge(before.mains, mains),
        canaries: merge(before.canaries, canaries),
      });
      touched.add(name);
    }
    for (const name of touched) {
      const { mains, canaries } = this.#hosts.get(name)!;
      if (name !== CATCH_ALL && mains.length + canaries.length === 0) this.#hosts.delete(name);
    }
    return touched;
  }
}

/** The hosts that an Ingress says something about; rule -1 is its default backend. */
function* namedBy(entry: IngressEntry): Generator<{ readonly name: string; readonly rule: number }> {
  const { defaultBackend, rules } = entry.ingress;
  if (defaultBackend?.kind === 'service' && (entry.isCanary || rules.length === 0))
    yield { name: CATCH_ALL, rule: -1 };
  yield* entry.hosts;
}

/** Oldest first; what one Ingress says stays in its order. */
function merge(before: readonly Contribution[], come: readonly Contribution[]): readonly Contribution[] {
  if (come.length === 0) return before;
  return before.concat(come).sort((a, b) => compareAge(a.entry.ingress, b.entry.ingress));
}

/** True when the same entries say the same, in the same order. */
export function isSameContributions(a: HostContributions, b: HostContributions): boolean {
  return isSameList(a.mains, b.mains) && isSameList(a.canaries, b.canaries);
}

function isSameList(a: readonly Contribution[], b: readonly Contribution[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) {
    if (a[index]!.entry !== b[index]!.entry || a[index]!.rule !== b[index]!.rule) return false;
  }
  return true;
}
