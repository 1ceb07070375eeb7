import { createFindings, type Finding } from '../../model/finding.ts';
import type { IngressObject } from '../store/objects.ts';
import type { ClusterSnapshot } from '../store/object-store.ts';
import { reportProblems, sourceOfIngress } from './entries.ts';
import type { TranslateOptions } from './options.ts';

/** An Ingress that asks for our class by a name that no IngressClass has. */
export function unknownClass(ingress: IngressObject): Finding {
  return {
    reason: 'UnknownIngressClass',
    severity: 'error',
    source: { ...sourceOfIngress(ingress), field: 'spec.ingressClassName' },
    value: ingress.className ?? '',
    problem: 'is not an IngressClass that exists',
    consequence: 'the Ingress is not served',
  };
}

/** An Ingress that --disable-catch-all forbids; undefined: it does not. */
export function catchAllDisabled(ingress: IngressObject, options: TranslateOptions): Finding | undefined {
  if (!options.isCatchAllDisabled || ingress.defaultBackend === undefined) return undefined;
  return {
    reason: 'CatchAllDisabled',
    severity: 'error',
    source: { ...sourceOfIngress(ingress), field: 'spec.defaultBackend' },
    value: '',
    problem: 'is forbidden by --disable-catch-all',
    consequence: 'the Ingress is not served',
  };
}

/** Problems of the objects that are not Ingresses; those of Ingresses are told for our own only. */
export function reportObjects({ faulty }: ClusterSnapshot, found: Finding[]): void {
  for (const { kind, namespace, name, uid, problems } of faulty) {
    const findings = createFindings();
    reportProblems(problems, { kind, namespace, name, ...(uid === '' ? {} : { uid }) }, findings);
    for (const finding of findings.list()) found.push(finding);
  }
}
