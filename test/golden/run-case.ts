import { redactBytes } from '../../src/lib/redacted-bytes.ts';
import { parse, stringify } from 'yaml';
import { parseManifest } from '../../src/controller/files/parse-manifest.ts';
import { createObjectStore } from '../../src/controller/store/object-store.ts';
import { KINDS } from '../../src/controller/store/objects.ts';
import { parseAnnotations } from '../../src/controller/translate/annotations.ts';
import { readAnnotationSettings } from '../../src/controller/translate/annotation-settings.ts';
import { resolveEndpoints } from '../../src/controller/translate/endpoints.ts';
import { DEFAULT_TRANSLATE_OPTIONS, type TranslateOptions } from '../../src/controller/translate/options.ts';
import { createTranslator } from '../../src/controller/translate/translate.ts';
import { features } from '../../src/features/registry.ts';
import type { CertificateModel } from '../../src/model/model.ts';
import type { UsualPolicies } from '../../src/model/print.ts';
import { printFindings, printModel } from '../../src/model/print-yaml.ts';

/** The time at which all golden cases are translated. */
export const GOLDEN_NOW_MS = Date.UTC(2026, 10, 23);

export const FALLBACK_CERTIFICATE: CertificateModel = {
  id: 'made-at-start',
  certificate: '',
  key: redactBytes(Buffer.alloc(0)),
  source: { kind: 'Controller', namespace: '', name: 'default certificate' },
  facts: {
    names: ['ingress.local'],
    notBeforeMs: 0,
    notAfterMs: GOLDEN_NOW_MS,
    serial: '1',
    issuerCommonName: '',
    issuerOrganization: '',
    publicKeyAlgorithm: 'RSA',
  },
};

export interface CaseFiles {
  /** Objects that were there before, for what depends on it. */
  readonly before?: string;
  /** Options that differ from ingress-nginx's defaults. */
  readonly options?: string;
}

/** Translates manifests and prints what becomes of them, by file name. */
export function runCase(text: string, files: CaseFiles = {}): Readonly<Record<string, string>> {
  const options: TranslateOptions = {
    ...DEFAULT_TRANSLATE_OPTIONS,
    isWithoutClassServed: true,
    fallbackCertificate: FALLBACK_CERTIFICATE,
    ...(files.options === undefined ? {} : (parse(files.options) as Partial<TranslateOptions>)),
  };
  const store = createObjectStore();
  const translator = createTranslator(options, features);
  const load = (manifest: string) => {
    const parsed = parseManifest(manifest, 'in.yaml', '');
    if (!parsed.ok) throw new Error(`line ${parsed.line}: ${parsed.problem}`);
    const objects = parsed.objects.map(({ object }) => object);
    for (const kind of KINDS)
      store.replace(kind, objects.filter((object) => object.kind === kind) as Iterable<never>);
    return parsed.findings;
  };
  if (files.before !== undefined) {
    load(files.before);
    translator.translate(store.snapshot(), GOLDEN_NOW_MS);
  }
  const fileFindings = load(text);
  const snapshot = store.snapshot();
  const { model, findings } = translator.translate(snapshot, GOLDEN_NOW_MS);
  const hasEndpoints = store.count('EndpointSlice') > 0 || store.count('Endpoints') > 0;
  const addresses = () =>
    model.upstreams.map((upstream): [string, string[]] => [
      upstream.id,
      resolveEndpoints(snapshot, upstream, (name) => (name === 'db.example.test' ? ['192.0.2.1'] : [])).map(
        ({ address, port }) => `${address} ${port}`,
      ),
    ]);
  return {
    'model.yaml': printModel(model, { usual: usualPolicies() }),
    'findings.yaml': printFindings([...fileFindings, ...findings]),
    ...(hasEndpoints ? { 'endpoints.yaml': stringify(Object.fromEntries(addresses())) } : {}),
  };
}

/** Policies of an Ingress without annotations: left out of what is printed. */
function usualPolicies(): UsualPolicies {
  return parseAnnotations({
    ingress: { namespace: '', annotations: new Map() },
    source: { kind: 'Controller', namespace: '', name: 'defaults' },
    features,
    settings: readAnnotationSettings(undefined, features),
    snapshot: createObjectStore().snapshot(),
    prefix: DEFAULT_TRANSLATE_OPTIONS.annotationsPrefix,
  });
}
