import type { Feature } from '../../features/kit/feature.ts';
import type { Finding } from '../../model/finding.ts';
import type { Built } from '../pipeline.ts';
import { createOwnership, type Ownership } from '../store/ownership.ts';
import type { ClusterSnapshot, ObjectRef } from '../store/object-store.ts';
import { objectKey, type ConfigMapObject, type IngressObject } from '../store/objects.ts';
import type { TranslateOptions } from '../translate/options.ts';
import { createAnnotationJudge } from './annotation-judge.ts';
import type { Judgement } from './judgement.ts';
import { createKeyJudge } from './key-judge.ts';
import { findPathQuirks, type Quirk } from './path-quirks.ts';

/** One annotation or ConfigMap key, and what Serin makes of it. */
export interface AuditedValue extends Judgement {
  /** Without prefix. */
  readonly name: string;
}

/** One Ingress, or the ConfigMap of the settings. */
export interface AuditedObject {
  readonly kind: 'Ingress' | 'ConfigMap';
  readonly namespace: string;
  readonly name: string;
  /** `not-served`: another class's, or refused. */
  readonly state: 'served' | 'not-served' | 'refused';
  /** Why it is not served; empty where it is. */
  readonly why: string;
  readonly hosts: readonly string[];
  readonly values: readonly AuditedValue[];
  readonly findings: readonly Finding[];
  readonly quirks: readonly Quirk[];
}

/** All that `serin check` has to say of a set of objects. */
export interface Audit {
  readonly objects: readonly AuditedObject[];
  /** Of files, Services and what else is neither Ingress nor the settings. */
  readonly findings: readonly Finding[];
  /** What was not looked at, since it is not there to look at. */
  readonly notes: readonly string[];
}

export interface AuditInput {
  readonly snapshot: ClusterSnapshot;
  readonly built: Built;
  readonly features: readonly Feature[];
  readonly options: TranslateOptions;
  /** What is wrong with the files themselves. */
  readonly sourceFindings: readonly Finding[];
  /** The objects are manifests: what they name may well be elsewhere. */
  readonly isOfFiles: boolean;
}

/** Judges every Ingress, annotation and ConfigMap key. Pure. */
export function audit(input: AuditInput): Audit {
  const { snapshot, built, options, isOfFiles } = input;
  const { findings, notes } = isOfFiles
    ? withoutAbsent(built.findings, snapshot)
    : { findings: built.findings, notes: [] };
  const bySource = Map.groupBy(findings, ({ source }) => `${source.kind} ${objectKey(source)}`);
  const ownership = createOwnership(snapshot, options);
  const judge = createAnnotationJudge(input.features);
  const quirks = findPathQuirks(built.table.hosts);
  const served = new Set(built.served.map(objectKey));

  const ingresses = snapshot.ingresses.map((ingress): AuditedObject => {
    const found = take(bySource, `Ingress ${objectKey(ingress)}`);
    const owned = ownership(ingress);
    const state = owned !== 'ours' ? 'not-served' : served.has(objectKey(ingress)) ? 'served' : 'refused';
    return {
      kind: 'Ingress',
      namespace: ingress.namespace,
      name: ingress.name,
      state,
      why: state === 'served' ? '' : whyNot(ingress, owned),
      hosts: [...new Set(ingress.rules.map(({ host }) => host || '*'))],
      values: owned === 'not-ours' ? [] : valuesOf(ingress, options.annotationsPrefix, judge, found),
      findings: found,
      quirks: quirks.get(objectKey(ingress)) ?? [],
    };
  });
  const settings = settingsOf(input, bySource);
  return {
    objects: settings === undefined ? ingresses : [settings, ...ingresses],
    findings: [...input.sourceFindings, ...[...bySource.values()].flat()],
    notes: ingresses.length === 0 ? [NOTHING_CHECKED, ...notes] : notes,
  };
}

/** A list that came out empty shall not look like one that is all right. */
const NOTHING_CHECKED = 'There is no Ingress: none was checked.';

