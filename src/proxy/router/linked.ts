import type { LazyPathSearch } from '../../lib/path-search.ts';
import type { CanaryDecision, Filter } from '../../features/kit/filter.ts';
import type { LocationForm } from '../../features/kit/location-form.ts';
import type { BodyPolicy, LimitRatePolicy, RetryPolicy, TimeoutsPolicy } from '../../model/policy.ts';
import type { Stream } from '../../model/ports.ts';
import type { RouteSeries } from '../../observe/sinks.ts';
import type { HostEntry, RouteEntry } from '../../table/table.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { WireKey } from '../upstream/wire-key.ts';

/** The live matcher. Replaced, never patched; an exchange keeps the router it was matched by. */
export interface Router {
  readonly generation: number;
  readonly settings: DataPlaneSettings;
  /** The same list for as long as it says the same. */
  readonly streams: readonly Stream[];
  /** Host for a lower-case name without port: exact, alias, wildcard, regex, else the catch-all (docs/reference/routing.md §2). */
  hostOf(name: string): LinkedHost;
  /** The catch-all. */
  readonly defaultHost: LinkedHost;
}

export interface LinkedHost {
  readonly name: string;
  readonly entry: HostEntry;
  /** False for the catch-all: it counts no metrics by default and is not logged. */
  readonly isConfigured: boolean;
  /** Host-stage filters with onRequest, run before a route is matched. */
  readonly filters: readonly Filter[];
  /** Route for a normalised path; `redirect` when only the slash is missing; undefined: built-in 404. */
  match(path: string): LinkedRoute | SlashRedirect | undefined;
  /** Counts requests that no route took: as the host's first Ingress, with the path `/`. */
  unmatchedSeries(): RouteSeries;
  /** Counts what is answered before any route is entered, which no Ingress is named for. */
  namelessSeries(): RouteSeries;
}

export interface SlashRedirect {
  readonly kind: 'slash-redirect';
  readonly path: string;
  /** Undefined: an absolute Location without port. */
  readonly form?: LocationForm;
}

/**
 * A route with everything resolved once, so that the request path only reads fields: none of `entry`, which is as cold as routes are
 * many.
 */
export interface LinkedRoute {
  readonly kind: 'route';
  readonly entry: RouteEntry;
  /** Path text of the Ingress. */
  readonly path: string;
  /** Finds the groups of the path's pattern, for variables; undefined when it has none. */
  readonly search: LazyPathSearch | undefined;
  /** Name of the upstream for the log. */
  readonly upstreamName: string;
  /** Answers this to all requests in place of an upstream. */
  readonly deniedStatus: RouteEntry['deniedStatus'];
  /** Whether the Ingress of the route asks for affinity. */
  readonly isAffinityAsked: boolean;
  readonly upstream: Upstream | undefined;
  readonly canaryUpstream: Upstream | undefined;
  readonly decideCanary: CanaryDecision | undefined;
  readonly timeouts: TimeoutsPolicy;
  readonly body: BodyPolicy;
  readonly retry: RetryPolicy;
  readonly responseRate: LimitRatePolicy | undefined;
  readonly isAccessLogged: boolean;
  /** `route` stage, in registry order; only filters that have the hook are in each list. */
  readonly onRequest: readonly Filter[];
  /** `access` stage: after an endpoint is known to exist. */
  readonly onAccess: readonly Filter[];
  /** Whether Authorization stays here. */
  readonly isAuthorizationHidden: boolean;
  /** See RequestView. */
  readonly withheldHeaders: ReadonlySet<string>;
  readonly onUpstreamRequest: readonly Filter[];
  readonly onStatus: readonly Filter[];
  /** Those with `replaceResponse`. */
  readonly onReplaceable: readonly Filter[];
  readonly onNoEndpoints: readonly Filter[];
  readonly onResponse: readonly Filter[];
  /** Those with `stageBody`. */
  readonly onBody: readonly Filter[];
  readonly onDone: readonly Filter[];
  readonly series: RouteSeries;
  readonly canarySeries: RouteSeries;
  /** How the upstream is spoken to for a client that came by http, and for one that came by https (AUTO_HTTP follows it). */
  readonly wire: WireKey;
  readonly secureWire: WireKey;
}
