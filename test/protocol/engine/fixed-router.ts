import type { Filter } from '../../../src/features/kit/filter.ts';
import type {
  BodyPolicy,
  LimitRatePolicy,
  RetryPolicy,
  TimeoutsPolicy,
  UpstreamTlsPolicy,
} from '../../../src/model/policy.ts';
import type { RouteSeries } from '../../../src/observe/sinks.ts';
import type { LinkedHost, LinkedRoute, Router, SlashRedirect } from '../../../src/proxy/router/linked.ts';
import type { Endpoint, EndpointOutcome, Upstream } from '../../../src/proxy/upstream/upstream.ts';
import { plainWire, tlsWire, type WireKey } from '../../../src/proxy/upstream/wire-key.ts';
import { DEFAULT_SETTINGS, type DataPlaneSettings } from '../../../src/table/settings.ts';

/** An endpoint that remembers what it was told. */
export interface FakeEndpoint extends Endpoint {
  readonly outcomes: EndpointOutcome[];
  isRemoved: boolean;
}

export interface FixedRouterOptions {
  readonly endpoints?: readonly { readonly address: string; readonly port: number }[];
  readonly canary?: readonly { readonly address: string; readonly port: number }[];
  readonly decideCanary?: LinkedRoute['decideCanary'];
  readonly settings?: Partial<DataPlaneSettings>;
  readonly timeouts?: Partial<TimeoutsPolicy>;
  readonly body?: Partial<BodyPolicy>;
  readonly retry?: Partial<RetryPolicy>;
  readonly responseRate?: LimitRatePolicy;
  readonly tls?: UpstreamTlsPolicy | true;
  /** In place of HTTP/1. */
  readonly wire?: WireKey;
  readonly filters?: readonly Filter[];
  readonly hostFilters?: readonly Filter[];
  readonly accessFilters?: readonly Filter[];
  readonly series?: RouteSeries;
  readonly deniedStatus?: 503 | 403;
  readonly hasNoUpstream?: boolean;
  readonly setCookie?: string;
  /** Paths that are not the route's. */
  readonly match?: (path: string, route: LinkedRoute) => LinkedRoute | SlashRedirect | undefined;
}

export interface FixedRouter extends Router {
  readonly route: LinkedRoute;
  readonly endpoints: readonly FakeEndpoint[];
}

/** A router of one host (any name but `unknown.test`) with one route; endpoints are taken in turn. */
export function createFixedRouter(options: FixedRouterOptions = {}): FixedRouter {
  const settings = { ...DEFAULT_SETTINGS, ...options.settings };
  const endpoints = (options.endpoints ?? []).map(createEndpoint);
  const canaryEndpoints = (options.canary ?? []).map(createEndpoint);
  const { filters = [] } = options;
  const series = options.series ?? { observe: () => {} };
  const wireName = options.body?.upstreamHttpMinor === 0 ? 'http/1.0' : 'http/1.1';
  const wire =
    options.wire ??
    (options.tls === undefined
      ? plainWire(wireName)
      : tlsWire(wireName, options.tls === true ? undefined : options.tls));
  const route: LinkedRoute = {
    kind: 'route',
    search: undefined,
    entry: {
      id: 'a.test|prefix|/',
      match: { kind: 'prefix', value: '/' },
      path: '/',
      pathType: 'prefix',
      upstreamId: options.hasNoUpstream === true ? undefined : 'lab-web-80',
      policies: {},
      deniedStatus: options.deniedStatus,
      labels: {
        namespace: 'lab',
        ingress: 'main',
        service: 'web',
        servicePort: '80',
        path: '/',
        host: 'a.test',
      },
      isSlashRedirected: false,
    },
    path: '/',
    upstreamName: options.hasNoUpstream === true ? 'upstream-default-backend' : 'lab-web-80',
    deniedStatus: options.deniedStatus,
    isAffinityAsked: false,
    upstream:
      options.hasNoUpstream === true ? undefined : createUpstream('lab-web-80', endpoints, options.setCookie),
    canaryUpstream:
      options.canary === undefined ? undefined : createUpstream('lab-canary-80', canaryEndpoints),
    decideCanary: options.decideCanary,
    timeouts: { connectTimeoutMs: 5_000, sendTimeoutMs: 60_000, readTimeoutMs: 60_000, ...options.timeouts },
    body: {
      maxBodyBytes: 1_048_576,
      isRequestBuffered: true,
      maxResponseHeadBytes: 4096,
      upstreamHttpMinor: 1,
      ...options.body,
    },
    retry: {
      conditions: ['error', 'timeout'],
      isNonIdempotentRetried: false,
      tries: 3,
      timeoutMs: 0,
      ...options.retry,
    },
    responseRate: options.responseRate,
    isAccessLogged: true,
    onRequest: filters.filter((filter) => filter.onRequest !== undefined),
    onAccess: options.accessFilters ?? [],
    isAuthorizationHidden: false,
    withheldHeaders: new Set(),
    onUpstreamRequest: filters.filter((filter) => filter.onUpstreamRequest !== undefined),
    onStatus: filters.filter((filter) => filter.onStatus !== undefined),
    onReplaceable: filters.filter((filter) => filter.replaceResponse !== undefined),
    onNoEndpoints: filters.filter((filter) => filter.onNoEndpoints !== undefined),
    onResponse: filters.filter((filter) => filter.onResponse !== undefined),
    onBody: filters.filter((filter) => filter.stageBody !== undefined),
    onDone: filters.filter((filter) => filter.onDone !== undefined),
    series,
    canarySeries: series,
    wire,
    secureWire: wire,
  };
  const match: LinkedHost['match'] = (path) =>
    options.match === undefined ? route : options.match(path, route);
  const host = createHost('a.test', true, options.hostFilters ?? [], match, series);
  const defaultHost = createHost('_', false, [], () => undefined, series);
  return {
    generation: 1,
    settings,
    streams: [],
    hostOf: (name) => (name === 'unknown.test' || name === '' ? defaultHost : host),
    defaultHost,
    route,
    endpoints,
  };
}

function createHost(
  name: string,
  isConfigured: boolean,
  filters: readonly Filter[],
  match: LinkedHost['match'],
  series: RouteSeries,
): LinkedHost {
  return {
    name,
    entry: {
      name,
      aliases: [],
      digest: name,
      isRegex: false,
      hasCertificate: false,
      certificateNames: [],
      policies: {},
      routes: [],
    },
    isConfigured,
    filters,
    match,
    unmatchedSeries: () => series,
    namelessSeries: () => series,
  };
}

function createUpstream(id: string, endpoints: readonly FakeEndpoint[], setCookie?: string): Upstream {
  let turn = 0;
  return {
    id,
    entry: { id, digest: id, policies: {} },
    hasEndpoints: () => endpoints.length > 0,
    holdsSession: () => false,
    pick: (_request, pick) => {
      if (setCookie !== undefined) pick.setCookie = setCookie;
      return endpoints[turn++ % endpoints.length];
    },
    next: () => endpoints[turn++ % endpoints.length],
  };
}

function createEndpoint({
  address,
  port,
}: {
  readonly address: string;
  readonly port: number;
}): FakeEndpoint {
  const outcomes: EndpointOutcome[] = [];
  const endpoint: FakeEndpoint = {
    key: `${address}:${port}`,
    address,
    port,
    inFlight: 0,
    started: () => {
      endpoint.inFlight++;
    },
    connected: () => {},
    finished: (outcome) => {
      endpoint.inFlight--;
      outcomes.push(outcome);
    },
    isRemoved: false,
    pools: new Map(),
    outcomes,
  };
  return endpoint;
}
