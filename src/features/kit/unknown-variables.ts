import { unknownNames } from '../../lib/variables/template.ts';
import type { TranslateContext } from './feature.ts';

/** Says which `$names` in an annotation's value are no variables, and what becomes of them. */
export function reportUnknownVariables(
  context: TranslateContext,
  key: string,
  value: string | undefined,
): void {
  if (value === undefined || !value.includes('$')) return;
  const { findings, source, hasGroup } = context;
  const unknown = unknownNames(value, hasGroup);
  if (unknown.length === 0) return;
  findings.warn(source, 'UnknownVariable', {
    field: `metadata.annotations[${key}]`,
    value,
    problem: `has variables that Serin does not know: ${unknown.map((name) => `$${name}`).join(', ')}`,
    consequence: 'they are filled in with nothing',
  });
}
