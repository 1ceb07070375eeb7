import { printObject, type Audit, type AuditedObject } from '../controller/audit/audit.ts';
import { EXPLANATIONS, type AuditCode } from '../controller/audit/explanations.ts';
import { findingMessage, printFinding, type Finding } from '../model/finding.ts';

/** Where an object was read; undefined: in a cluster. */
export type PlaceOf = (object: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}) => { readonly file: string; readonly line: number } | undefined;

interface Result {
  readonly code: AuditCode;
  readonly level: 'error' | 'warning' | 'note';
  readonly text: string;
  readonly object: { readonly kind: string; readonly namespace: string; readonly name: string };
}

/** SARIF 2.1.0, which code hosts show beside the lines. */
export function renderSarif(audit: Audit, placeOf: PlaceOf, version: string): string {
  const results = [...audit.objects.flatMap(resultsOf), ...audit.findings.map(ofFinding)];
  const codes = [...new Set(results.map(({ code }) => code))].toSorted();
  return JSON.stringify(
    {
      $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
      version: '2.1.0',
      runs: [
        {
          tool: {
            driver: {
              name: 'serin check',
              version,
              rules: codes.map((id) => ({ id, shortDescription: { text: EXPLANATIONS[id] } })),
            },
          },
          results: results.map(({ code, level, text, object }) => ({
            ruleId: code,
            ruleIndex: codes.indexOf(code),
            level,
            message: { text: `${printObject(object)}: ${text}` },
            locations: [locationOf(object, placeOf)],
          })),
        },
      ],
    },
    null,
    2,
  );
}

function resultsOf(object: AuditedObject): Result[] {
  const quirks = object.quirks.map(({ code, host, path, text }): Result => ({
    code,
    level: 'note',
    text: `${host} ${path} ${text}`,
    object,
  }));
  return [...quirks, ...object.findings.map(ofFinding)];
}

function ofFinding(finding: Finding): Result {
  const { reason, severity, source } = finding;
  const text = source.kind === 'File' ? printFinding(finding) : findingMessage(finding);
  return { code: reason, level: severity, text, object: source };
}

function locationOf(object: Result['object'], placeOf: PlaceOf): object {
  const place = object.kind === 'File' ? { file: object.name, line: 1 } : placeOf(object);
  const logicalLocations = [{ fullyQualifiedName: printObject(object), kind: 'object' }];
  if (place === undefined) return { logicalLocations };
  return {
    physicalLocation: { artifactLocation: { uri: place.file }, region: { startLine: place.line } },
    logicalLocations,
  };
}
