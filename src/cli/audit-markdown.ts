import { printObject, type Audit, type AuditedObject } from '../controller/audit/audit.ts';
import { escapeControls } from '../lib/printable.ts';
import { findingMessage, printFinding } from '../model/finding.ts';
import { count, summarise } from './audit-summary.ts';
import { STATUS_TITLES } from './audit-text.ts';

/** The report for a pull request or a page. */
export function renderMarkdown(audit: Audit): string {
  const { ingresses, served, values, errors, warnings } = summarise(audit);
  const lines = [
    '# What Serin makes of it',
    '',
    `${count(ingresses, 'Ingress', 'Ingresses')}, ${served} of them served. ${count(errors, 'error')}, ${count(warnings, 'warning')}.`,
    '',
    '| status | values |',
    '| --- | --- |',
    ...Object.entries(values).map(
      ([status, count]) => `| ${STATUS_TITLES[status as keyof typeof values]} | ${count} |`,
    ),
    '',
    ...audit.notes.flatMap((note) => [`> ${note}`, '']),
  ];
  for (const object of audit.objects) lines.push(...section(object), '');
  if (audit.findings.length > 0) {
    lines.push(
      '## Elsewhere',
      '',
      ...audit.findings.map((finding) => `- **${finding.severity}** ${cell(printFinding(finding))}`),
    );
  }
  return lines.join('\n').trimEnd();
}

function section(object: AuditedObject): string[] {
  const { state, why, hosts, values, findings, quirks, kind } = object;
  const lines = [`## ${cell(printObject(object))}`, ''];
  if (kind === 'Ingress') {
    lines.push(
      state === 'served' ? `Served on ${cell(hosts.join(', ') || '*')}.` : `Not served: ${cell(why)}.`,
      '',
    );
  }
  if (values.length > 0) {
    lines.push('| name | status | |', '| --- | --- | --- |');
    for (const { name, status, note } of values)
      lines.push(`| \`${cell(name)}\` | ${STATUS_TITLES[status]} | ${cell(note)} |`);
    lines.push('');
  }
  for (const { code, host, path, text } of quirks)
    lines.push(`- \`${code}\` ${cell(`${host} ${path} ${text}`)}`);
  for (const finding of findings)
    lines.push(`- **${finding.severity}** \`${finding.reason}\` ${cell(findingMessage(finding))}`);
  return lines;
}

/** Text of somebody's manifest within a table: no markup, no new cell, no new line. */
function cell(text: string): string {
  return escapeControls(text).replace(/[|<>`*_[\]\\]/g, (char) => `\\${char}`);
}
