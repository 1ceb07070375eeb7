import { KeyObject } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type {
  CanaryModel,
  CertificateModel,
  HostModel,
  Model,
  RouteMatch,
  RouteModel,
  Split,
  UpstreamModel,
} from './model.ts';
import type { Policies } from './policy.ts';
import { DEFAULT_LISTENERS } from './ports.ts';
import { printSource, withoutSource, type SourceRef } from './source.ts';

export interface PrintOptions {
  /** Policies that are left out where they are equal to these; one that is missing is printed as `none`. */
  readonly usual?: UsualPolicies;
}

/** Policies of an Ingress without annotations, by scope. */
export interface UsualPolicies {
  readonly route: Policies;
  readonly host: Policies;
  readonly upstream: Policies;
}

const NOTHING_USUAL: UsualPolicies = { route: {}, host: {}, upstream: {} };

/** A model as plain values, for printing. Keys and other secrets are not in it. */
export function modelToPlain(model: Model, options: PrintOptions = {}): object {
  const usual = options.usual ?? NOTHING_USUAL;
  return {
    ...portsOf(model),
    hosts: model.hosts.map((host) => hostToPlain(host, usual)),
    upstreams: model.upstreams.map((upstream) => upstreamToPlain(upstream, usual)),
    certificates: model.certificates.map(certificateToPlain),
    defaultCertificateId: model.defaultCertificateId,
  };
}

/** Ports other than the usual ones, streams, and the names that no host tells of. */
function portsOf({ listeners, streams, tlsNames }: Model): object {
  const plain = listeners.map(withoutSource);
  const others = tlsNames.filter(({ kind }) => kind !== 'terminate');
  return {
    ...(isDeepStrictEqual(plain, DEFAULT_LISTENERS) ? {} : { listeners: listeners.map(withSource) }),
    ...(streams.length === 0 ? {} : { streams: streams.map(withSource) }),
    ...(others.length === 0 ? {} : { tlsNames: others }),
  };
}

function withSource<T extends { readonly source: SourceRef }>({ source, ...value }: T): object {
  return { ...value, source: printSource(source) };
}

/** A host as plain data that shows no secret. */
export function hostToPlain(host: HostModel, usual = NOTHING_USUAL): object {
  return {
    name: host.name,
    source: printSource(host.source),
    ...(host.aliases.length === 0 ? {} : { aliases: host.aliases }),
    ...(host.certificateId === undefined ? {} : { certificateId: host.certificateId }),
    ...(host.certificateNames.length === 0 ? {} : { certificateNames: host.certificateNames }),
    ...policiesOf(host.policies, usual.host),
    routes: host.routes.map((route) => routeToPlain(route, usual)),
  };
}

/** A route likewise. */
export function routeToPlain(route: RouteModel, usual = NOTHING_USUAL): object {
  const { namespace, ingress, service, servicePort } = route.labels;
  return {
    path: route.path,
    pathType: route.pathType,
    ...(route.isImplicit ? { isImplicit: true } : {}),
    source: printSource(route.source),
    ...matchOf(route.match),
    ...primaryOf(route.backend),
    ...(route.deniedStatus === undefined ? {} : { deniedStatus: route.deniedStatus }),
    labels: [namespace, ingress, service, servicePort].join(' ').trim(),
    ...(route.backend?.kind === 'canary' ? { canaries: route.backend.canaries.map(canaryOf) } : {}),
    ...policiesOf(route.policies, usual.route),
  };
}

/** What the path and its type do not tell. */
function matchOf({ method, headers, query }: RouteMatch): object {
  return {
    ...(method === undefined ? {} : { method }),
    ...(headers === undefined ? {} : { headers }),
    ...(query === undefined ? {} : { query }),
  };
}

function primaryOf(backend: Split | undefined): object {
  if (backend === undefined) return {};
  return backend.kind === 'weighted' ? { parts: backend.parts } : { upstreamId: backend.upstreamId };
}

function canaryOf({ upstreamId, policy, source }: CanaryModel): object {
  return { upstreamId, source: printSource(source), policy: withoutSecrets(policy) };
}

/** An upstream likewise. */
export function upstreamToPlain(upstream: UpstreamModel, usual = NOTHING_USUAL): object {
  const { id, namespace, service, host, port, kind, source } = upstream;
  return {
    id,
    source: printSource(source),
    ...(host === undefined ? { service: `${namespace}/${service}:${port}` } : { host: `${host} ${port}` }),
    kind,
    ...policiesOf(upstream.policies, usual.upstream),
  };
}

/** What a certificate is, without its key. */
export function certificateToPlain({ id, source, facts }: CertificateModel): object {
  return {
    id,
    source: printSource(source),
    names: facts.names,
    notBefore: new Date(facts.notBeforeMs).toISOString(),
    notAfter: new Date(facts.notAfterMs).toISOString(),
  };
}

function policiesOf(policies: Policies, usual: Policies): object {
  const names = new Set([...Object.keys(policies), ...Object.keys(usual)]);
  const shown = [...names]
    .filter((name) => !isDeepStrictEqual(policies[name], usual[name]))
    .toSorted()
    .map((name): [string, unknown] => [name, withoutSecrets(policies[name] ?? 'none')]);
  return shown.length === 0 ? {} : { policies: Object.fromEntries(shown) };
}

/** Field names whose values are never printed. */
const SECRET_FIELDS = /^(?:key|privateKey|password|secret|users|hash|token)$/;

/** Text in PEM is long and may be a key: only its kind is told. */
function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') {
    const pem = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(value);
    return pem === null ? value : `(${pem[1]!.toLowerCase()})`;
  }
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (value instanceof KeyObject) return '(redacted)';
  if (value instanceof Uint8Array) return `(${value.length} bytes)`;
  if (value instanceof Map) return withoutSecrets(Object.fromEntries(value));
  if (typeof value !== 'object' || value === null) return value;
  const shown = Object.entries(value).filter(([, item]) => item !== undefined);
  return Object.fromEntries(
    shown.map(([name, item]) => [name, SECRET_FIELDS.test(name) ? '(redacted)' : withoutSecrets(item)]),
  );
}
