import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { Stream } from '../../model/ports.ts';
import type { TableDelta } from '../../table/messages.ts';
import { LayeredMap } from '../../lib/layered-map.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../table/settings.ts';
import { EMPTY_CATCH_ALL } from '../../table/table.ts';
import { HostIndex } from './host-index.ts';
import { linkHost, type LinkDeps } from './link-route.ts';
import type { LinkedHost, Router } from './linked.ts';
import { MatcherCache } from './matcher-cache.ts';
import { shareTexts } from './share-texts.ts';

/** A router with what the next one is made from. */
export interface LinkedTable extends Router {
  readonly hosts: LayeredMap<LinkedHost>;
  readonly upstreamIds: ReadonlySet<string>;
  readonly matchers: MatcherCache;
  readonly index: HostIndex<LinkedHost>;
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
  const before = previous?.hosts ?? NO_HOSTS;
  const matchers = previous?.matchers ?? new MatcherCache();
  const upstreamIds = nextIds(previous?.upstreamIds, delta);
  const changes = new Map<string, LinkedHost | undefined>();
  for (const name of delta.hosts.removed) changes.set(name, undefined);
  for (const entry of delta.hosts.set)
    changes.set(entry.name, yield* linkHost(shareTexts(entry), settings, matchers, deps));
  for (const host of staleHosts(before, changes, delta, previous))
    changes.set(host.entry.name, yield* linkHost(host.entry, settings, matchers, deps));
  let catchAll = changes.has(CATCH_ALL) ? changes.get(CATCH_ALL) : before.get(CATCH_ALL);
  if (catchAll === undefined) {
    catchAll = yield* linkHost(EMPTY_CATCH_ALL, settings, matchers, deps);
    changes.set(CATCH_ALL, catchAll);
  }
  const hosts = before.with(changes);
  const changed = [...changes.values()].filter((host) => host !== undefined);
  const { generation } = delta;
  return new TableRouter({
    generation,
    settings,
    streams: delta.streams ?? previous?.streams ?? [],
    hosts,
    upstreamIds,
    matchers,
    defaultHost: catchAll,
    index:
      previous?.index.next(hosts.values(), catchAll, changed, delta.hosts.removed) ??
      HostIndex.of(hosts.values(), catchAll),
  });
}

const NO_HOSTS = LayeredMap.of<LinkedHost>(new Map());

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
  changes: ReadonlyMap<string, unknown>,
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
  return [...hosts.values()].filter((host) => !changes.has(host.entry.name) && isStale(host));
}

class TableRouter implements LinkedTable {
  readonly generation: number;
  readonly settings: DataPlaneSettings;
  readonly streams: readonly Stream[];
  readonly hosts: LayeredMap<LinkedHost>;
  readonly upstreamIds: ReadonlySet<string>;
  readonly matchers: MatcherCache;
  readonly defaultHost: LinkedHost;
  readonly index: HostIndex<LinkedHost>;

  constructor(parts: Omit<LinkedTable, 'hostOf'>) {
    this.generation = parts.generation;
    this.settings = parts.settings;
    this.streams = parts.streams;
    this.hosts = parts.hosts;
    this.upstreamIds = parts.upstreamIds;
    this.matchers = parts.matchers;
    this.defaultHost = parts.defaultHost;
    this.index = parts.index;
  }

  hostOf(name: string): LinkedHost {
    return this.index.find(name);
  }
}
