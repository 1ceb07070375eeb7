import { isMap, isNode, isSeq, parseAllDocuments, type Document } from 'yaml';
import type { Finding, FindingReason } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import type { ClusterObject, Kind } from '../store/objects.ts';
import { readObject } from '../store/read-object.ts';
import { isRecord, showValue, valueOf } from '../store/read-values.ts';

/** What one manifest file holds. */
export interface Manifest {
  readonly objects: readonly ManifestObject[];
  readonly findings: readonly Finding[];
}

export interface ManifestObject {
  readonly object: ClusterObject;
  /** Line of its document, or of the item of a list. */
  readonly line: number;
}

export type ParsedManifest =
  | ({ readonly ok: true } & Manifest)
  /** Not YAML: nothing of the file counts. */
  | { readonly ok: false; readonly line: number; readonly problem: string };

const API_VERSIONS: Readonly<Record<Kind, string>> = {
  Ingress: 'networking.k8s.io/v1',
  IngressClass: 'networking.k8s.io/v1',
  Service: 'v1',
  EndpointSlice: 'discovery.k8s.io/v1',
  Endpoints: 'v1',
  Secret: 'v1',
  ConfigMap: 'v1',
  Namespace: 'v1',
};

/** Groups in which the kinds above once lived; the same kinds of other groups are other things. */
const FORMER_GROUPS = /^(?:extensions|networking\.k8s\.io|discovery\.k8s\.io)\//;

/**
 * Reads the objects of a manifest text: documents of YAML or JSON, and `List` kinds. `order` comes before the place in the
 * file and ranks files. Kinds that Serin does not read are passed over. Never throws.
 */
export function parseManifest(text: string, file: string, order: string): ParsedManifest {
  const objects: ManifestObject[] = [];
  const findings: Finding[] = [];
  const lineAt = createLineIndex(text);
  try {
    const documents = parseAllDocuments(text, { merge: true, prettyErrors: true, logLevel: 'silent' });
    if (!Array.isArray(documents)) return { ok: true, objects, findings };
    for (const document of documents) {
      const error = document.errors[0];
      if (error !== undefined) {
        const line = error.linePos?.[0].line ?? lineAt(error.pos[0]);
        return { ok: false, line, problem: firstLine(error.message) };
      }
    }
    let place = 0;
    for (const document of documents) {
      const line = lineAt(document.contents?.range?.[0] ?? document.range[0]);
      const offsets = itemOffsets(document);
      const raw: unknown = document.toJS();
      let index = 0;
      for (const item of flattenLists(raw)) {
        const offset = offsets[index++];
        const at = offset === undefined ? line : lineAt(offset);
        readItem(item, file, at, `${order}#${String(place++).padStart(6, '0')}`, objects, findings);
      }
    }
  } catch (error) {
    // Aliases that would grow beyond measure, and whatever else the parser gives up on.
    return { ok: false, line: 1, problem: firstLine(error instanceof Error ? error.message : String(error)) };
  }
  return { ok: true, objects, findings };
}

/** Where a manifest file is, for findings. */
export function sourceOfFile(file: string, line: number): SourceRef {
  return { kind: 'File', namespace: '', name: file, field: `line ${line}` };
}

/** Where the items of a list begin; empty for what is no list. */
function itemOffsets({ contents }: Document.Parsed): (number | undefined)[] {
  const items = isMap(contents) ? contents.get('items', true) : undefined;
  return isSeq(items) ? items.items.map((item) => (isNode(item) ? item.range?.[0] : undefined)) : [];
}

function* flattenLists(raw: unknown): Generator<unknown> {
  if (raw === null || raw === undefined) return;
  const items = isRecord(raw) ? valueOf(raw, 'items') : undefined;
  const kind = isRecord(raw) ? valueOf(raw, 'kind') : undefined;
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) {
    // Items of a typed list may leave their kind out.
    const itemKind = kind.slice(0, -'List'.length);
    const apiVersion = valueOf(raw as Record<string, unknown>, 'apiVersion');
    for (const item of items) {
      const isBare = itemKind !== '' && isRecord(item) && valueOf(item, 'kind') === undefined;
      yield isBare ? { ...item, kind: itemKind, apiVersion } : item;
    }
  } else yield raw;
}

function readItem(
  raw: unknown,
  file: string,
  line: number,
  order: string,
  objects: ManifestObject[],
  findings: Finding[],
): void {
  const report = (reason: FindingReason, value: string, problem: string, consequence: string) =>
    findings.push({
      reason,
      severity: 'warning',
      source: sourceOfFile(file, line),
      value,
      problem,
      consequence,
    });
  const consequence = 'the object is ignored';
  const kind = isRecord(raw) ? valueOf(raw, 'kind') : undefined;
  if (!isRecord(raw) || typeof kind !== 'string') {
    report('InvalidObject', '', 'is no Kubernetes object: it has no kind', consequence);
    return;
  }
  if (!isKind(kind)) return;
  const apiVersion = valueOf(raw, 'apiVersion');
  if (apiVersion !== API_VERSIONS[kind]) {
    if (typeof apiVersion === 'string' && !FORMER_GROUPS.test(apiVersion) && apiVersion.includes('/')) return;
    const problem = `is not ${API_VERSIONS[kind]}, the apiVersion of ${kind} that is read`;
    report('UnsupportedVersion', showValue(apiVersion), problem, consequence);
    return;
  }
  const result = readObject(kind, raw, { order });
  if (result.ok) objects.push({ object: result.object, line });
  else {
    const { field, value, problem } = result.problem;
    report('InvalidObject', value, `${kind} ${field} ${problem}`, result.problem.consequence);
  }
}

function isKind(kind: string): kind is Kind {
  return Object.hasOwn(API_VERSIONS, kind);
}

function firstLine(text: string): string {
  const line = text.split('\n', 1)[0]!;
  // The position is told by the finding's source.
  return `is not YAML: ${line.replace(/ at line \d+, column \d+:?$/, '')}`;
}

/** Line number (from 1) of an offset. */
function createLineIndex(text: string): (offset: number) => number {
  let line = 1;
  let reached = 0;
  return (offset) => {
    if (offset < reached) {
      line = 1;
      reached = 0;
    }
    for (let at = text.indexOf('\n', reached); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) {
      line++;
      reached = at + 1;
    }
    return line;
  };
}
