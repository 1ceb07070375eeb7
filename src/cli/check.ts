import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { audit, type Audit } from '../controller/audit/audit.ts';
import { EXPLANATIONS, explain } from '../controller/audit/explanations.ts';
import { createDefaultCertificate } from '../controller/certificates/default-certificate.ts';
import { createPipeline } from '../controller/create-pipeline.ts';
import { FirstObjects } from '../controller/files/first-objects.ts';
import { sourceOfFile } from '../controller/files/parse-manifest.ts';
import { readManifest } from '../controller/files/read-manifest.ts';
import { scanFiles } from '../controller/files/scan-files.ts';
import { createKubeClient } from '../controller/kube/client.ts';
import { loadApiAccess } from '../controller/kube/config.ts';
import { readCluster } from '../controller/kube/read-once.ts';
import { createObjectStore, type ObjectStore } from '../controller/store/object-store.ts';
import type { ClusterObject, ConfigMapObject } from '../controller/store/objects.ts';
import type { TranslateOptions } from '../controller/translate/options.ts';
import { features } from '../features/registry.ts';
import type { Finding } from '../model/finding.ts';
import { UsageError, type FlagReader, type Invocation } from './args.ts';
import { renderJson } from './audit-json.ts';
import { renderMarkdown } from './audit-markdown.ts';
import { renderSarif, type PlaceOf } from './audit-sarif.ts';
import { renderText } from './audit-text.ts';
import { summarise } from './audit-summary.ts';
import { toTranslateOptions } from './translate-options.ts';
import { versionOf } from './version.ts';
import { geoEditionsOf } from './geo-options.ts';
import { undefinedHostsOf } from './metrics-options.ts';

const FORMATS = ['text', 'json', 'markdown', 'sarif'];
const LEVELS = ['error', 'warning', 'never'];
const CLUSTER_TIMEOUT_MS = 60_000;

/** `serin check`: the migration audit. Exit code 1 where something is found that --fail-on asks for. */
export async function check(invocation: Invocation, entry: URL): Promise<number> {
  const { flags } = invocation;
  const asked = flags.string('explain');
  if (asked !== '') return printExplanation(asked);
  const format = oneOf(flags, 'output', FORMATS);
  const level = oneOf(flags, 'fail-on', LEVELS);
  const { result, placeOf } = await auditOf(invocation, entry, process.stdin);
  process.stdout.write(`${render(format, result, placeOf, versionOf(entry))}\n`);
  return exitCode(result, level);
}

/** Reads what the command line names, `-` being `input`, and judges it. Throws UsageError. */
export async function auditOf(
  { flags, rest }: Invocation,
  entry: URL,
  input: Readable,
): Promise<{ readonly result: Audit; readonly placeOf: PlaceOf }> {
  const isOfFiles = rest.length > 0;
  if (!isOfFiles && !flags.has('kubeconfig') && !flags.has('apiserver-host')) {
    throw new UsageError(
      'serin check: name manifest files or folders (- is standard input), or --kubeconfig',
      2,
    );
  }
  const options = toTranslateOptions(flags, isOfFiles, await createDefaultCertificate(Date.now()));
  const store = createObjectStore();
  const read = isOfFiles ? await readFiles(rest, input, store, options) : undefined;
  const effective = read === undefined ? options : { ...options, ...read.named };
  const pipeline = createPipeline({
    options: effective,
    features,
    settingsFlags: {
      httpsPort: flags.number('https-port'),
      healthPath: flags.string('health-check-path'),
      undefinedHosts: undefinedHostsOf(flags),
      ticketKeys: [],
      geoEditions: geoEditionsOf(flags),
    },
    lookUpName: () => [],
    nowMs: Date.now,
  });
  if (!isOfFiles) await readApi(flags, store, entry, () => pipeline.build(store.snapshot(), 1).references);
  const snapshot = store.snapshot();
  const result = audit({
    snapshot,
    built: pipeline.build(snapshot, 1),
    features,
    options: effective,
    sourceFindings: read?.findings ?? [],
    isOfFiles,
  });
  const placeOf: PlaceOf = (object) => read?.objects.placeOf(object);
  return { result, placeOf };
}

function render(format: string, result: Audit, placeOf: PlaceOf, version: string): string {
  switch (format) {
    case 'json':
      return renderJson(result, placeOf);
    case 'markdown':
      return renderMarkdown(result);
    case 'sarif':
      return renderSarif(result, placeOf, version);
    default:
      return renderText(result, placeOf);
  }
}

