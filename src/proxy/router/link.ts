import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { Stream } from '../../model/ports.ts';
import type { TableDelta } from '../../table/messages.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../table/settings.ts';
import { EMPTY_CATCH_ALL } from '../../table/table.ts';
import { HostIndex } from './host-index.ts';
import { linkHost, type LinkDeps } from './link-route.ts';
import type { LinkedHost, Router } from './linked.ts';
import { MatcherCache } from './matcher-cache.ts';

/** A router with what the next one is made from. */
export interface LinkedTable extends Router {
  readonly hosts: ReadonlyMap<string, LinkedHost>;
  readonly upstreamIds: ReadonlySet<string>;
  readonly matchers: MatcherCache;
}

/**
 * Makes the next router from what changed; hosts that did not are taken over as they are. Throws when it cannot be: the
 * previous one is untouched.
 */
export function link(delta: TableDelta, previous: LinkedTable | undefined, deps: LinkDeps): LinkedTable {
  const steps = linkSteps(delta, previous, deps);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As `link`, pausing after each route, so that a table of thousands can be linked between requests. */
export function* linkSteps(
  delta: TableDelta,
  previous: LinkedTable | undefined,
  deps: LinkDeps,
): Generator<void, LinkedTable, void> {
  const settings = delta.settings ?? previous?.settings ?? DEFAULT_SETTINGS;
  const hosts = new Map(previous?.hosts);
  const matchers = previous?.matchers ?? new MatcherCache();
  const upstreamIds = nextIds(previous?.upstreamIds, delta);
  for (const name of delta.hosts.removed) hosts.delete(name);
  const fresh = new Set<string>();
  for (const entry of delta.hosts.set) {
    hosts.set(entry.name, yield* linkHost(entry, settings, matchers, deps));
    fresh.add(entry.name);
  }
  for (const host of staleHosts(hosts, fresh, delta, previous)) {
    hosts.set(host.entry.name, yield* linkHost(host.entry, settings, matchers, deps));
  }
  let catchAll = hosts.get(CATCH_ALL);
  if (catchAll === undefined) {
    catchAll = yield* linkHost(EMPTY_CATCH_ALL, settings, matchers, deps);
    hosts.set(CATCH_ALL, catchAll);
  }
  const streams = delta.streams ?? previous?.streams ?? [];
  return new TableRouter(delta.generation, settings, streams, hosts, upstreamIds, matchers, catchAll);
}

function nextIds(previous: ReadonlySet<string> | undefined, { upstreams }: TableDelta): ReadonlySet<string> {
  if (previous !== undefined && upstreams.set.length + upstreams.removed.length === 0) return previous;
  const next = new Set(previous);
  for (const id of upstreams.removed) next.delete(id);
  for (const { id } of upstreams.set) next.add(id);
  return next;
}

/**
 * Hosts with an equal entry that have to be linked again: filters know the settings, and a route of an upstream that
 * went away and came back holds the one that went.
 */
function staleHosts(
  hosts: ReadonlyMap<string, LinkedHost>,
  fresh: ReadonlySet<string>,
  delta: TableDelta,
  previous: LinkedTable | undefined,
): LinkedHost[] {
  const added = new Set<string | undefined>();
  for (const { id } of delta.upstreams.set) if (previous?.upstreamIds.has(id) !== true) added.add(id);
  const isAllStale = delta.settings !== undefined;
  if (!isAllStale && added.size === 0) return [];
  const isStale = ({ entry }: LinkedHost): boolean =>
    isAllStale ||
    entry.routes.some(({ upstreamId, canary }) => added.has(upstreamId) || added.has(canary?.upstreamId));
  return [...hosts.values()].filter((host) => !fresh.has(host.entry.name) && isStale(host));
}

class TableRouter implements LinkedTable {
  readonly generation: number;
  readonly settings: DataPlaneSettings;
  readonly streams: readonly Stream[];
  readonly hosts: ReadonlyMap<string, LinkedHost>;
  readonly upstreamIds: ReadonlySet<string>;
  readonly matchers: MatcherCache;
  readonly defaultHost: LinkedHost;
  readonly #index: HostIndex<LinkedHost>;

  constructor(
    generation: number,
    settings: DataPlaneSettings,
    streams: readonly Stream[],
    hosts: ReadonlyMap<string, LinkedHost>,
    upstreamIds: ReadonlySet<string>,
    matchers: MatcherCache,
    catchAll: LinkedHost,
  ) {
    this.generation = generation;
    this.settings = settings;
    this.streams = streams;
    this.hosts = hosts;
    this.upstreamIds = upstreamIds;
    this.matchers = matchers;
    this.defaultHost = catchAll;
    this.#index = new HostIndex(hosts.values(), catchAll);
  }

  hostOf(name: string): LinkedHost {
    return this.#index.find(name);
  }
}
