import type { Feature } from '../../features/kit/feature.ts';
import { createFindings, type Finding, type Findings } from '../../model/finding.ts';
import type { Policies } from '../../model/policy.ts';
import type { SourceRef } from '../../model/source.ts';
import type { IngressObject, ReadProblem } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import type { AnnotationSettings } from './annotation-settings.ts';
import { parseAnnotations, type ParsedAnnotations } from './annotations.ts';
import { CATCH_ALL } from '../../lib/catch-all.ts';
import { toBackendRef, type BackendRef } from './backends.ts';
import { inspectIngress, type Refusal } from './inspection.ts';
import type { SharedAnnotations } from './shared-annotations.ts';
import type { TranslateOptions } from './options.ts';

/** One Ingress of ours, read and parsed. Its identity stands for all that it says: equal identity, equal meaning. */
export interface IngressEntry {
  readonly ingress: IngressObject;
  readonly source: SourceRef;
  readonly annotations: ParsedAnnotations;
  readonly isCanary: boolean;
  /** Equal for Ingresses that ask for the same of a shared upstream. */
  readonly upstreamText: string;
  /** Hosts of its rules in the table's words: `_` for none. Rules with unusable hosts are left out. */
  readonly hosts: readonly EntryHost[];
  /** All Service ports it names, in order. */
  readonly backends: readonly BackendRef[];
  /** Any makes it one that is not taken in. */
  readonly refusals: readonly Refusal[];
  readonly findings: readonly Finding[];
}

export interface EntryHost {
  readonly name: string;
  /** Index into rules. */
  readonly rule: number;
}

const HOST =
  /^(?:\*\.)?(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;
const IPV4 = /^[0-9]+(?:\.[0-9]+){3}$/;

/** Where an Ingress is, for findings. */
export function sourceOfIngress(ingress: IngressObject): SourceRef {
  const { namespace, name, uid } = ingress;
  return uid === '' ? { kind: 'Ingress', namespace, name } : { kind: 'Ingress', namespace, name, uid };
}

/** Turns the problems of a read object into findings. */
export function reportProblems(
  problems: readonly ReadProblem[],
  source: SourceRef,
  findings: Findings,
): void {
  for (const { field, value, problem, consequence } of problems) {
    findings.warn(source, 'InvalidField', { field, value, problem, consequence });
  }
}

/** Reads one Ingress of ours. Never throws on what a user wrote. */
export function createEntry(
  ingress: IngressObject,
  options: TranslateOptions,
  features: readonly Feature[],
  settings: AnnotationSettings,
  snapshot: ClusterSnapshot,
  shared?: SharedAnnotations<ParsedAnnotations>,
): IngressEntry {
  const source = sourceOfIngress(ingress);
  const prefix = options.annotationsPrefix;
  const areValidated = options.areAnnotationsValidated;
  const annotations = parseAnnotations({
    ingress,
    source,
    features,
    settings,
    snapshot,
    prefix,
    areValidated,
    isExternalNameDisabled: options.isExternalNameDisabled,
    shared,
  });
  const isCanary = annotations.canary !== undefined;
  const findings = createFindings();
  reportProblems(ingress.problems, source, findings);
  const refused = options.isDeeplyInspected ? inspectIngress(ingress) : undefined;
  if (ingress.rules.length === 0 && ingress.defaultBackend === undefined && ingress.problems.length === 0) {
    findings.warn(source, 'EmptyIngress', {
      field: 'spec',
      problem: 'has neither rules nor a default backend',
      consequence: 'nothing is served by it',
    });
  }
  const hosts: EntryHost[] = [];
  for (const [index, { host, field }] of ingress.rules.entries()) {
    const name = readHost(host, `${field}.host`, source, findings);
    if (name !== undefined) hosts.push({ name, rule: index });
  }
  return {
    ingress,
    source,
    annotations,
    isCanary,
    upstreamText: textOf(annotations.upstream),
    hosts: hosts.slice(),
    backends: backendsOf(ingress),
    refusals: refused === undefined ? annotations.refusals : [refused, ...annotations.refusals],
    findings: [...findings.list(), ...annotations.findings],
  };
}

const texts = new WeakMap<Policies, string>();

function textOf(policies: Policies): string {
  let text = texts.get(policies);
  if (text === undefined) texts.set(policies, (text = JSON.stringify(policies)));
  return text;
}

function readHost(host: string, field: string, source: SourceRef, findings: Findings): string | undefined {
  if (host === '') return CATCH_ALL;
  const name = host.toLowerCase();
  if (!HOST.test(name) || IPV4.test(name)) {
    const problem = IPV4.test(name) ? 'is an address, not a host name' : 'is not a host name';
    findings.warn(source, 'InvalidHost', {
      field,
      value: host,
      problem,
      consequence: 'the rule is not served',
    });
    return undefined;
  }
  if (name !== host) {
    const consequence = `it is served as ${name}`;
    findings.warn(source, 'InvalidHost', {
      field,
      value: host,
      problem: 'is not in lower case',
      consequence,
    });
  }
  return name;
}

function backendsOf(ingress: IngressObject): readonly BackendRef[] {
  const refs: BackendRef[] = [];
  const add = (ref: BackendRef | undefined) => {
    if (ref !== undefined) refs.push(ref);
  };
  if (ingress.defaultBackend !== undefined) add(toBackendRef(ingress.namespace, ingress.defaultBackend));
  for (const { paths } of ingress.rules)
    for (const { backend } of paths) add(toBackendRef(ingress.namespace, backend));
  return refs.slice();
}
