import type { Feature } from '../../features/kit/feature.ts';
import { isSameItems, Remembered, type Made } from '../../lib/remembered.ts';
import { createFindings, type Finding } from '../../model/finding.ts';
import type { CertificateModel, HostModel, UpstreamModel } from '../../model/model.ts';
import { objectKey, type ConfigMapObject, type IngressObject } from '../store/objects.ts';
import type { ClusterSnapshot, ObjectRef } from '../store/object-store.ts';
import { createOwnership } from '../store/ownership.ts';
import { acceptEntry, type AcceptedEntries } from './accepted.ts';
import { createAddressedMaker } from './addressed.ts';
import { createAliasSettler } from './aliases.ts';
import { readAnnotationSettings, type AnnotationSettings } from './annotation-settings.ts';
import { parseAnnotations, type ParsedAnnotations } from './annotations.ts';
import { leakCanaries } from './canary-leak.ts';
import { readDefaults } from './defaults.ts';
import { isFresh, refOfKey, type Dependency } from './dependencies.ts';
import { createEntry, type IngressEntry } from './entries.ts';
import { keepOwners } from './host-ownership.ts';
import { groupByHost, isSameContributions, type HostContributions } from './host-contributions.ts';
import { buildHost, type HostEnvironment, type HostResult } from './hosts.ts';
import { catchAllDisabled, reportObjects, unknownClass } from './object-findings.ts';
import { listenAt, type Listening } from './listen-addresses.ts';
import type { TranslateOptions, Translation } from './options.ts';
import { createCertificateReader } from '../certificates/certificate-reader.ts';
import { createSortedKeys } from './sorted-keys.ts';
import { findPassthrough } from './passthrough.ts';
import { readStreamServices, type StreamServices } from './stream-services.ts';
import { tlsNamesOf } from './tls-names.ts';
import { claimUpstreams, createUpstreamMaker, reportUpstreamConflicts } from './upstreams.ts';

/** Translates snapshot after snapshot and remembers which version of each Ingress it has accepted. */
export interface Translator {
  /** Pure but for that memory; sorted; never throws on what a user wrote. `nowMs` is the time since 1970, for expiry. */
  translate(snapshot: ClusterSnapshot, nowMs: number): Translation;
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

interface HostInputs {
  readonly contributions: HostContributions;
  readonly circumstances: object;
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
  const sortHosts = createSortedKeys();
  const sortUpstreams = createSortedKeys();
  const sortSecrets = createSortedKeys();
  const sortConfigMaps = createSortedKeys();
  const settingsRead = new Remembered<'settings', AnnotationSettings>(new Map(), isSameItems);
  const defaultsRead = new Remembered<'defaults', ParsedAnnotations>(new Map(), isSameItems);
  const entries = new Remembered<IngressObject, IngressEntry>(new WeakMap(), isSameItems);
  /** One object for as long as all that concerns every host is the same. */
  const circumstancesSeen = new Remembered<'now', object>(new Map(), isSameItems);
  const hostShelf = new Map<string, Made<HostResult, HostInputs>>();
  const hostsBuilt = new Remembered<string, HostResult, HostInputs>(
    hostShelf,
    (a, b) => a.circumstances === b.circumstances && isSameContributions(a.contributions, b.contributions),
  );
  const listeningRead = new Remembered<'listening', Listening>(new Map(), isSameItems);
  const streamsRead = new Remembered<'streams', StreamServices>(new Map(), isSameItems);
  let accepted: AcceptedEntries = new Map();
  let configMap: ConfigMapObject | undefined;

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

  function entryOf(
    ingress: IngressObject,
    snapshot: ClusterSnapshot,
    settings: AnnotationSettings,
    inputs: readonly unknown[],
  ): IngressEntry {
    const known = entries.get(ingress, inputs);
    if (known !== undefined && isFresh(known.annotations.dependencies, snapshot)) return known;
    return entries.set(ingress, inputs, createEntry(ingress, options, features, settings, snapshot));
  }

  /** The Ingresses that are served, oldest first. */
  function takeIn(
    snapshot: ClusterSnapshot,
    current: AnnotationSettings,
    found: Finding[],
  ): readonly IngressEntry[] {
    const ownership = createOwnership(snapshot, options);
    const inputs = [current];
    const served: IngressEntry[] = [];
    const next = new Map<string, IngressEntry>();
    for (const ingress of snapshot.ingresses) {
      const owned = ownership(ingress);
      if (owned === 'not-ours') continue;
      const refusal = owned === 'unknown-class' ? unknownClass(ingress) : catchAllDisabled(ingress, options);
      if (refusal !== undefined) {
        found.push(refusal);
        continue;
      }
      const newest = entryOf(ingress, snapshot, current, inputs);
      const { entry, findings } = acceptEntry(newest, accepted, (before) =>
        entryOf(before, snapshot, current, inputs),
      );
      for (const finding of findings) found.push(finding);
      if (entry === undefined) continue;
      if (entry === newest) for (const finding of entry.findings) found.push(finding);
      next.set(objectKey(ingress), entry);
      served.push(entry);
    }
    accepted = next;
    return served;
  }