function valuesOf(
  { annotations }: IngressObject,
  prefix: string,
  judge: (name: string, value: string) => Judgement,
  findings: readonly Finding[],
): AuditedValue[] {
  const start = `${prefix}/`;
  return [...annotations]
    .filter(([key]) => key.startsWith(start) || key.startsWith('serin.dev/'))
    .map(([key, value]) => {
      const name = key.startsWith(start) ? key.slice(start.length) : key;
      return { name, ...afterFindings(judge(name, value), fieldOfValue('Ingress', name), findings) };
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function settingsOf(
  { snapshot, features, options: { configMap: ref } }: AuditInput,
  bySource: Map<string, Finding[]>,
): AuditedObject | undefined {
  const object: ConfigMapObject | undefined = ref && snapshot.configMaps.get(objectKey(ref));
  if (object === undefined) return undefined;
  const findings = take(bySource, `ConfigMap ${objectKey(object)}`);
  const judge = createKeyJudge(features);
  return {
    kind: 'ConfigMap',
    namespace: object.namespace,
    name: object.name,
    state: 'served',
    why: '',
    hosts: [],
    values: [...object.data.keys()].toSorted().map((name) => ({
      name,
      ...afterFindings(judge(name, object.data.get(name)), fieldOfValue('ConfigMap', name), findings),
    })),
    findings,
    quirks: [],
  };
}

const OF_VALUES: Partial<Record<Finding['reason'], Judgement['status']>> = {
  IneffectiveAnnotation: 'vain',
  UnsupportedAnnotation: 'refused',
  InvalidAnnotation: 'unusable',
  InvalidAlias: 'unusable',
  InvalidSetting: 'unusable',
};

/** What is honoured by its name may still have a value that cannot be, or stand where it has no effect. */
function afterFindings(judgement: Judgement, field: string, findings: readonly Finding[]): Judgement {
  if (judgement.status === 'refused' || judgement.status === 'unknown') return judgement;
  for (const { reason, source, value, problem, consequence } of findings) {
    const status = source.field === field ? OF_VALUES[reason] : undefined;
    if (status !== undefined)
      return { status, note: `${value === '' ? '' : `"${value}" `}${problem}; ${consequence}` };
  }
  return judgement;
}

function take<T>(map: Map<string, T[]>, key: string): readonly T[] {
  const items = map.get(key) ?? [];
  map.delete(key);
  return items;
}

function whyNot({ className, annotations }: IngressObject, owned: Ownership): string {
  if (owned === 'ours')
    return 'it is refused, see below; an older form of it that was served goes on being served';
  const named = className ?? annotations.get('kubernetes.io/ingress.class');
  if (owned === 'unknown-class') return `there is no IngressClass ${named}`;
  return named === undefined
    ? 'it has no class, and no default class is ours'
    : `its class ${named} is not ours`;
}

/** What features say of the Secrets that annotations name. */
const NO_SUCH_SECRET = 'is a Secret that does not exist';

/** Of manifests that hold no Service (Secret) at all, that each is missing says nothing. */
function withoutAbsent(
  findings: readonly Finding[],
  { services, secrets }: ClusterSnapshot,
): { findings: readonly Finding[]; notes: string[] } {
  const notes: string[] = [];
  const absent = new Set<Finding['reason']>();
  const pass = (reason: Finding['reason'], shelf: ReadonlyMap<string, unknown>, note: string) => {
    const isNamed = findings.some(
      (finding) => finding.reason === reason || (shelf === secrets && finding.problem === NO_SUCH_SECRET),
    );
    if (shelf.size > 0 || !isNamed) return;
    absent.add(reason);
    notes.push(note);
  };
  pass('MissingService', services, 'The input has no Services: backends and their ports were not checked.');
  pass('MissingSecret', secrets, 'The input has no Secrets: certificates and credentials were not checked.');
  const isAbsent = ({ reason, problem }: Finding) =>
    absent.has(reason) || (secrets.size === 0 && problem === NO_SUCH_SECRET);
  return { findings: findings.filter((finding) => !isAbsent(finding)), notes };
}

/** The field of an object in which an annotation or a key stands, as findings name it. */
export function fieldOfValue(kind: AuditedObject['kind'], name: string): string {
  return kind === 'Ingress' ? `metadata.annotations[${name}]` : `data.${name}`;
}

/** Identity of an object in an audit. */
export function printObject({ kind, namespace, name }: ObjectRef & { readonly kind: string }): string {
  return `${kind} ${namespace}/${name}`;
}