function exitCode(result: Audit, level: string): number {
  const { errors, warnings } = summarise(result);
  if (level === 'never') return 0;
  return errors > 0 || (level === 'warning' && warnings > 0) ? 1 : 0;
}

function printExplanation(asked: string): number {
  const found = explain(asked);
  if (found === undefined) {
    throw new UsageError(`--explain: "${asked}" is none of ${Object.keys(EXPLANATIONS).join(', ')}`, 2);
  }
  process.stdout.write(`${found.code}: ${found.text}\n`);
  return 0;
}

function oneOf(flags: FlagReader, name: string, values: readonly string[]): string {
  const value = flags.string(name);
  if (!values.includes(value))
    throw new UsageError(`--${name}: "${value}" is none of ${values.join(', ')}`, 2);
  return value;
}

interface FilesRead {
  readonly findings: readonly Finding[];
  readonly objects: FirstObjects;
  /** What flags name, else the one ConfigMap of each kind of an ingress-nginx installation that is among the objects. */
  readonly named: Pick<TranslateOptions, 'configMap' | 'tcpServices' | 'udpServices'>;
}

async function readFiles(
  paths: readonly string[],
  input: Readable,
  store: ObjectStore,
  options: TranslateOptions,
): Promise<FilesRead> {
  const findings: Finding[] = [];
  const objects = new FirstObjects();
  const take = async (source: Readable, file: string, order: string) => {
    const parsed = await readManifest(source, file, order);
    if (parsed.ok) findings.push(...parsed.findings, ...objects.take(file, parsed.objects));
    else findings.push(unreadable(file, parsed.line, parsed.problem));
  };
  const named = paths.filter((path) => path !== '-');
  const { files, missing } = await scanFiles(named);
  const [first] = missing;
  if (first !== undefined) throw new UsageError(`serin check: "${first.path}" ${first.problem}`, 2);
  if (named.length < paths.length) await take(input, 'standard input', '');
  for (const { path, order } of files) await take(createReadStream(path), path, order);
  objects.putInto(store);
  assumeClass(store, options);
  const find = (name: RegExp) => findConfigMap(objects.all(), name);
  const settled = {
    configMap: options.configMap ?? find(/ingress-nginx.*controller$/),
    tcpServices: options.tcpServices ?? find(/^tcp-services$|ingress-nginx-tcp$/),
    udpServices: options.udpServices ?? find(/^udp-services$|ingress-nginx-udp$/),
  };
  return { findings, objects, named: settled };
}

function unreadable(file: string, line: number, problem: string): Finding {
  return {
    reason: 'UnreadableFile',
    severity: 'error',
    source: sourceOfFile(file, line),
    value: '',
    problem,
    consequence: 'nothing of it is checked',
  };
}

/** Manifests of applications seldom have the IngressClass that they name: it is taken to be there. */
function assumeClass(store: ObjectStore, { ingressClass, controllerClass }: TranslateOptions): void {
  if (store.count('IngressClass') > 0) return;
  store.apply({
    kind: 'IngressClass',
    type: 'set',
    object: {
      kind: 'IngressClass',
      namespace: '',
      name: ingressClass,
      uid: '',
      order: '',
      problems: [],
      controller: controllerClass,
      isDefault: true,
    },
  });
}

/** The name that ingress-nginx's manifests and its chart give it. */
function findConfigMap(objects: readonly ClusterObject[], name: RegExp): TranslateOptions['configMap'] {
  const found = objects.filter(
    (object): object is ConfigMapObject => object.kind === 'ConfigMap' && name.test(object.name),
  );
  return found.length === 1 ? { namespace: found[0]!.namespace, name: found[0]!.name } : undefined;
}

async function readApi(
  flags: FlagReader,
  store: ObjectStore,
  entry: URL,
  references: Parameters<typeof readCluster>[0]['references'],
): Promise<void> {
  const access = await loadApiAccess(
    {
      kubeconfig: flags.string('kubeconfig'),
      apiserverHost: flags.string('apiserver-host'),
      certificateAuthority: flags.string('certificate-authority'),
    },
    process.env,
  );
  const client = createKubeClient({ access, userAgent: `serin/${versionOf(entry)}` });
  try {
    await readCluster({
      client,
      store,
      watchNamespace: flags.string('watch-namespace'),
      watchNamespaceSelector: flags.string('watch-namespace-selector'),
      references,
      timeoutMs: CLUSTER_TIMEOUT_MS,
    });
  } finally {
    await client.close();
  }
}
