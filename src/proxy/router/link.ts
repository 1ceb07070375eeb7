import type { TableDelta } from '../../table/messages.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../table/settings.ts';
import type { HostEntry } from '../../table/table.ts';
import { HostIndex } from './host-index.ts';
import { linkHost, type LinkDeps } from './link-route.ts';
import type { LinkedHost, Router } from './linked.ts';

/** A router with what the next one is made from. */
export interface LinkedTable extends Router {
  readonly hosts: ReadonlyMap<string, LinkedHost>;
}

const EMPTY_CATCH_ALL: HostEntry = {
  name: '_',
  aliases: [],
  digest: '',
  isRegex: false,
  hasCertificate: false,
  certificateNames: [],
  policies: {},
  routes: [],
};

/**
 * Makes the next router from what changed; hosts that did not are taken over as they are. Throws when it cannot be: the
 * previous one is untouched. Upstreams that the delta removes must have been forgotten by `deps.upstreamOf` before.
 */
export function link(delta: TableDelta, previous: LinkedTable | undefined, deps: LinkDeps): LinkedTable {
  const steps = linkSteps(delta, previous, deps);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As `link`, pausing after each host, so that a table of thousands can be linked between requests. */
export function* linkSteps(
  delta: TableDelta,
  previous: LinkedTable | undefined,
  deps: LinkDeps,
): Generator<void, LinkedTable, void> {
  const settings = delta.settings ?? previous?.settings ?? DEFAULT_SETTINGS;
  const hosts = new Map(previous?.hosts);
  for (const name of delta.hosts.removed) hosts.delete(name);
  const fresh = new Set<string>();
  for (const entry of delta.hosts.set) {
    hosts.set(entry.name, linkHost(entry, settings, deps));
    fresh.add(entry.name);
    yield;
  }
  for (const host of staleHosts(hosts, fresh, delta)) {
    hosts.set(host.entry.name, linkHost(host.entry, settings, deps));
    yield;
  }
  let catchAll = hosts.get(EMPTY_CATCH_ALL.name);
  if (catchAll === undefined) {
    catchAll = linkHost(EMPTY_CATCH_ALL, settings, deps);
    hosts.set(EMPTY_CATCH_ALL.name, catchAll);
  }
  return new TableRouter(delta.generation, settings, hosts, catchAll);
}

/** Hosts with an equal entry that have to be linked again: filters know the settings, routes hold their upstreams. */
function staleHosts(
  hosts: ReadonlyMap<string, LinkedHost>,
  fresh: ReadonlySet<string>,
  delta: TableDelta,
): LinkedHost[] {
  const removed = new Set(delta.upstreams.removed);
  if (delta.settings === undefined && removed.size === 0) return [];
  const isStale = ({ entry }: LinkedHost): boolean =>
    delta.settings !== undefined ||
    entry.routes.some(
      ({ upstreamId, canary }) =>
        (upstreamId !== undefined && removed.has(upstreamId)) ||
        (canary !== undefined && removed.has(canary.upstreamId)),
    );
  return [...hosts.values()].filter((host) => !fresh.has(host.entry.name) && isStale(host));
}

class TableRouter implements LinkedTable {
  readonly generation: number;
  readonly settings: DataPlaneSettings;
  readonly hosts: ReadonlyMap<string, LinkedHost>;
  readonly defaultHost: LinkedHost;
  readonly #index: HostIndex;

  constructor(
    generation: number,
    settings: DataPlaneSettings,
    hosts: ReadonlyMap<string, LinkedHost>,
    catchAll: LinkedHost,
  ) {
    this.generation = generation;
    this.settings = settings;
    this.hosts = hosts;
    this.defaultHost = catchAll;
    this.#index = new HostIndex(hosts.values(), catchAll);
  }

  hostOf(name: string): LinkedHost {
    return this.#index.find(name);
  }
}
