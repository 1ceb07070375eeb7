import { configMapKeysOf, type Feature } from '../features/kit/feature.ts';
import { parseNamespacedName } from '../lib/namespaced-name.ts';
import { isSameItems, Remembered } from '../lib/remembered.ts';
import { finish, type Steps } from '../lib/steps.ts';
import { createFindings } from '../model/finding.ts';
import type { DataPlaneSettings } from '../table/settings.ts';
import type { RouteTable } from '../table/table.ts';
import type { StapleEntry } from '../table/staple.ts';
import { completeChains, type Certified } from './chains/complete-chains.ts';
import { createCompiler } from './compile/compile.ts';
import type { Built, Pipeline, References } from './pipeline.ts';
import { wantedEditions } from './settings/geo-parts.ts';
import { toSettings, type SettingsFlags } from './settings/settings.ts';
import type { ClusterSnapshot } from './store/object-store.ts';
import { objectKey, type ConfigMapObject } from './store/objects.ts';
import { TRANSLATE_CONFIG_KEYS } from './translate/annotation-settings.ts';
import { resolveEndpoints, type NameLookup } from './translate/endpoints.ts';
import type { TranslateOptions } from './translate/options.ts';
import { createTranslator } from './translate/translate.ts';

export interface PipelineDeps {
  readonly options: TranslateOptions;
  readonly features: readonly Feature[];
  readonly settingsFlags: SettingsFlags;
  /** Addresses of external names as known now. */
  readonly lookUpName: NameLookup;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

interface SettingsRead {
  readonly settings: DataPlaneSettings;
  readonly findings: ReturnType<ReturnType<typeof createFindings>['list']>;
  /** What the settings name: ConfigMaps of headers, a Secret of TLS, databases. */
  readonly named: Pick<References, 'secrets' | 'configMaps' | 'geoEditions'>;
}

/** Puts translate, settings and compile together; each remembers what did not change. */
export function createPipeline(deps: PipelineDeps): Pipeline {
  const { options, features } = deps;
  const translator = createTranslator(options, features);
  const compiler = createCompiler();
  const featureKeys = new Set([...features.flatMap(configMapKeysOf), ...TRANSLATE_CONFIG_KEYS]);
  let configMap: ConfigMapObject | undefined;
  const remembered = new Remembered<'settings', SettingsRead>(new Map(), isSameItems);
  const chainsRead = new Remembered<'chains', Certified>(new Map(), isSameItems);
  const staplesRead = new Remembered<'staples', readonly StapleEntry[]>(new Map(), isSameItems);
  const referencesRead = new Remembered<'references', References>(new Map(), isSameItems);

  function readSettings(snapshot: ClusterSnapshot): SettingsRead {
    // A ConfigMap that is deleted leaves its last data in force (docs/reference/settings.md §1).
    configMap = (options.configMap && snapshot.configMaps.get(objectKey(options.configMap))) ?? configMap;
    const namedBy = (key: string) => parseNamespacedName((configMap?.data.get(key) ?? '').trim()) ?? [];
    const named: SettingsRead['named'] = {
      secrets: [namedBy('ssl-dh-param')].flat(),
      configMaps: ['proxy-set-headers', 'add-headers'].flatMap(namedBy),
      geoEditions: wantedEditions(configMap?.data, deps.settingsFlags.geoEditions ?? []),
    };
    const objects = [
      configMap,
      ...named.configMaps.map((ref) => snapshot.configMaps.get(objectKey(ref))),
      ...named.secrets.map((ref) => snapshot.secrets.get(objectKey(ref))),
      snapshot.geoFiles,
    ];
    return remembered.of('settings', objects, () => {
      const findings = createFindings();
      const ref = options.configMap ?? { namespace: '', name: '' };
      const settings = toSettings({
        data: configMap?.data,
        source: { kind: 'ConfigMap', ...ref, ...(configMap?.uid ? { uid: configMap.uid } : {}) },
        flags: deps.settingsFlags,
        featureKeys,
        headerMaps: (namespace, name) => snapshot.configMaps.get(objectKey({ namespace, name }))?.data,
        secretOf: (namespace, name) => snapshot.secrets.get(objectKey({ namespace, name }))?.data,
        geoFiles: snapshot.geoFiles,
        findings,
      });
      return { settings, findings: findings.list(), named };
    });
  }

  /** The table with what was fetched for its certificates: the rest of their chains, and what authorities say of them. */
  function withFetched(table: RouteTable, { missingChains, staples }: ClusterSnapshot): RouteTable {
    const { names, defaultCertificateId } = table.tls;
    const { isStapled } = table.settings.tls;
    if (missingChains.size === 0 && !isStapled) return table;
    const completed =
      missingChains.size === 0
        ? table
        : chainsRead.of('chains', [table.certificates, names, defaultCertificateId, missingChains], () =>
            completeChains(table, missingChains),
          );
    const { certificates, tls } = completed;
    const known = !isStapled
      ? []
      : staplesRead.of('staples', [certificates, staples], () =>
          certificates.flatMap(({ id }) => staples.get(id) ?? []),
        );
    return { ...table, certificates, tls, staples: known };
  }

  function* buildSteps(snapshot: ClusterSnapshot, generation: number): Steps<Built> {
    const { settings, findings, named } = readSettings(snapshot);
    const translation = yield* translator.translateSteps(snapshot, deps.nowMs());
    const compiled = yield* compiler.compileSteps(translation.model, settings, generation);
    const references = referencesRead.of('references', [translation.references, named], () => ({
      secrets: [...translation.references.secrets, ...named.secrets],
      configMaps: [...translation.references.configMaps, ...named.configMaps],
      keySets: translation.references.keySets,
      geoEditions: named.geoEditions,
    }));
    return {
      model: translation.model,
      table: withFetched(compiled, snapshot),
      findings: [...findings, ...translation.findings],
      references,
      served: translation.served,
    };
  }

  return {
    build: (snapshot, generation) => finish(buildSteps(snapshot, generation)),
    buildSteps,
    endpointsOf: (snapshot, upstream) =>
      resolveEndpoints(snapshot, upstream, deps.lookUpName, deps.options.zone),
  };
}
