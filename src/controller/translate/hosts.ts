import { isDeepStrictEqual } from 'node:util';
import type { Feature } from '../../features/kit/feature.ts';
import { createFindings, type Finding, type Findings } from '../../model/finding.ts';
import type { CanaryModel, CertificateModel, HostModel, Split } from '../../model/model.ts';
import type { Policies } from '../../model/policy.ts';
import { printSource, type SourceRef } from '../../model/source.ts';
import { compareAge } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import type { ParsedAnnotations } from './annotations.ts';
import { checkBackend, type BackendRef } from './backends.ts';
import { attachCanaries, recordCanaries, reportVainOfCanaries } from './canary.ts';
import { createTracker, type Dependency } from './dependencies.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import type { IngressEntry } from './entries.ts';
import { fieldOfFeature } from './feature-field.ts';
import { chooseHostCertificate } from './host-certificate.ts';
import { impliedNames, writtenNames, type ImpliedName, type WrittenNames } from './host-names.ts';
import { createHostRecord, type HostRecord } from './host-record.ts';
import {
  draftRoutes,
  fieldOfContribution,
  recordEqualPaths,
  recordRegexMode,
  removeBadRegexes,
  type Contribution,
  type RouteDraft,
} from './host-routes.ts';
import { matchPaths, type WrittenRoute } from './path-matches.ts';
import { reportVain } from './vain-annotations.ts';
import type { TranslateOptions } from './options.ts';
import type { CertificateReader } from '../certificates/certificate-reader.ts';

/** All that Ingresses say about a host name, oldest first. */
export interface HostInput {
  readonly name: string;
  readonly mains: readonly Contribution[];
  readonly canaries: readonly Contribution[];
}

/** What is the same for all hosts of one translation. */
export interface HostEnvironment {
  readonly options: TranslateOptions;
  readonly features: readonly Feature[];
  readonly certificates: CertificateReader;
  /** Annotations of an Ingress that has none. */
  readonly defaults: ParsedAnnotations;
  /** Upstream of the global default backend; undefined: the built-in 404. */
  readonly defaultUpstreamId: string | undefined;
  readonly defaultCertificateId: string;
  /** Id of a backend's upstream. */
  readonly idOf: (ref: BackendRef) => string;
  /** See CanaryRules; always false under the route scope. */
  readonly isCanaryUpstream: (id: string) => boolean;
  /** Milliseconds since 1970, for expiry. */
  readonly nowMs: number;
}

export interface HostResult {
  readonly name: string;
  /** Without aliases: those are settled among all hosts. Undefined when only canaries name the host. */
  readonly model?: HostModel;
  /** Names that someone wrote down for the host. */
  readonly written?: WrittenNames;
  /** Names that lead here unless somebody else has them. */
  readonly implied: readonly ImpliedName[];
  readonly certificate?: CertificateModel;
  readonly upstreamIds: readonly string[];
  /** What has no effect on the host as long as it has no certificate. */
  readonly vainWithoutCertificate: readonly Finding[];
  readonly findings: readonly Finding[];
  readonly dependencies: readonly Dependency[];
}

const CATCH_ALL_SOURCE: SourceRef = { kind: 'Controller', namespace: '', name: 'catch-all host' };

