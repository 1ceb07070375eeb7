import type { Feature } from '../../features/kit/feature.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import { finish, Pace, type Steps } from '../../lib/steps.ts';
import { createFindings, type Finding } from '../../model/finding.ts';
import type { HostModel, UpstreamModel } from '../../model/model.ts';
import type { TlsName } from '../../model/ports.ts';
import { objectKey, type ConfigMapObject } from '../store/objects.ts';
import type { ClusterSnapshot, ObjectRef } from '../store/object-store.ts';
import { createAddressedMaker } from './addressed.ts';
import { createAliasSettler } from './aliases.ts';
import { readAnnotationSettings, type AnnotationSettings } from './annotation-settings.ts';
import { parseAnnotations, type ParsedAnnotations } from './annotations.ts';
import { leakCanaries } from './canary-leak.ts';
import { readDefaults } from './defaults.ts';
import { isFresh } from './dependencies.ts';
import { keepOwners } from './host-ownership.ts';
import { HostGroups, isSameContributions, type HostContributions } from './host-contributions.ts';
import { HostResults } from './host-results.ts';
import { buildHost, type HostEnvironment } from './hosts.ts';
import { reportObjects } from './object-findings.ts';
import { listenAt, type Listening } from './listen-addresses.ts';
import type { TranslateOptions, Translation } from './options.ts';
import { ReferenceCounts } from './reference-counts.ts';
import { createCertificateReader } from '../certificates/certificate-reader.ts';
import { createServedIngresses } from './served-ingresses.ts';
import { createSortedKeys } from './sorted-keys.ts';
import { findPassthrough } from './passthrough.ts';
import { readStreamServices, type StreamServices } from './stream-services.ts';
import { keepSame, tlsNamesOf } from './tls-names.ts';
import { ClaimIndex } from './upstream-claims.ts';
import { createUpstreamMaker, reportUpstreamConflicts } from './upstreams.ts';

/** Translates snapshot after snapshot and remembers which version of each Ingress it has accepted. */
export interface Translator {
  /** Pure but for that memory; sorted; never throws on what a user wrote. `nowMs` is the time since 1970, for expiry. */
  translate(snapshot: ClusterSnapshot, nowMs: number): Translation;
  /** The same in steps, of which all are to be taken before anything else is asked of this translator. */
  translateSteps(snapshot: ClusterSnapshot, nowMs: number): Steps<Translation>;
}

/** Whether the problems of objects that are no Ingresses are told as well. */
export type Scope = 'all' | 'ingresses';

/** Translates one snapshot on its own. */
export function translate(
  snapshot: ClusterSnapshot,
  options: TranslateOptions,
  features: readonly Feature[],
  nowMs: number,
  scope: Scope = 'all',
): Translation {
  return createTranslator(options, features, scope).translate(snapshot, nowMs);
}

/** Expiry is judged by the hour, so that hosts are not put together anew each time. */
const EXPIRY_STEP_MS = 3_600_000;

