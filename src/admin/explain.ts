import type { Built } from '../controller/pipeline.ts';
import { toByteText } from '../lib/byte-text.ts';
import { CATCH_ALL } from '../lib/catch-all.ts';
import type { Finding } from '../model/finding.ts';
import type { HostModel, RouteModel } from '../model/model.ts';
import { hostToPlain, routeToPlain, upstreamToPlain } from '../model/print.ts';
import { normaliseHost } from '../proxy/message/host.ts';
import { normalisePath } from '../proxy/message/path.ts';
import { HostIndex } from '../proxy/router/host-index.ts';
import { createPathMatcher, NO_MATCH, redirectedBy } from '../proxy/router/path-matcher.ts';
import { EMPTY_CATCH_ALL, type EndpointEntry, type HostEntry, type RouteEntry } from '../table/table.ts';

/** What is served, as views need it. */
export interface Served {
  /** Undefined before the first table. */
  live(): Built | undefined;
  endpointsOf(upstreamId: string): readonly EndpointEntry[];
}

/** Says where a request for a host and a path goes, and why; by the matchers that workers have. */
export function explain(served: Served, host: string, path: string): object {
  const built = served.live();
  if (built === undefined) return { outcome: 'nothing is served yet' };
  const { generation } = built.table;
  const name = normaliseHost(host);
  const normal = normalisePath(toByteText(path.replace(/[?#].*$/s, '')));
  const request = { host: name ?? host, path: normal ?? path };
  const refusal =
    name === undefined ? 'its Host names no host' : normal === undefined ? 'its path is none' : undefined;
  if (refusal !== undefined) return { generation, request, outcome: `answered 400: ${refusal}` };
  const entry = hostFor(built, request.host);
  const model = built.model.hosts.find((one) => one.name === entry.name);
  const { route, outcome } = routeFor(served, entry, request.path);
  return {
    generation,
    request,
    outcome,
    host: { because: whyHost(request.host, entry), ...(model && withoutRoutes(model)) },
    ...(route === undefined ? {} : aboutRoute(served, built, route, model)),
  };
}

function hostFor({ table }: Built, name: string): HostEntry {
  const hosts = table.hosts.map((entry) => ({ entry }));
  const catchAll = hosts.find(({ entry }) => entry.name === CATCH_ALL);
  return HostIndex.of(hosts, catchAll ?? { entry: EMPTY_CATCH_ALL }).find(name).entry;
}

function whyHost(asked: string, { name, aliases }: HostEntry): string {
  if (name === asked) return 'it has this name';
  if (name === CATCH_ALL) return 'no host has this name: it is the catch-all';
  if (aliases.includes(asked)) return 'this name is an alias of it';
  return name.startsWith('*.') && asked.endsWith(name.slice(1))
    ? 'it is the wildcard of this name'
    : 'an alias of it is a pattern that this name matches';
}

interface Routed {
  readonly route?: RouteEntry;
  readonly outcome: string;
}

function routeFor({ endpointsOf }: Served, { routes, isRegex }: HostEntry, path: string): Routed {
  const found = createPathMatcher(routes, isRegex)(path);
  if (found === NO_MATCH) return { outcome: 'answered 404: no path of the host takes it' };
  if (found < NO_MATCH) {
    const route = routes[redirectedBy(found)]!;
    return { route, outcome: 'redirected (301) to the path with a slash at its end' };
  }
  const route = routes[found]!;
  const { upstreamId, canary, deniedStatus } = route;
  if (deniedStatus !== undefined) {
    return { route, outcome: `answered ${deniedStatus}: its Ingress closes it, as the findings say` };
  }
  if (upstreamId === undefined) return { route, outcome: 'answered 404: the route has no backend' };
  const isEmpty = (id: string) => endpointsOf(id).every(({ isReady }) => !isReady);
  if (isEmpty(upstreamId) && (canary === undefined || isEmpty(canary.upstreamId))) {
    return { route, outcome: 'answered 503: the upstream has no endpoint that is ready' };
  }
  const outcome =
    canary === undefined
      ? 'sent to the upstream, unless a policy answers before'
      : 'sent to the upstream or to its canary, unless a policy answers before';
  return { route, outcome };
}

function withoutRoutes(host: HostModel): object {
  const { routes: _, ...plain } = hostToPlain({ ...host, routes: [] }) as Record<string, unknown>;
  return plain;
}

function aboutRoute(served: Served, built: Built, route: RouteEntry, host: HostModel | undefined): object {
  const isOurs = (one: RouteModel) => one.path === route.path && one.pathType === route.pathType;
  const model = host?.routes.find(isOurs);
  const { namespace, ingress } = route.labels;
  const isAbout = ({ source }: Finding) =>
    source.kind === 'Ingress' && source.namespace === namespace && source.name === ingress;
  return {
    route: { matchedBy: route.match.kind, ...(model && routeToPlain(model)) },
    ...upstreamOf('upstream', route.upstreamId),
    ...upstreamOf('canary', route.canary?.upstreamId),
    findings: built.findings.filter(isAbout),
  };

  function upstreamOf(as: string, id: string | undefined): object {
    const upstream = built.model.upstreams.find((one) => one.id === id);
    if (upstream === undefined) return {};
    return { [as]: { ...upstreamToPlain(upstream), endpoints: served.endpointsOf(upstream.id) } };
  }
}
