import type { Feature } from '../../features/kit/feature.ts';
import { byText, createDerivedList, createJoin, createSelection } from '../../lib/edited-list.ts';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import { finish, Pace, type Steps } from '../../lib/steps.ts';
import { createFindings, type Finding } from '../../model/finding.ts';
import type { UpstreamModel } from '../../model/model.ts';
import { compareAge, objectKey, type ConfigMapObject } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import { createAliasSettler } from './aliases.ts';
import { readAnnotationSettings, type AnnotationSettings } from './annotation-settings.ts';
import { parseAnnotations, type ParsedAnnotations } from './annotations.ts';
import { leakCanaries } from './canary-leak.ts';
import { readDefaults } from './defaults.ts';
import { isFresh } from './dependencies.ts';
import { keepOwners } from './host-ownership.ts';
import { HostGroups, isSameContributions, type HostContributions } from './host-contributions.ts';
import { HostResults } from './host-results.ts';
import type { IngressEntry } from './entries.ts';
import { buildHost, type HostEnvironment, type HostResult } from './hosts.ts';
import { reportObjects } from './object-findings.ts';
import { listenAt, type Listening } from './listen-addresses.ts';
import type { TranslateOptions, Translation } from './options.ts';
import { ReferenceCounts } from './reference-counts.ts';
import { createCertificateReader } from '../certificates/certificate-reader.ts';
import { createServedIngresses } from './served-ingresses.ts';
import { createPassthroughFinder } from './passthrough.ts';
import { readStreamServices, type StreamServices } from './stream-services.ts';
import { createTlsNames } from './tls-names.ts';
import { ClaimIndex } from './upstream-claims.ts';
import { createUpstreamList } from './upstream-list.ts';
import { reportUpstreamConflicts } from './upstreams.ts';

/** Translates snapshot after snapshot and remembers which version of each Ingress it has accepted. */
export interface Translator {
  /** Pure but for that memory; sorted; never throws on what a user wrote. `nowMs` is the time since 1970, for expiry. */
  translate(snapshot: ClusterSnapshot, nowMs: number): Translation;
  /** The same in steps, of which all are to be taken before anything else is asked of this translator. */
  translateSteps(snapshot: ClusterSnapshot, nowMs: number): Steps<Translation>;
}

/** `trial`: what would become of Ingresses; the problems of other objects are not told, and no version of an Ingress is remembered as accepted. */
export type Scope = 'all' | 'trial';

/** Translates one snapshot on its own. */
export function translate(
  snapshot: ClusterSnapshot,
  options: TranslateOptions,
  features: readonly Feature[],
  nowMs: number,
): Translation {
  return createTranslator(options, features).translate(snapshot, nowMs);
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
  const upstreamList = createUpstreamList(features, options.isExternalNameDisabled);
  const joinUpstreams = createJoin<UpstreamModel>();
  const globalRead = new Remembered<'upstream', UpstreamModel>(new Map(), isSameItems);
  const findPassthrough = createPassthroughFinder(options, features);
  const tellingOf = createSelection<HostResult>(
    isTelling,
    byText(({ name }) => name),
  );
  const servedOf = createDerivedList(({ ingress }: IngressEntry) => ingress, compareAge);
  const tlsNamesOf = createTlsNames();
  const settingsRead = new Remembered<'settings', AnnotationSettings>(new Map(), isSameItems);
  const defaultsRead = new Remembered<'defaults', ParsedAnnotations>(new Map(), isSameItems);
  const ingresses = createServedIngresses(options, features, scope === 'trial');
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

  /** That of --default-backend-service. */
  function globalUpstreamOf(
    read: UpstreamModel | undefined,
    { services }: ClusterSnapshot,
    { upstream: policies }: ParsedAnnotations,
  ): UpstreamModel | undefined {
    const ref = options.defaultBackendService;
    if (read === undefined || ref === undefined) return undefined;
    const madeFrom = [services.get(objectKey(ref)), policies];
    return globalRead.of('upstream', madeFrom, () => ({ ...read, policies }));
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

    const ofOwners = createFindings();
    if (options.hostOwnership === 'none') yield* buildHosts(groups.all, touchedHosts, snapshot, env, now);
    else yield* buildHosts(keepOwners(groups.all, entries, ofOwners), [], snapshot, env, now);
    const hosts = results.list();
    const isSecured = (name: string) => results.get(name)?.model?.certificateId !== undefined;
    for (const { model, findings, vainWithoutCertificate: vain } of tellingOf(hosts)) {
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
    const settled = aliases.settle(hosts, certificates);
    const ofUpstreams = createFindings();
    reportUpstreamConflicts(claims, env.defaults, features, ofUpstreams);
    for (const findings of [ofOwners.list(), settled.findings, ofUpstreams.list()])
      for (const finding of findings) found.push(finding);
    let { models } = settled;
    if (options.canaryScope === 'upstream') models = leakCanaries(models, entries, claims);
    const { defaults } = env;
    const passthrough = findPassthrough({ hosts: models, served: entries, snapshot, defaults });
    for (const finding of passthrough.findings) found.push(finding);

    const upstreams = yield* upstreamList.update({
      snapshot,
      claims,
      results,
      defaults,
      global: globalUpstreamOf(global.upstream, snapshot, defaults),
      touched: touchedIds,
      added,
      removed,
    });

    return {
      model: {
        listeners:
          services.listeners.length === 0
            ? listening.listeners
            : [...listening.listeners, ...services.listeners],
        streams: [...passthrough.streams, ...services.streams],
        tlsNames: tlsNamesOf(models, passthrough.names),
        hosts: models,
        upstreams: joinUpstreams(upstreams, passthrough.upstreams, services.upstreams),
        certificates: results.certificates(global.certificate),
        defaultCertificateId: global.certificate.id,
      },
      findings: found,
      references: references.list(),
      served: servedOf(entries),
    };
  }
}

function isTelling({ findings, vainWithoutCertificate }: HostResult): boolean {
  return findings.length + vainWithoutCertificate.length > 0;
}