/** Creates a translator. What did not change between two snapshots keeps its identity in the model. */
export function createTranslator(
  options: TranslateOptions,
  features: readonly Feature[],
  scope: Scope = 'all',
): Translator {
  const certificates = createCertificateReader();
  const aliases = createAliasSettler(options.hostOwnership);
  const upstreamMaker = createUpstreamMaker(features);
  const addressedMaker = createAddressedMaker(features);
  const sortUpstreams = createSortedKeys();
  const settingsRead = new Remembered<'settings', AnnotationSettings>(new Map(), isSameItems);
  const defaultsRead = new Remembered<'defaults', ParsedAnnotations>(new Map(), isSameItems);
  const ingresses = createServedIngresses(options, features);
  const claims = new ClaimIndex(features);
  const groups = new HostGroups();
  const references = new ReferenceCounts();
  const results = new HostResults(references);
  /** What the results were made from. */
  let told: ReadonlyMap<string, HostContributions> = new Map();
  let circumstances: object | undefined;
  let lookedUpIn: readonly unknown[] = [];
  /** One object for as long as all that concerns every host is the same. */
  const circumstancesSeen = new Remembered<'now', object>(new Map(), isSameItems);
  let upstreamIds: readonly string[] = [];
  let upstreamsMadeFrom: readonly unknown[] = [];
  let tlsNames: readonly TlsName[] = [];
  let served: readonly ObjectRef[] = [];
  const upstreamModels = new Map<string, UpstreamModel>();
  const listeningRead = new Remembered<'listening', Listening>(new Map(), isSameItems);
  const streamsRead = new Remembered<'streams', StreamServices>(new Map(), isSameItems);
  let configMap: ConfigMapObject | undefined;
  const flagged = [options.configMap, options.tcpServices, options.udpServices];
  if (options.defaultCertificateSecret !== undefined)
    references.add([{ kind: 'Secret', key: objectKey(options.defaultCertificateSecret) }]);
  for (const ref of flagged)
    if (ref !== undefined) references.add([{ kind: 'ConfigMap', key: objectKey(ref) }]);

  /** A ConfigMap that is deleted leaves its last data in force (docs/reference/settings.md §1). */
  function settingsOf(snapshot: ClusterSnapshot): AnnotationSettings {
    configMap = (options.configMap && snapshot.configMaps.get(objectKey(options.configMap))) ?? configMap;
    return settingsRead.of('settings', [configMap], () => readAnnotationSettings(configMap, features));
  }

  function defaultsOf(snapshot: ClusterSnapshot, settings: AnnotationSettings): ParsedAnnotations {
    const known = defaultsRead.get('defaults', [settings]);
    if (known !== undefined && isFresh(known.dependencies, snapshot)) return known;
    const read = parseAnnotations({
      ingress: { namespace: '', annotations: new Map() },
      source: { kind: 'Controller', namespace: '', name: 'defaults' },
      features,
      settings,
      snapshot,
      prefix: options.annotationsPrefix,
    });
    return defaultsRead.set('defaults', [settings], read);
  }

  /** Brings the hosts to what is said of them now; a host of which nothing changed is passed by. */
  function* buildHosts(
    grouped: ReadonlyMap<string, HostContributions>,
    touched: Iterable<string>,
    snapshot: ClusterSnapshot,
    env: HostEnvironment,
    now: object,
  ): Steps<void> {
    const pace = new Pace();
    const { services, secrets, configMaps, keySets } = snapshot;
    const lookUpIn = [services, secrets, configMaps, keySets];
    // Under the upstream scope hosts depend on each other.
    const isAllDue = now !== circumstances || options.canaryScope !== 'route';
    const areAllInDoubt = isAllDue || !isSameItems(lookUpIn, lookedUpIn) || grouped !== told;
    circumstances = now;
    lookedUpIn = lookUpIn;
    const build = (name: string, contributions: HostContributions): void =>
      results.set(name, buildHost({ name, ...contributions }, snapshot, env));
    for (const name of touched) {
      const contributions = grouped.get(name);
      if (contributions === undefined) results.set(name, undefined);
      else build(name, contributions);
      if (pace.isDue()) yield;
    }
    if (areAllInDoubt) {
      const rebuilt = new Set(touched);
      for (const [name, contributions] of grouped) {
        if (rebuilt.has(name)) continue;
        const known = results.get(name);
        const before = told.get(name);
        const isToldTheSame = before !== undefined && isSameContributions(before, contributions);
        const isGood = !isAllDue && isToldTheSame && known !== undefined;
        if (isGood && isFresh(known.dependencies, snapshot)) continue;
        build(name, contributions);
        if (pace.isDue()) yield;
      }
    }
    if (grouped !== told) results.keepOnly(grouped);
    told = grouped;
  }

  /** The upstreams of these ids: what named one first may be another now, and where `madeFrom` is, its Service. */
  function* upstreamsOf(
    ids: readonly string[],
    touched: ReadonlySet<string>,
    madeFrom: readonly unknown[],
    make: (id: string) => UpstreamModel | undefined,
  ): Steps<readonly UpstreamModel[]> {
    const pace = new Pace();
    const areAllInDoubt = !isSameItems(madeFrom, upstreamsMadeFrom);
    upstreamsMadeFrom = madeFrom;
    const upstreams: UpstreamModel[] = [];
    for (const id of ids) {
      const known = areAllInDoubt || touched.has(id) ? undefined : upstreamModels.get(id);
      const upstream = known ?? make(id);
      if (known === undefined && pace.isDue()) yield;
      if (upstream === undefined) continue;
      if (known === undefined && claims.claimOf(id) !== undefined) upstreamModels.set(id, upstream);
      upstreams.push(upstream);
    }
    if (ids === upstreamIds) return upstreams;
    const wanted = new Set(ids);
    upstreamMaker.keepOnly(wanted);
    for (const id of upstreamModels.keys()) if (!wanted.has(id)) upstreamModels.delete(id);
    upstreamIds = ids;
    return upstreams;
  }

  function streamsOf(snapshot: ClusterSnapshot, listening: Listening): StreamServices {
    const { tcpServices: tcp, udpServices: udp } = options;
    const inputs = [
      tcp && snapshot.configMaps.get(objectKey(tcp)),
      udp && snapshot.configMaps.get(objectKey(udp)),
      // Only who asks for services looks at them.
      tcp || udp ? snapshot.services : undefined,
      listening,
    ];
    return streamsRead.of('streams', inputs, () => readStreamServices(snapshot, options, listening.placesOf));
  }

  return {
    translate: (snapshot, nowMs) => finish(translateSteps(snapshot, nowMs)),
    translateSteps,
  };

  function* translateSteps(snapshot: ClusterSnapshot, nowMs: number): Steps<Translation> {
    const found: Finding[] = [];
    const current = settingsOf(snapshot);
    found.push(...current.findings);
    if (scope === 'all') reportObjects(snapshot, found);
    const { entries, added, removed } = yield* ingresses.take(snapshot, current, found);
    for (const { annotations } of added) references.add(annotations.dependencies);
    for (const { annotations } of removed) references.drop(annotations.dependencies);
    const global = readDefaults(snapshot, options, certificates);
    found.push(...global.findings);

    const touchedIds = yield* claims.update(removed, added);
    const touchedHosts = yield* groups.update(removed, added);
    const steppedMs = Math.floor(nowMs / EXPIRY_STEP_MS) * EXPIRY_STEP_MS;
    const env: HostEnvironment = {
      options,
      features,
      certificates,
      defaults: defaultsOf(snapshot, current),
      defaultUpstreamId: global.upstream?.id,
      defaultCertificateId: global.certificate.id,
      idOf: claims.idOf,
      isCanaryUpstream: (id) =>
        options.canaryScope === 'upstream' && claims.claimOf(id)?.entry.isCanary === true,
      nowMs: steppedMs,
    };
    const now = circumstancesSeen.of(
      'now',
      [
        current,
        env.defaults,
        steppedMs,
        env.defaultUpstreamId,
        env.defaultCertificateId,
        claims.collisions(),
      ],
      () => ({}),
    );

    const shared = createFindings();
    if (options.hostOwnership === 'none') yield* buildHosts(groups.all, touchedHosts, snapshot, env, now);
    else yield* buildHosts(keepOwners(groups.all, entries, shared), [], snapshot, env, now);
    const hosts = results.list();
    const isSecured = (name: string) => results.get(name)?.model?.certificateId !== undefined;
    for (const { model, findings, vainWithoutCertificate: vain } of hosts) {
      if (findings.length > 0) for (const finding of findings) found.push(finding);
      if (model === undefined || vain.length === 0 || isSecured(model.name)) continue;
      // A wildcard host's certificate is that of its names.
      if (!isSecured(`*${model.name.slice(model.name.indexOf('.'))}`)) found.push(...vain);
    }
    const listening = listeningRead.of('listening', [configMap], () =>
      listenAt(options.listeners, configMap),
    );
    for (const finding of listening.findings) found.push(finding);
    const services = streamsOf(snapshot, listening);
    for (const finding of services.findings) found.push(finding);
    let models: readonly HostModel[] = aliases.settle(hosts, certificates, shared);
    reportUpstreamConflicts(claims, env.defaults, features, shared);
    for (const finding of shared.list()) found.push(finding);
    if (options.canaryScope === 'upstream') models = leakCanaries(models, entries, claims);
    const { defaults } = env;
    const passthrough = findPassthrough({
      hosts: models,
      served: entries,
      snapshot,
      options,
      features,
      defaults,
    });
    for (const finding of passthrough.findings) found.push(finding);

    const { isExternalNameDisabled } = options;
    const addressed = addressedMaker.make(entries, defaults.upstream, isExternalNameDisabled);
    let ids = results.upstreamIds.list();
    if (global.upstream !== undefined || addressed.size > 0) {
      const more = global.upstream === undefined ? [] : [global.upstream.id];
      ids = sortUpstreams(new Set([...ids, ...more, ...addressed.keys()]));
    }
    const shelf = snapshot.services;
    const upstreams = yield* upstreamsOf(ids, touchedIds, [shelf, defaults], (id) =>
      id === global.upstream?.id
        ? { ...global.upstream, policies: defaults.upstream }
        : (addressed.get(id) ?? upstreamMaker.make(id, claims, snapshot, defaults, isExternalNameDisabled)),
    );
    tlsNames = keepSame(tlsNames, tlsNamesOf(models, passthrough.names));
    if (added.length + removed.length > 0) served = entries.map(({ ingress }): ObjectRef => ingress);

    return {
      model: {
        listeners:
          services.listeners.length === 0
            ? listening.listeners
            : [...listening.listeners, ...services.listeners],
        streams: [...passthrough.streams, ...services.streams],
        tlsNames,
        hosts: models,
        upstreams: [...upstreams, ...passthrough.upstreams, ...services.upstreams],
        certificates: results.certificates(global.certificate),
        defaultCertificateId: global.certificate.id,
      },
      findings: found,
      references: references.list(),
      served,
    };
  }
}
