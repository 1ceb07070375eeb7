import {
  fieldOfValue,
  type Audit,
  type AuditedObject,
  type AuditedValue,
} from '../controller/audit/audit.ts';
import type { Status } from '../controller/audit/judgement.ts';

export interface AuditSummary {
  readonly ingresses: number;
  readonly served: number;
  readonly values: Readonly<Record<Status, number>>;
  readonly errors: number;
  /** Refused and unknown values count, and paths that match what nobody would expect. */
  readonly warnings: number;
}

/** Counts what an audit found. */
export function summarise({ objects, findings }: Audit): AuditSummary {
  const ingresses = objects.filter(({ kind }) => kind === 'Ingress');
  const values: Record<Status, number> = {
    honoured: 0,
    differs: 0,
    inert: 0,
    vain: 0,
    unusable: 0,
    refused: 0,
    unknown: 0,
  };
  for (const { values: audited } of objects) for (const { status } of audited) values[status]++;
  const all = [...findings, ...objects.flatMap((object) => object.findings)];
  const errors = all.filter(({ severity }) => severity === 'error').length;
  const quirks = objects.reduce((sum, object) => sum + object.quirks.length, 0);
  return {
    ingresses: ingresses.length,
    served: ingresses.filter(({ state }) => state === 'served').length,
    values,
    errors,
    warnings: all.length - errors + quirks + untold(objects),
  };
}

/** Refused and unknown values of which no finding tells. */
function untold(objects: readonly AuditedObject[]): number {
  return objects.reduce((sum, { kind, values, findings }) => {
    const told = new Set(findings.map(({ source }) => source.field));
    const isUntold = ({ name, status }: AuditedValue) =>
      (status === 'refused' || status === 'unknown') && !told.has(fieldOfValue(kind, name));
    return sum + values.filter(isUntold).length;
  }, 0);
}

/** A number with its word: `1 error`, `2 errors`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
