import { combineAccess } from '../../features/kit/access.ts';
import type { Feature } from '../../features/kit/feature.ts';
import { CERTIFICATE_HEADERS } from '../../features/kit/certificate-headers.ts';
import type { CopyTarget } from '../../features/kit/copier.ts';
import type { CanaryDecision, Copier, Filter, FilterContext, Subrequest } from '../../features/kit/filter.ts';
import type { Counters } from '../../features/kit/counters.ts';
import { locationFormOf } from '../../features/kit/location-form.ts';
import { SlotPlan } from '../../features/kit/slot.ts';
import type { Question } from '../../features/kit/subrequest.ts';
import { toByteText } from '../../lib/byte-text.ts';
import { CATCH_ALL, DEFAULT_BACKEND } from '../../lib/catch-all.ts';
import { LazyPathSearch } from '../../lib/path-search.ts';
import type { Policies } from '../../model/policy.ts';
import type { RouteNames } from '../../lib/variables/source.ts';
import type { RouteSeries, WorkerMetrics } from '../../observe/sinks.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { HostEntry, RouteEntry } from '../../table/table.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { LinkedHost, LinkedRoute, SlashRedirect } from './linked.ts';
import type { MatcherCache } from './matcher-cache.ts';
import { NO_MATCH, redirectedBy, type PathMatcher } from './path-matcher.ts';
import { GRPC_RETRY, grpcBodyOf, wiresOf } from './route-wires.ts';

const NO_FILTERS: readonly Filter[] = [];

// oxlint-disable-next-line no-explicit-any -- each feature has a policy type of its own
export type AnyFeature = Feature<any, any>;

export interface LinkDeps {
  /** In the order in which filters run. */
  readonly features: readonly AnyFeature[];
  /** The upstream of that id, created when it is not known yet; the same one as long as it is not forgotten. */
  readonly upstreamOf: (id: string) => Upstream;
  readonly metrics: Pick<WorkerMetrics, 'routeSeries'>;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly counters: Counters;
  readonly createSubrequest: (question: Question) => Subrequest;
  readonly createCopier: (target: CopyTarget) => Copier;
  /** See FilterContext. */
  readonly ofWorker: FilterContext['ofWorker'];
}

/** Resolves all of a host once, pausing after each route. Throws what a feature throws, naming route and feature. */
export function* linkHost(
  host: HostEntry,
  settings: DataPlaneSettings,
  matchers: MatcherCache,
  deps: LinkDeps,
): Generator<void, LinkedHost, void> {
  const slots = new SlotPlan();
  const { random, counters, ofWorker, createSubrequest: subrequest, createCopier: copier } = deps;
  const context: FilterContext = {
    host,
    settings,
    random,
    counters,
    ofWorker,
    slot: slots.slot,
    subrequest,
    copier,
  };
  const filters = deps.features
    .filter(({ stage }) => stage === 'host')
    .map((feature) => createFilter(feature, host.policies[feature.name], context))
    .filter((filter) => filter !== undefined);
  const routes: LinkedRoute[] = [];
  for (const route of host.routes) {
    routes.push(linkRoute(route, context, filters, slots.size, deps));
    yield;
  }
  return new TableHost(host, withHook(filters, 'onRequest'), matchers.matcherOf(host), routes, deps.metrics);
}

class TableHost implements LinkedHost {
  readonly name: string;
  readonly isConfigured: boolean;
  readonly filters: readonly Filter[];
  readonly entry: HostEntry;
  readonly #matcher: PathMatcher;
  readonly #routes: readonly LinkedRoute[];
  readonly #metrics: LinkDeps['metrics'];
  #unmatched: RouteSeries | undefined = undefined;
  #nameless: RouteSeries | undefined = undefined;

  constructor(
    entry: HostEntry,
    filters: readonly Filter[],
    matcher: PathMatcher,
    routes: readonly LinkedRoute[],
    metrics: LinkDeps['metrics'],
  ) {
    this.name = entry.name;
    this.isConfigured = entry.name !== CATCH_ALL;
    this.filters = filters;
    this.entry = entry;
    this.#matcher = matcher;
    // A copy has no room to grow.
    this.#routes = routes.slice();
    this.#metrics = metrics;
  }

  match(path: string): LinkedRoute | SlashRedirect | undefined {
    const found = this.#matcher(path);
    if (found >= 0) return this.#routes[found];
    if (found === NO_MATCH) return undefined;
    const { match, policies } = this.#routes[redirectedBy(found)]!.entry;
    return { kind: 'slash-redirect', path: match.value, form: locationFormOf(policies) };
  }

  unmatchedSeries(): RouteSeries {
    const { name, first } = this.entry;
    this.#unmatched ??= this.#metrics.routeSeries({ ...NO_NAMES, ...first, path: '/', host: name }, '');
    return this.#unmatched;
  }

  namelessSeries(): RouteSeries {
    this.#nameless ??= this.#metrics.routeSeries({ ...NO_NAMES, host: this.entry.name }, '');
    return this.#nameless;
  }
}

const NO_NAMES: RouteNames = { namespace: '', ingress: '', service: '', servicePort: '', path: '', host: '' };

