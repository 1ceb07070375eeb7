import type { AnnotationSpec, AnnotationSpecs, Feature, Vain } from './kit/feature.ts';
import { onOff, seconds, size } from './kit/values.ts';

const ON_INVALID = {
  drop: 'the Ingress is not taken in; its last accepted form keeps serving',
  deny: 'the routes of the Ingress answer 503',
  default: 'the default',
  group: 'all annotations of this table are ignored',
} as const;

// oxlint-disable-next-line no-explicit-any -- each feature has value and policy types of its own
type AnyFeature = Feature<any, any>;

/** Renders docs/annotations.md from the features, and from what is known of the annotations that none defines. */
export function renderAnnotationsDoc(
  features: readonly AnyFeature[],
  known: ReadonlyMap<string, { readonly consequence: string }>,
): string {
  const defined = new Set<string>();
  for (const { annotations } of features) {
    for (const [name, spec] of Object.entries(annotations) as [string, AnnotationSpec<unknown>][]) {
      for (const one of [name, ...(spec.aliases ?? [])]) defined.add(one);
    }
  }
  const unsupported = [...known].filter(([name]) => !defined.has(name));
  const lines = [
    '# Annotations',
    '',
    'Made from the features (`src/features/`); `UPDATE_DOCS=1 npx vitest run src/features test/docs` writes it anew. All names stand under the prefix',
    '`nginx.ingress.kubernetes.io/`. Values and meanings are ingress-nginx’s; [differences.md](differences.md) has what is not. A value that cannot be',
    'read is an Event on the Ingress, and does what the last column says.',
    '',
  ];
  for (const feature of features) {
    const rows = Object.entries(feature.annotations) as [string, AnnotationSpec<unknown>][];
    const keys = Object.entries(feature.configMapKeys ?? {});
    if (rows.length + keys.length === 0) continue;
    lines.push(`## ${feature.name}`, '', feature.doc, '');
    if (rows.length > 0)
      lines.push(
        '| annotation | meaning | default | a bad value | unlike ingress-nginx |',
        '| --- | --- | --- | --- | --- |',
      );
    for (const [name, spec] of rows) {
      const names = [name, ...(spec.aliases ?? [])].map((one) => `\`${one}\``).join(', ');
      lines.push(
        `| ${names} | ${cell(spec.doc)} | ${defaultText(spec)} | ${badValueText(spec)} | ${cell(spec.difference ?? '')} |`,
      );
    }
    const vain = (feature.vain ?? []) as readonly Vain<AnnotationSpecs>[];
    if (rows.length > 0 && vain.length > 0) lines.push('');
    if (vain.length > 0) lines.push('An Event says where an annotation has no effect:', '');
    for (const { of, problem, isOfPlainHosts } of vain) {
      const names = of.map((one) => `\`${one}\``).join(', ');
      lines.push(`- ${names}: ${problem}${isOfPlainHosts === true ? ' …' : ''}.`);
    }
    if (rows.length + vain.length > 0 && keys.length > 0) lines.push('');
    if (keys.length > 0) lines.push('ConfigMap keys:', '');
    for (const [key, of] of keys) lines.push(`- \`${key}\`: ${typeof of === 'string' ? of : of.doc}`);
    lines.push('');
  }
  lines.push(
    '## Known to ingress-nginx, not honoured by Serin',
    '',
    'Each is an Event on its Ingress, an error where it was to protect something. The route is served without it.',
    '',
    '| annotation | what happens |',
    '| --- | --- |',
    ...unsupported.map(([name, { consequence }]) => `| \`${name}\` | ${cell(consequence)} |`),
    '',
  );
  return lines.join('\n');
}

function badValueText({ onInvalid, ifInvalid }: AnnotationSpec<unknown>): string {
  return ifInvalid === undefined ? ON_INVALID[onInvalid] : `\`${String(ifInvalid)}\``;
}

function defaultText({ parse, fallback, configMapKey }: AnnotationSpec<unknown>): string {
  const shown = fallback === undefined ? '' : asWritten(parse, fallback);
  const key = configMapKey === undefined ? '' : `ConfigMap \`${configMapKey}\``;
  if (shown === '') return key;
  return key === '' ? `\`${shown}\`` : `${key}, else \`${shown}\``;
}

/** A value as somebody would write it in a manifest. */
function asWritten(parse: unknown, value: unknown): string {
  if (parse === seconds) return String(Number(value) / 1_000);
  if (parse === onOff) return value === true ? 'on' : 'off';
  if (parse === size) return sizeText(Number(value));
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  // What has parts is said in the text.
  return items.some((item) => typeof item === 'object') ? '' : items.join(' ');
}

function sizeText(bytes: number): string {
  if (bytes > 0 && bytes % 1_048_576 === 0) return `${bytes / 1_048_576}m`;
  return bytes > 0 && bytes % 1_024 === 0 ? `${bytes / 1_024}k` : String(bytes);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
