import type { Status } from '../controller/audit/judgement.ts';
import { fieldOfValue, printObject, type Audit, type AuditedObject } from '../controller/audit/audit.ts';
import { escapeControls } from '../lib/printable.ts';
import { findingMessage, printFinding, type FindingReason } from '../model/finding.ts';
import { count, summarise } from './audit-summary.ts';
import type { PlaceOf } from './audit-sarif.ts';

/** What a status is called in reports. */
export const STATUS_TITLES: Readonly<Record<Status, string>> = {
  honoured: 'honoured',
  differs: 'honoured differently',
  inert: 'taken, with nothing to set',
  vain: 'without effect where it stands',
  unusable: 'with a value that cannot be used',
  refused: 'not honoured',
  unknown: 'unknown',
};

/** Findings that say what the note of their value says. */
const OF_VALUES: ReadonlySet<string> = new Set<FindingReason>([
  'IneffectiveAnnotation',
  'InvalidAnnotation',
  'InvalidSetting',
  'UnknownAnnotation',
  'UnsupportedAnnotation',
  'UnsupportedSetting',
]);

/** The report for a terminal. */
export function renderText(audit: Audit, placeOf: PlaceOf): string {
  const lines: string[] = [];
  for (const object of audit.objects) lines.push(...objectLines(object, placeOf), '');
  for (const finding of audit.findings) lines.push(`${finding.severity}: ${printFinding(finding)}`);
  if (audit.findings.length > 0) lines.push('');
  for (const note of audit.notes) lines.push(`note: ${note}`);
  if (audit.notes.length > 0) lines.push('');
  const { ingresses, served, values, errors, warnings } = summarise(audit);
  const counted = (Object.keys(STATUS_TITLES) as Status[]).filter((status) => values[status] > 0);
  const counts = counted.map((status) => `${values[status]} ${STATUS_TITLES[status]}`).join(', ') || 'none';
  lines.push(
    `${count(ingresses, 'Ingress', 'Ingresses')}, ${served} served; values: ${counts}; ${count(errors, 'error')}, ${count(warnings, 'warning')}.`,
  );
  if (errors + warnings > 0) lines.push('`serin check --explain CODE` says what a code means.');
  return lines.join('\n');
}

function objectLines(object: AuditedObject, placeOf: PlaceOf): string[] {
  const { kind, state, why, hosts, values, findings, quirks } = object;
  const place = placeOf(object);
  const at = place === undefined ? '' : ` (${place.file}:${place.line})`;
  const what =
    kind === 'ConfigMap'
      ? 'the settings'
      : state === 'served'
        ? hosts.join(', ') || '*'
        : `not served: ${why}`;
  const lines = [escapeControls(`${printObject(object)}${at}: ${what}`)];
  for (const status of Object.keys(STATUS_TITLES) as Status[]) {
    const some = values.filter((value) => value.status === status);
    if (some.length === 0) continue;
    if (status === 'honoured') {
      lines.push(`  ${STATUS_TITLES[status]}: ${some.map(({ name }) => name).join(', ')}`);
      continue;
    }
    lines.push(`  ${STATUS_TITLES[status]}:`);
    for (const { name, note } of some)
      lines.push(escapeControls(`    ${name}${note === '' ? '' : `: ${note}`}`));
  }
  for (const { code, host, path, text } of quirks)
    lines.push(escapeControls(`  note ${code}: ${host} ${path} ${text}`));
  const told = new Set(values.filter(({ note }) => note !== '').map(({ name }) => fieldOfValue(kind, name)));
  for (const finding of findings) {
    const isTold =
      finding.severity === 'warning' && OF_VALUES.has(finding.reason) && told.has(finding.source.field ?? '');
    if (!isTold) lines.push(`  ${finding.severity} ${finding.reason}: ${findingMessage(finding)}`);
  }
  return lines;
}
