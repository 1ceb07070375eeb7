import { isDeepStrictEqual } from 'node:util';
import type { Feature } from '../../features/kit/feature.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import { byText, createSelection } from '../../lib/edited-list.ts';
import { createFindings, type Finding, type Findings } from '../../model/finding.ts';
import type { HostModel, RouteModel, StreamModel, UpstreamModel } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import type { SourceRef } from '../../model/source.ts';
import { compareAge } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import type { ParsedAnnotations } from './annotations.ts';
import type { IngressEntry } from './entries.ts';
import { fieldOfFeature } from './feature-field.ts';
import type { TranslateOptions } from './options.ts';

/** Hosts whose TLS goes to a Service as it is. */
export interface Passthrough {
  /** Their names. */
  readonly names: ReadonlySet<string>;
  readonly streams: readonly StreamModel[];
  readonly upstreams: readonly UpstreamModel[];
  readonly findings: readonly Finding[];
}

export interface PassthroughInput {
  readonly hosts: readonly HostModel[];
  readonly served: readonly IngressEntry[];
  readonly snapshot: ClusterSnapshot;
  /** Annotations of an Ingress that has none. */
  readonly defaults: ParsedAnnotations;
}

const NONE: Passthrough = { names: new Set(), streams: [], upstreams: [], findings: [] };

/** Finds them: the Service is that of the host's `/` path (docs/reference/routing.md §13). Who does not ask for it costs nothing. */
export function createPassthroughFinder(
  options: TranslateOptions,
  features: readonly Feature[],
): (input: PassthroughInput) => Passthrough {
  const name = features.find(({ passesTlsThrough }) => passesTlsThrough === true)?.name ?? '';
  const isAsked = (policies: Policies): boolean => policies[name] !== undefined;
  const askingAmong = createSelection<IngressEntry>(
    ({ annotations, isCanary }) => isAsked(annotations.host) && !isCanary,
    (a, b) => compareAge(a.ingress, b.ingress),
  );
  const askedAmong = createSelection<HostModel>(
    ({ policies }) => isAsked(policies),
    byText(({ name: host }) => host),
  );
  return (input) => {
    const asking = askingAmong(input.served);
    return asking.length === 0
      ? NONE
      : findAsked(input, askedAmong(input.hosts), asking, name, options, features);
  };
}

function findAsked(
  input: PassthroughInput,
  hosts: readonly HostModel[],
  asking: readonly IngressEntry[],
  name: string,
  options: TranslateOptions,
  features: readonly Feature[],
): Passthrough {
  const { snapshot } = input;
  const findings = createFindings();
  const field = fieldOfFeature(name, features);
  const refuse = (source: SourceRef, problem: string) =>
    findings.warn(source, 'IneffectiveAnnotation', {
      field,
      value: 'true',
      problem,
      consequence: 'TLS is terminated here',
    });
  if (!options.isPassthroughEnabled) {
    for (const { source } of asking) refuse(source, 'counts only with --enable-ssl-passthrough');
    return { ...NONE, findings: findings.list() };
  }
  const names = new Set<string>();
  const streams: StreamModel[] = [];
  const upstreams = new Map<string, UpstreamModel>();
  for (const host of hosts) {
    const source = { ...sourceOf(host, asking), field };
    const root = rootOf(host);
    if (host.name === CATCH_ALL) refuse(source, 'does not count for an Ingress without host');
    else if (root === undefined) refuse(source, `finds no Service at the path / of host ${host.name}`);
    else if (root.deniedStatus !== undefined)
      refuse(source, `does not count for host ${host.name}, which is closed`);
    else {
      const upstream = toUpstream(root, snapshot, options, source);
      if (!upstreams.has(upstream.id)) upstreams.set(upstream.id, upstream);
      names.add(host.name);
      streams.push({
        kind: 'passthrough',
        serverName: host.name,
        upstreamId: upstream.id,
        isProxyProtocolSent: false,
        source,
      });
      reportProtections(host, features, input.defaults, findings);
    }
  }
  return { names, streams, upstreams: [...upstreams.values()], findings: findings.list() };
}

/** The Ingress that asks, else the host's first one. */
function sourceOf(host: HostModel, asking: readonly IngressEntry[]): SourceRef {
  const isOfHost = ({ ingress }: IngressEntry) =>
    ingress.rules.some((rule) => (rule.host.toLowerCase() || CATCH_ALL) === host.name);
  return asking.find(isOfHost)?.source ?? host.source;
}

function rootOf({ routes }: HostModel): RouteModel | undefined {
  const roots = routes.filter(({ path, labels }) => path === '/' && labels.service !== '');
  return roots.find(({ pathType }) => pathType === 'prefix') ?? roots[0];
}

function toUpstream(
  { labels }: RouteModel,
  snapshot: ClusterSnapshot,
  { isExternalNameDisabled }: TranslateOptions,
  source: SourceRef,
): UpstreamModel {
  const { namespace, service, servicePort: port } = labels;
  const isExternal = snapshot.services.get(`${namespace}/${service}`)?.type === 'ExternalName';
  return {
    id: `passthrough/${namespace}/${service}:${port}`,
    namespace,
    service,
    port,
    kind: !isExternal ? 'cluster-ip' : isExternalNameDisabled ? 'endpoints' : 'external-name',
    policies: {},
    source,
  };
}

/** Whoever comes by https meets none of them. */
function reportProtections(
  { name, routes, policies }: HostModel,
  features: readonly Feature[],
  defaults: ParsedAnnotations,
  findings: Findings,
): void {
  for (const feature of features) {
    if (!Object.values(feature.annotations).some(({ isProtection }) => isProtection === true)) continue;
    const told = new Set<SourceRef>();
    for (const route of routes) {
      const policy = route.policies[feature.name] ?? policies[feature.name];
      const usual = defaults.route[feature.name] ?? defaults.host[feature.name];
      if (policy === undefined || isDeepStrictEqual(policy, usual) || told.has(route.source)) continue;
      told.add(route.source);
      findings.error(route.source, 'IneffectiveAnnotation', {
        field: fieldOfFeature(feature.name, features),
        problem: `does not count for https of host ${name}, whose TLS is passed through`,
        consequence: 'clients that come by https reach the Service without it',
      });
    }
  }
}
