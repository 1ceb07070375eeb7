import { CATCH_ALL } from '../../lib/catch-all.ts';
import { digestOf, digestOfText } from '../../lib/hash.ts';
import { ANY_CASE, toRegex } from '../../lib/pcre.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import { finish, type Steps } from '../../lib/steps.ts';
import type { CertificateModel, HostModel, Model, RouteModel, UpstreamModel } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import { withoutSource } from '../../model/source.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type {
  CertificateEntry,
  HostEntry,
  RouteEntry,
  RouteTable,
  UpstreamEntry,
} from '../../table/table.ts';
import { createAlignedMap } from './aligned-map.ts';
import { PolicyPool, toBytePolicies } from './policy-pool.ts';
import { isRegexHost, placeRoutes, type PlacedRoute } from './path-order.ts';

/** Turns a model into the table that workers run: ordered and digested. Never throws on what a user wrote. */
export interface Compiler {
  compile(model: Model, settings: DataPlaneSettings, generation: number): RouteTable;
  /** The same in steps, of which all are to be taken before anything else is asked of this compiler. */
  compileSteps(model: Model, settings: DataPlaneSettings, generation: number): Steps<RouteTable>;
}

/**
 * Creates a compiler that remembers: a host or upstream that is the same object as in an earlier model, with the same
 * circumstances, is not compiled again. It lets go of what the caller lets go of.
 */
export function createCompiler(): Compiler {
  const toUpstreams = createAlignedMap(
    (from: UpstreamModel): UpstreamEntry => toUpstream(from, pool),
    ({ id }) => id,
  );
  const toCertificates = createAlignedMap(
    ({ id, certificate, key }: CertificateModel): CertificateEntry => ({ id, certificate, key }),
    ({ id }) => id,
  );
  let pool = new PolicyPool();
  let secured: ReadonlySet<string> = new Set();
  let securedBy: Model['tlsNames'] | undefined;
  const toHosts = createAlignedMap(
    (from: HostModel): HostEntry => {
      // TLS that is passed through has no certificate here, and plain http is redirected to it all the same.
      const isAsked = from.certificateId !== undefined;
      const hasCertificate = from.name !== CATCH_ALL && (isAsked || isSecured(from.name, secured));
      const certificateNames = from.aliases.filter((alias) => isSecured(alias, secured));
      return hosts.of(from, [hasCertificate, ...certificateNames], () =>
        toHost(from, hasCertificate, certificateNames, pool),
      );
    },
    ({ name }) => name,
  );
  const hosts = new Remembered<HostModel, HostEntry>(new WeakMap(), isSameItems);
  function* compileSteps(model: Model, settings: DataPlaneSettings, generation: number): Steps<RouteTable> {
    const { tlsNames, defaultCertificateId } = model;
    pool = new PolicyPool();
    if (tlsNames !== securedBy) {
      securedBy = tlsNames;
      secured = new Set(tlsNames.filter(({ kind }) => kind === 'terminate').map(({ name }) => name));
    }
    return {
      generation,
      listeners: model.listeners.map(withoutSource),
      streams: model.streams.map(withoutSource),
      hosts: yield* toHosts(model.hosts, secured),
      upstreams: yield* toUpstreams(model.upstreams),
      certificates: yield* toCertificates(model.certificates),
      tls: { names: tlsNames, defaultCertificateId },
      staples: [],
      settings,
    };
  }
  return {
    compile: (model, settings, generation) => finish(compileSteps(model, settings, generation)),
    compileSteps,
  };
}

/** One model compiled, without a memory. */
export function compile(model: Model, settings: DataPlaneSettings, generation: number): RouteTable {
  return createCompiler().compile(model, settings, generation);
}

function toUpstream({ id, policies }: UpstreamModel, pool: PolicyPool): UpstreamEntry {
  const shared = pool.shared(policies);
  return { id, digest: digestOfText(`${id} ${pool.digestOf(shared)}`), policies: shared };
}

/** As ingress-nginx looks certificates up: the name, then the name with its first label replaced by `*`. */
function isSecured(name: string, secured: ReadonlySet<string>): boolean {
  if (secured.has(name)) return true;
  const dot = name.indexOf('.');
  return dot > 0 && secured.has(`*${name.slice(dot)}`);
}

function toHost(
  host: HostModel,
  hasCertificate: boolean,
  certificateNames: readonly string[],
  pool: PolicyPool,
): HostEntry {
  const { source } = host;
  const placed = placeRoutes(host.routes.filter(isServed));
  const shared = new Map<Policies, Policies>();
  const policiesOf = ({ policies }: RouteModel): Policies => {
    let one = shared.get(policies);
    if (one === undefined) shared.set(policies, (one = pool.shared(policies)));
    return one;
  };
  const entry = {
    name: host.name,
    aliases: host.aliases.flatMap(toAlias),
    isRegex: isRegexHost(host.routes),
    hasCertificate,
    certificateNames,
    ...(source.kind === 'Ingress'
      ? { first: { namespace: source.namespace, ingress: source.name } }
      : undefined),
    policies: pool.shared(host.policies),
    routes: placed.map((route) => toRoute(host.name, route, policiesOf(route.route))),
  };
  return { ...entry, digest: digestOfHost(entry, pool) };
}

/** Regex names as JavaScript runs them; one that cannot be converted is a finding of translate and matches nothing. */
function toAlias(alias: string): readonly string[] {
  if (!alias.startsWith('~')) return [alias];
  const result = toRegex(alias.slice(1), ANY_CASE);
  return result.ok ? [`~${result.source}`] : [];
}

function toRoute(host: string, { route, match }: PlacedRoute, policies: Policies): RouteEntry {
  const { backend } = route;
  const canary = backend?.kind === 'canary' ? backend.canaries[0] : undefined;
  return {
    id: `${host}|${route.pathType}|${route.path}`,
    match,
    path: route.path,
    pathType: route.pathType,
    policies,
    labels: route.labels,
    isSlashRedirected: route.isSlashRedirected,
    ...(backend === undefined || backend.kind === 'weighted'
      ? undefined
      : { upstreamId: backend.upstreamId }),
    ...(canary === undefined
      ? undefined
      : { canary: { upstreamId: canary.upstreamId, policy: toBytePolicies(canary.policy) } }),
    ...(route.deniedStatus === undefined ? undefined : { deniedStatus: route.deniedStatus }),
  };
}

/** Whether a router can tell which requests are the route's, and where they go. */
function isServed({ match, backend }: RouteModel): boolean {
  const { method, headers, query } = match;
  const isByPathAlone = method === undefined && headers === undefined && query === undefined;
  return isByPathAlone && backend?.kind !== 'weighted';
}

/** Policies, which others put together, were digested as they were shared; the rest has its members in the order of this file. */
function digestOfHost(host: Omit<HostEntry, 'digest'>, pool: PolicyPool): string {
  const routes = host.routes.map(({ canary, ...route }) => ({
    ...route,
    policies: pool.digestOf(route.policies),
    ...(canary === undefined ? undefined : { canary: digestOf(canary) }),
  }));
  return digestOfText(JSON.stringify({ ...host, policies: pool.digestOf(host.policies), routes }));
}
