import type { ObjectMeta, ReadProblem } from './objects.ts';
import { isRecord, readRecord, report, valueOf, type RawRecord, type Reading } from './read-values.ts';

/** The object, or why it is none: it has no name, or is no object at all. */
export type ReadResult<T> =
  | { readonly ok: true; readonly object: T }
  | { readonly ok: false; readonly problem: ReadProblem };

export interface ReadOptions {
  /** Place among objects without a timestamp: file and document. */
  readonly order?: string;
}

export interface ReadStart extends Reading {
  readonly raw: RawRecord;
  readonly metadata: RawRecord;
  readonly meta: Omit<ObjectMeta, 'problems'>;
}

/** Reads what every kind has, then lets `body` read the rest. Never throws. */
export function readObjectWith<T>(
  raw: unknown,
  isNamespaced: boolean,
  options: ReadOptions | undefined,
  body: (start: ReadStart) => T,
): ReadResult<T> {
  const consequence = 'the object is ignored';
  if (!isRecord(raw)) return refuse('', raw, 'is not an object', consequence);
  const rawMetadata = valueOf(raw, 'metadata');
  if (!isRecord(rawMetadata)) return refuse('metadata', rawMetadata, 'is not an object', consequence);
  const name = valueOf(rawMetadata, 'name');
  if (typeof name !== 'string' || name === '') {
    return refuse('metadata.name', name, name === undefined ? 'is missing' : 'is not a name', consequence);
  }
  const namespace = valueOf(rawMetadata, 'namespace') ?? (isNamespaced ? 'default' : '');
  if (typeof namespace !== 'string') {
    return refuse('metadata.namespace', namespace, 'is not a string', consequence);
  }
  const uid = valueOf(rawMetadata, 'uid');
  const problems: ReadProblem[] = [];
  const reading = { problems };
  const meta: Omit<ObjectMeta, 'problems'> = {
    namespace: isNamespaced ? namespace || 'default' : '',
    name,
    uid: typeof uid === 'string' ? uid : '',
    createdMs: readTime(reading, valueOf(rawMetadata, 'creationTimestamp')),
    order: options?.order ?? '',
  };
  return { ok: true, object: body({ raw, metadata: rawMetadata, meta, problems }) };
}

/** spec of an object; empty when absent. */
export function specOf(start: ReadStart): RawRecord {
  return readRecord(start, valueOf(start.raw, 'spec'), 'spec', 'it counts as empty');
}

function readTime(reading: Reading, raw: unknown): number | undefined {
  if (raw === undefined || raw === null) return undefined;
  const timeMs = raw instanceof Date ? raw.getTime() : typeof raw === 'string' ? Date.parse(raw) : Number.NaN;
  if (!Number.isNaN(timeMs)) return timeMs;
  const consequence = 'the object counts as younger than all others';
  report(reading, 'metadata.creationTimestamp', raw, 'is not a time', consequence);
  return undefined;
}

function refuse(
  field: string,
  raw: unknown,
  problem: string,
  consequence: string,
): { ok: false; problem: ReadProblem } {
  // The value may be a Secret's text: only its type is told.
  const value =
    typeof raw === 'string' || raw === undefined ? '' : Array.isArray(raw) ? 'a list' : typeof raw;
  return { ok: false, problem: { field, value, problem, consequence } };
}
