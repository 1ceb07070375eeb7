import { stringify } from 'yaml';
import type { Finding } from './finding.ts';
import type { Model } from './model.ts';
import { modelToPlain, type PrintOptions } from './print.ts';
import { printSource } from './source.ts';

/** Prints a model as canonical YAML: the same model gives the same text. Keys and other secrets are not in it. */
export function printModel(model: Model, options: PrintOptions = {}): string {
  return toYaml(modelToPlain(model, options));
}

/** Prints findings as canonical YAML. */
export function printFindings(findings: readonly Finding[]): string {
  return toYaml(
    findings.map(({ reason, severity, source, value, problem, consequence }) => ({
      reason,
      severity,
      source: printSource(source),
      ...(value === '' ? {} : { value }),
      problem,
      consequence,
    })),
  );
}

function toYaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}
