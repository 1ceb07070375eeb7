import type { Feature } from '../../features/kit/feature.ts';
import { KeyedList } from '../../lib/edited-list.ts';
import { isSameItems } from '../../lib/remembered.ts';
import { Pace, type Steps } from '../../lib/steps.ts';
import type { UpstreamModel } from '../../model/model.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import { AddressedIndex } from './addressed-index.ts';
import type { ParsedAnnotations } from './annotations.ts';
import type { IngressEntry } from './entries.ts';
import type { HostResults } from './host-results.ts';
import type { UpstreamClaims } from './upstream-claims.ts';
import { createUpstreamMaker } from './upstreams.ts';

export interface UpstreamCircumstances {
  readonly snapshot: ClusterSnapshot;
  readonly claims: UpstreamClaims;
  /** What hosts lead to. */
  readonly results: HostResults;
  readonly defaults: ParsedAnnotations;
  /** That of --default-backend-service. */
  readonly global: UpstreamModel | undefined;
  /** Ids whose claims may be others now. */
  readonly touched: ReadonlySet<string>;
  readonly added: readonly IngressEntry[];
  readonly removed: readonly IngressEntry[];
}

/** The upstreams that hosts, annotations and flags lead to, sorted by id. What did not change costs nothing and keeps its identity. */
export interface UpstreamList {
  update(now: UpstreamCircumstances): Steps<readonly UpstreamModel[]>;
}

export function createUpstreamList(
  features: readonly Feature[],
  isExternalNameDisabled: boolean,
): UpstreamList {
  const maker = createUpstreamMaker(features);
  const addressed = new AddressedIndex(features);
  const upstreams = new KeyedList<UpstreamModel>(({ id }) => id);
  let madeFrom: readonly unknown[] = [];
  let lastGlobal: UpstreamModel | undefined;

  return {
    *update({ snapshot, claims, results, defaults, global, touched, added, removed }) {
      const { upstreamIds } = results;
      const due = new Set([...touched, ...upstreamIds.takeTouched(), ...addressed.update(removed, added)]);
      for (const one of [lastGlobal, global]) if (one !== undefined) due.add(one.id);
      lastGlobal = global;
      const madeFromNow = [snapshot.services, defaults];
      if (!isSameItems(madeFrom, madeFromNow))
        for (const id of [...upstreams.keys(), ...addressed.ids()]) due.add(id);
      madeFrom = madeFromNow;
      const pace = new Pace();
      for (const id of due) {
        if (pace.isDue()) yield;
        if (id === global?.id) upstreams.set(id, global);
        else if (addressed.has(id))
          upstreams.set(id, addressed.make(id, defaults.upstream, isExternalNameDisabled));
        else if (upstreamIds.has(id))
          upstreams.set(id, maker.make(id, claims, snapshot, defaults, isExternalNameDisabled));
        else {
          upstreams.set(id, undefined);
          maker.forget(id);
        }
      }
      return upstreams.list();
    },
  };
}