  function hostOf(
    name: string,
    contributions: HostContributions,
    snapshot: ClusterSnapshot,
    env: HostEnvironment,
    circumstances: object,
  ): HostResult {
    const inputs = { contributions, circumstances };
    const known = hostsBuilt.get(name, inputs);
    // Under the upstream scope hosts depend on each other.
    const isGood = options.canaryScope === 'route' && known !== undefined;
    if (isGood && isFresh(known.dependencies, snapshot)) return known;
    return hostsBuilt.set(name, inputs, buildHost({ name, ...contributions }, snapshot, env));
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
    translate(snapshot, nowMs) {
      const found: Finding[] = [];
      const current = settingsOf(snapshot);
      found.push(...current.findings);
      if (scope === 'all') reportObjects(snapshot, found);
      const served = takeIn(snapshot, current, found);
      const global = readDefaults(snapshot, options, certificates);
      found.push(...global.findings);

      const claims = claimUpstreams(served, features);
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
      const circumstances = circumstancesSeen.of(
        'now',
        [
          current,
          env.defaults,
          steppedMs,
          env.defaultUpstreamId,
          env.defaultCertificateId,
          claims.collisions,
        ],
        () => ({}),
      );

      const shared = createFindings();
      const named = groupByHost(served);
      const grouped = options.hostOwnership === 'none' ? named : keepOwners(named, served, shared);
      const hosts = new Map<string, HostResult>();
      for (const [name, contributions] of grouped) {
        hosts.set(name, hostOf(name, contributions, snapshot, env, circumstances));
      }
      if (hostShelf.size > hosts.size) {
        for (const name of hostShelf.keys()) if (!hosts.has(name)) hostShelf.delete(name);
      }

      const names = sortHosts(hosts);
      const results = names.map((name) => hosts.get(name)!);
      const isSecured = (name: string) => hosts.get(name)?.model?.certificateId !== undefined;
      for (const { model, findings, vainWithoutCertificate: vain } of results) {
        for (const finding of findings) found.push(finding);
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
      let models: readonly HostModel[] = aliases.settle(results, certificates, shared);
      reportUpstreamConflicts(claims, env.defaults, features, shared);
      for (const finding of shared.list()) found.push(finding);
      if (options.canaryScope === 'upstream') models = leakCanaries(models, served, claims);
      const { defaults } = env;
      const passthrough = findPassthrough({ hosts: models, served, snapshot, options, features, defaults });
      for (const finding of passthrough.findings) found.push(finding);

      const wanted = new Set<string>();
      const certificateModels = new Map<string, CertificateModel>([
        [global.certificate.id, global.certificate],
      ]);
      for (const { upstreamIds, certificate } of results) {
        for (const id of upstreamIds) wanted.add(id);
        if (certificate !== undefined && !certificateModels.has(certificate.id))
          certificateModels.set(certificate.id, certificate);
      }
      const upstreams: UpstreamModel[] = [];
      if (global.upstream !== undefined) wanted.add(global.upstream.id);
      const { isExternalNameDisabled } = options;
      const addressed = addressedMaker.make(served, env.defaults.upstream, isExternalNameDisabled);
      for (const id of addressed.keys()) wanted.add(id);
      for (const id of sortUpstreams(wanted)) {
        const upstream =
          id === global.upstream?.id
            ? { ...global.upstream, policies: env.defaults.upstream }
            : (addressed.get(id) ??
              upstreamMaker.make(id, claims, snapshot, env.defaults, isExternalNameDisabled));
        if (upstream !== undefined) upstreams.push(upstream);
      }
      upstreamMaker.keepOnly(wanted);
      upstreams.push(...passthrough.upstreams, ...services.upstreams);

      const secrets = new Set<string>();
      const configMaps = new Set<string>();
      const keySets = new Set<string>();
      if (options.defaultCertificateSecret !== undefined)
        secrets.add(objectKey(options.defaultCertificateSecret));
      for (const ref of [options.configMap, options.tcpServices, options.udpServices])
        if (ref !== undefined) configMaps.add(objectKey(ref));
      const collect = (dependencies: readonly Dependency[]) => {
        for (const { kind, key } of dependencies) {
          if (kind === 'Secret') secrets.add(key);
          else if (kind === 'ConfigMap') configMaps.add(key);
          else if (kind === 'KeySet') keySets.add(key);
        }
      };
      for (const { annotations } of served) collect(annotations.dependencies);
      for (const { dependencies } of results) collect(dependencies);

      return {
        model: {
          listeners:
            services.listeners.length === 0
              ? listening.listeners
              : [...listening.listeners, ...services.listeners],
          streams: [...passthrough.streams, ...services.streams],
          tlsNames: tlsNamesOf(models, passthrough.names),
          hosts: models,
          upstreams,
          certificates: [...certificateModels.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1)),
          defaultCertificateId: global.certificate.id,
        },
        findings: found,
        references: {
          secrets: sortSecrets(secrets).map(refOfKey),
          configMaps: sortConfigMaps(configMaps).map(refOfKey),
          keySets: [...keySets].toSorted(),
        },
        served: served.map(({ ingress }): ObjectRef => ingress),
      };
    },
  };
}