function linkRoute(
  entry: RouteEntry,
  hostContext: FilterContext,
  hostFilters: readonly Filter[],
  hostSlots: number,
  deps: LinkDeps,
): LinkedRoute {
  const { slot } = new SlotPlan(hostSlots);
  const context: FilterContext = { ...hostContext, route: entry, slot };
  const { policies, canary, upstreamId, labels } = entry;
  const { timeouts, body, retry, logging } = policies;
  if (timeouts === undefined || body === undefined || retry === undefined) {
    throw new Error(`route ${entry.id}: a core policy is missing`);
  }
  const wires = wiresOf(policies, body.upstreamHttpMinor);
  const byStage: Record<'route' | 'access', Filter[]> = { route: [], access: [] };
  for (const feature of deps.features) {
    const stage = feature.stage ?? 'route';
    if (stage === 'host' || feature.createFilter === undefined) continue;
    if (wires.isGrpc && feature.isOfHttp === true) continue;
    const filter = createFilter(feature, policyOf(feature, policies, hostContext.host), context);
    if (filter !== undefined) byStage[stage].push(filter);
  }
  const filters = [...byStage.route, ...byStage.access];
  const admission = combineAccess(byStage.access, policies.satisfy?.mode ?? 'all');
  const upstream = upstreamId === undefined ? undefined : deps.upstreamOf(upstreamId);
  const series = deps.metrics.routeSeries(labels, '');
  return {
    kind: 'route',
    entry,
    path: toByteText(entry.path),
    search: hostContext.host.isRegex && entry.path.includes('(') ? new LazyPathSearch(entry.path) : undefined,
    upstreamName: upstream === undefined ? DEFAULT_BACKEND : toByteText(upstream.id),
    deniedStatus: entry.deniedStatus,
    isAffinityAsked: policies.affinity !== undefined,
    upstream,
    canaryUpstream: canary === undefined ? undefined : deps.upstreamOf(canary.upstreamId),
    decideCanary: canary === undefined ? undefined : createDecision(canary.policy, context, deps.features),
    timeouts,
    body: wires.isGrpc ? grpcBodyOf(body, policies) : body,
    retry: wires.isGrpc ? GRPC_RETRY : retry,
    responseRate: policies['limit-rate'],
    isAccessLogged: logging?.isAccessLogged ?? true,
    onRequest: withHook(byStage.route, 'onRequest'),
    onAccess:
      admission === undefined
        ? withHook(byStage.access, 'onRequest')
        : [...withHook(byStage.access, 'onRequest'), { onRequest: admission }],
    isAuthorizationHidden: filters.some(({ isAuthorizationHidden }) => isAuthorizationHidden === true),
    withheldHeaders: withheldBy([...hostFilters, ...filters], context.settings),
    onUpstreamRequest: withHook([...hostFilters, ...filters], 'onUpstreamRequest'),
    onStatus: withHook(filters, 'onStatus'),
    onReplaceable: withHook(filters, 'replaceResponse'),
    onNoEndpoints: withHook(filters, 'onNoEndpoints'),
    onResponse: withHook(filters, 'onResponse'),
    onBody: withHook(filters, 'stageBody'),
    onDone: withHook(filters, 'onDone'),
    series,
    canarySeries: canary === undefined ? series : deps.metrics.routeSeries(labels, canary.upstreamId),
    wire: wires.wire,
    secureWire: wires.secureWire,
  };
}

/** All that have none share one list. */
function withHook(filters: readonly Filter[], hook: keyof Filter): readonly Filter[] {
  const having = filters.filter((filter) => filter[hook] !== undefined);
  return having.length === 0 ? NO_FILTERS : having;
}

const NOBODYS_HEADERS: ReadonlySet<string> = new Set(['proxy']);
const HOPS_HEADERS: ReadonlySet<string> = new Set([...NOBODYS_HEADERS, ...CERTIFICATE_HEADERS]);

/** Routes without checks share one of two sets: the certificate of a client is for a trusted hop to tell. */
function withheldBy(filters: readonly Filter[], settings: DataPlaneSettings): ReadonlySet<string> {
  const always = settings.isForwardedTrusted ? NOBODYS_HEADERS : HOPS_HEADERS;
  const spoken = filters.flatMap(({ spokenHeaders = [], isAuthorizationHidden }) =>
    isAuthorizationHidden === true ? [...spokenHeaders, 'authorization'] : spokenHeaders,
  );
  return spoken.length === 0 ? always : new Set([...always, ...spoken]);
}

/** A host's policy counts on each of its routes, where its feature acts there. */
function policyOf(feature: AnyFeature, policies: Policies, host: HostEntry): unknown {
  return policies[feature.name] ?? (feature.scope === 'host' ? host.policies[feature.name] : undefined);
}

function createFilter(feature: AnyFeature, policy: unknown, context: FilterContext): Filter | undefined {
  if (policy === undefined || feature.createFilter === undefined) return undefined;
  try {
    return feature.createFilter(policy, context);
  } catch (cause) {
    const where = context.route?.id ?? context.host.name;
    throw new Error(`${where}: ${feature.name}: ${(cause as Error).message}`, { cause });
  }
}

function createDecision(
  policy: unknown,
  context: FilterContext,
  features: readonly AnyFeature[],
): CanaryDecision | undefined {
  const feature = features.find((candidate) => candidate.createDecision !== undefined);
  return feature?.createDecision?.(policy, context);
}