/** Puts one host together from all Ingresses that name it (docs/reference/routing.md §2). Never throws on what a user wrote. */
export function buildHost(input: HostInput, snapshot: ClusterSnapshot, env: HostEnvironment): HostResult {
  const { name, mains } = input;
  const findings = createFindings();
  const tracker = createTracker(snapshot);
  const { isExternalNameDisabled } = env.options;
  const hasHost = name === CATCH_ALL || mains.length > 0;
  const isSkipped = (ref: BackendRef) => env.isCanaryUpstream(env.idOf(ref));
  const record = createHostRecord(
    mains.map((main) => ({ source: main.entry.source, field: fieldOfContribution(main), value: name })),
  );
  const drafts = hasHost
    ? draftRoutes(name, mains, pathSources(input, env), isSkipped, record, findings)
    : undefined;
  if (drafts !== undefined) removeBadRegexes(drafts, findings);
  attachCanaries(
    name,
    drafts,
    input.canaries,
    {
      idOf: env.idOf,
      isCanaryUpstream: env.isCanaryUpstream,
      check: (ref, entry) =>
        checkBackend(
          ref,
          entry.source,
          'the canary gets no requests',
          isExternalNameDisabled,
          tracker,
          findings,
        ),
    },
    findings,
  );
  if (drafts === undefined) {
    return {
      name,
      implied: [],
      upstreamIds: [],
      vainWithoutCertificate: [],
      findings: findings.list(),
      dependencies: tracker.seen,
    };
  }

  const upstreamIds = new Set<string>();
  for (const { entry, backend, canaries } of drafts.values()) {
    for (const { upstreamId } of canaries) upstreamIds.add(upstreamId);
    if (entry === undefined || backend === undefined) continue;
    upstreamIds.add(env.idOf(backend));
    checkBackend(
      backend,
      entry.source,
      'requests to it answer 503',
      isExternalNameDisabled,
      tracker,
      findings,
    );
  }

  const inherited = routePoliciesOfHost(name, mains, env, record);
  const isHostDenied = mains.some(({ entry }) => entry.annotations.hostDeniedBy !== undefined);
  const refused = new Set<WrittenRoute>();
  const written = [...drafts.values()].map((draft) => {
    const route = toRoute(name, draft, isHostDenied, inherited, env);
    if (draft.isPatternRefused === true) refused.add(route);
    return route;
  });
  // Of equal paths the older comes first: as regular expressions that one serves.
  const routes = matchPaths(written, (route) => refused.has(route)).toSorted((a, b) =>
    compareText(a.path, b.path),
  );
  const certificate = chooseHostCertificate(name, mains, tracker, env.certificates, env.nowMs, findings);
  const aliases = writtenNames(name, mains, env.features, findings);
  const first = mains[0]?.entry;
  const { policies, winners } = hostPolicies(name, mains, drafts, env, record, findings);
  recordRegexMode(name, drafts, record);
  recordEqualPaths(name, drafts, record, findings);
  recordCanaries(name, drafts, record);
  reportVainOfCanaries(drafts.values(), findings);
  recordOfHost(name, mains, certificate?.entry, aliases, record);
  record.report(findings);
  return {
    name,
    model: {
      name,
      aliases: [],
      ...(certificate === undefined
        ? {}
        : { certificateId: certificate.model?.id ?? env.defaultCertificateId }),
      certificateNames: [],
      policies,
      routes,
      source:
        first === undefined ? CATCH_ALL_SOURCE : { ...first.source, field: fieldOfContribution(mains[0]!) },
    },
    written: aliases,
    implied: impliedNames(name, winners, env.features),
    certificate: certificate?.model,
    upstreamIds: [...upstreamIds],
    vainWithoutCertificate: findVainWithoutCertificate(name, mains),
    findings: findings.list(),
    dependencies: tracker.seen.slice(),
  };
}

/** Under the upstream scope a canary whose Service port a main Ingress named first serves its paths like any other. */
function pathSources({ mains, canaries }: HostInput, env: HostEnvironment): readonly Contribution[] {
  if (env.options.canaryScope === 'route' || canaries.length === 0) return mains;
  return [...mains, ...canaries].toSorted((a, b) => compareAge(a.entry.ingress, b.entry.ingress));
}

function findVainWithoutCertificate(name: string, mains: readonly Contribution[]): readonly Finding[] {
  const findings = createFindings();
  for (const { entry } of mains) {
    for (const vain of entry.annotations.vain.onPlainHosts)
      reportVain({ ...vain, problem: `${vain.problem} ${name}` }, entry.source, findings);
  }
  return findings.list();
}

/** What annotations and spec.tls decide for the host as a whole, but for its policies. */
function recordOfHost(
  name: string,
  mains: readonly Contribution[],
  secured: IngressEntry | undefined,
  written: WrittenNames | undefined,
  record: HostRecord,
): void {
  if (secured !== undefined) {
    record.decides({
      source: secured.source,
      field: 'spec.tls',
      what: `the certificate of host ${name}`,
      consequence: 'its certificate is served for the host, and plain http is redirected to https',
    });
  }
  if (written !== undefined) {
    record.decides({
      source: written.entry.source,
      field: written.field,
      value: written.names.join(','),
      what: `the aliases of host ${name}`,
      consequence: 'requests for these names are answered as those for the host',
    });
  }
  // However many close a host, it is closed: the oldest is named, and the oldest that is a guest on it.
  const closing = mains.filter(({ entry }) => entry.annotations.hostDeniedBy !== undefined);
  const isGuest = ({ entry }: Contribution) => entry.ingress.namespace !== mains[0]!.entry.ingress.namespace;
  for (const closer of new Set([closing[0], closing.find(isGuest)])) {
    if (closer === undefined) continue;
    record.decides({
      source: closer.entry.source,
      field: closer.entry.annotations.hostDeniedBy ?? '',
      what: `whether host ${name} is served`,
      consequence: 'all requests of the host are answered 403',
      isClosing: true,
    });
  }
}

