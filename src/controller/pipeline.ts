import type { Steps } from '../lib/steps.ts';
import type { Finding } from '../model/finding.ts';
import type { Model, UpstreamModel } from '../model/model.ts';
import type { EndpointEntry, RouteTable } from '../table/table.ts';
import type { ClusterSnapshot, ObjectRef } from './store/object-store.ts';

/** Objects that served objects name; a source watches these and no others of their kinds. */
export interface References {
  readonly secrets: readonly ObjectRef[];
  readonly configMaps: readonly ObjectRef[];
  /** URLs of key sets, which are fetched. */
  readonly keySets: readonly string[];
  /** Editions of databases of addresses, whose files are read. */
  readonly geoEditions: readonly string[];
}

/** What one snapshot becomes. */
export interface Built {
  readonly model: Model;
  readonly table: RouteTable;
  readonly findings: readonly Finding[];
  /** The same object for as long as it says the same. */
  readonly references: References;
  /** Ingresses that are served, oldest first. */
  readonly served: readonly ObjectRef[];
}

/** Snapshot to table: translate, settings, compile. Pure; never throws on what a user wrote. */
export interface Pipeline {
  build(snapshot: ClusterSnapshot, generation: number): Built;
  /** The same in steps, of which all are to be taken before another is built. */
  buildSteps(snapshot: ClusterSnapshot, generation: number): Steps<Built>;
  /** Addresses of an upstream now. */
  endpointsOf(snapshot: ClusterSnapshot, upstream: UpstreamModel): readonly EndpointEntry[];
}