/** Orders by code unit: the same everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function toRoute(
  host: string,
  draft: RouteDraft,
  isHostDenied: boolean,
  inherited: Policies,
  env: HostEnvironment,
): WrittenRoute {
  const { path, pathType, entry, backend, field } = draft;
  const annotations = entry?.annotations;
  const isClosed = annotations?.isDenied === true || draft.isPatternRefused === true;
  const deniedStatus = isHostDenied ? 403 : isClosed ? 503 : undefined;
  const upstreamId = backend === undefined ? env.defaultUpstreamId : env.idOf(backend);
  return {
    path,
    pathType,
    isImplicit: draft.isImplicit,
    ...(upstreamId === undefined ? {} : { backend: toSplit(upstreamId, draft.canaries) }),
    policies: routePolicies(draft, inherited, env),
    ...(deniedStatus === undefined ? {} : { deniedStatus }),
    labels: {
      namespace: entry?.ingress.namespace ?? '',
      ingress: entry?.ingress.name ?? '',
      service: backend?.service ?? '',
      servicePort: backend?.port ?? '',
      path,
      host,
    },
    source: entry === undefined ? CATCH_ALL_SOURCE : { ...entry.source, field },
  };
}

function toSplit(upstreamId: string, [first, ...others]: readonly CanaryModel[]): Split {
  return first === undefined
    ? { kind: 'one', upstreamId }
    : { kind: 'canary', upstreamId, canaries: [first, ...others] };
}

/** What Ingresses of the host ask for on routes that are not theirs; of each feature the oldest one's counts. */
function routePoliciesOfHost(
  name: string,
  mains: readonly Contribution[],
  env: HostEnvironment,
  record: HostRecord,
): Policies {
  const policies: Record<string, unknown> = {};
  for (const { entry, rule } of mains) {
    if (rule < 0) continue;
    for (const [feature, policy] of Object.entries(entry.annotations.routeOfHost)) {
      if (policies[feature] !== undefined) continue;
      policies[feature] = policy;
      record.decides({
        source: entry.source,
        field: fieldOfFeature(feature, env.features),
        what: `the ${feature} of host ${name}`,
        consequence: 'it counts for routes of the host that have none of their own',
      });
    }
  }
  return policies;
}

function routePolicies(
  { entry, backend, isCatchAll }: RouteDraft,
  inherited: Policies,
  env: HostEnvironment,
): Policies {
  const all = (entry?.annotations ?? env.defaults).route;
  if (entry !== undefined && backend !== undefined && !isCatchAll) {
    const isComplete = Object.keys(inherited).every((feature) => all[feature] !== undefined);
    return isComplete ? all : { ...inherited, ...all };
  }
  const policies: Record<string, unknown> = { ...all };
  if (isCatchAll || entry === undefined) {
    for (const { name, isOffOnDefaultBackend } of env.features)
      if (isOffOnDefaultBackend === true) delete policies[name];
  }
  if (backend === undefined) {
    for (const { name, needsService } of env.features) {
      if (needsService !== true) continue;
      if (env.defaults.route[name] === undefined) delete policies[name];
      else policies[name] = env.defaults.route[name];
    }
  }
  return policies;
}

/** Of each host-scoped feature, the first Ingress with a route of the host that has one; the others are told. */
function hostPolicies(
  name: string,
  mains: readonly Contribution[],
  drafts: ReadonlyMap<string, RouteDraft>,
  env: HostEnvironment,
  record: HostRecord,
  findings: Findings,
): { readonly policies: Policies; readonly winners: ReadonlyMap<string, IngressEntry> } {
  const owners = new Set([...drafts.values()].map(({ entry }) => entry));
  let policies: Policies = env.defaults.host;
  const winners = new Map<string, IngressEntry>();
  const { onHost, protecting } = kindsOf(env.features);
  for (const { entry, rule } of mains) {
    if (rule < 0) continue;
    for (const [feature, policy] of Object.entries(entry.annotations.host)) {
      // What protects the host counts even where all paths of its Ingress are another's.
      if (!owners.has(entry) && !protecting.has(feature)) continue;
      if (!onHost.has(feature) || isDeepStrictEqual(policy, env.defaults.host[feature])) continue;
      const winner = winners.get(feature);
      if (winner === undefined) {
        winners.set(feature, entry);
        policies = { ...policies, [feature]: policy };
        record.decides({
          source: entry.source,
          field: fieldOfFeature(feature, env.features),
          what: `the ${feature} of host ${name}`,
          consequence: 'it counts for all requests of the host',
        });
      } else if (!isDeepStrictEqual(policy, policies[feature])) {
        findings.warn(entry.source, 'HostConflict', {
          field: fieldOfFeature(feature, env.features),
          problem: `is decided for host ${name} by ${printSource(winner.source)}`,
          consequence: 'this one is ignored',
        });
      }
    }
  }
  return { policies, winners };
}

interface Kinds {
  readonly onHost: ReadonlySet<string>;
  readonly protecting: ReadonlySet<string>;
}

const kinds = new WeakMap<readonly Feature[], Kinds>();

/** Names of features by what they are to a host: the same for all hosts. */
function kindsOf(features: readonly Feature[]): Kinds {
  const known = kinds.get(features);
  if (known !== undefined) return known;
  const namesOf = (is: (feature: Feature) => boolean) => new Set(features.filter(is).map(({ name }) => name));
  const found = { onHost: namesOf(isPolicyOfHost), protecting: namesOf(isProtection) };
  kinds.set(features, found);
  return found;
}

function isProtection({ annotations }: Feature): boolean {
  return Object.values(annotations).some((spec) => spec.isProtection === true);
}

/** What is nothing but names becomes aliases. */
function isPolicyOfHost({ scope, names }: Feature): boolean {
  return scope === 'host' && names?.kind !== 'written';
}
