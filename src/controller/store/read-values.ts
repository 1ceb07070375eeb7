import type { ReadProblem } from './objects.ts';

/** Raw JSON or YAML of one object under reading, with the problems found so far. */
export interface Reading {
  readonly problems: ReadProblem[];
}

export type RawRecord = { readonly [key: string]: unknown };

const EMPTY: RawRecord = Object.freeze({});
const SHOWN_CHARACTERS = 120;

/** True for a JSON object. */
export function isRecord(raw: unknown): raw is RawRecord {
  return typeof raw === 'object' && raw !== null && !Array.isArray(raw);
}

/** Own property of a record; nothing inherited, so `__proto__` and `constructor` are ordinary names. */
export function valueOf(record: RawRecord, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}

/** What was written, as text fit for a message. Never throws. */
export function showValue(raw: unknown): string {
  if (raw === undefined) return '';
  let text: string | undefined;
  try {
    text = typeof raw === 'string' ? raw : JSON.stringify(raw);
  } catch {
    text = undefined; // a cycle made by YAML aliases, or a big integer
  }
  text ??= typeof raw === 'object' ? '(unprintable)' : String(raw);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

/** Adds a problem. */
export function report(
  reading: Reading,
  field: string,
  raw: unknown,
  problem: string,
  consequence: string,
): void {
  reading.problems.push({ field, value: showValue(raw), problem, consequence });
}

/** A record; absent is an empty one, anything else is reported and empty. */
export function readRecord(reading: Reading, raw: unknown, field: string, consequence: string): RawRecord {
  if (raw === undefined || raw === null) return EMPTY;
  if (isRecord(raw)) return raw;
  report(reading, field, raw, 'is not an object', consequence);
  return EMPTY;
}

/** A list; absent is an empty one, anything else is reported and empty. */
export function readList(
  reading: Reading,
  raw: unknown,
  field: string,
  consequence: string,
): readonly unknown[] {
  if (raw === undefined || raw === null) return [];
  if (Array.isArray(raw)) return raw;
  report(reading, field, raw, 'is not a list', consequence);
  return [];
}

/** A string; absent is the fallback, anything else is reported and the fallback. */
export function readString(
  reading: Reading,
  raw: unknown,
  field: string,
  consequence: string,
  fallback = '',
): string {
  if (raw === undefined || raw === null) return fallback;
  if (typeof raw === 'string') return raw;
  report(reading, field, raw, 'is not a string', consequence);
  return fallback;
}

/** A boolean; absent is the fallback, anything else is reported and the fallback. */
export function readBoolean(
  reading: Reading,
  raw: unknown,
  field: string,
  consequence: string,
  fallback: boolean,
): boolean {
  if (raw === undefined || raw === null) return fallback;
  if (typeof raw === 'boolean') return raw;
  report(reading, field, raw, 'is not a boolean', consequence);
  return fallback;
}

/** The same list without the room to grow that V8 gives what is pushed to, 16 places: of those that are kept there are thousands. */
export function withoutRoom<T>(list: readonly T[]): readonly T[] {
  return list.slice();
}

/** True for a whole number from 1 to 65535. */
export function isPortNumber(raw: unknown): raw is number {
  return typeof raw === 'number' && Number.isInteger(raw) && raw >= 1 && raw <= 65_535;
}

/** The strings of a list; items that are none are reported and left out. */
export function readStrings(
  reading: Reading,
  raw: unknown,
  field: string,
  consequence: string,
): readonly string[] {
  const strings: string[] = [];
  for (const [index, item] of readList(reading, raw, field, consequence).entries()) {
    if (typeof item === 'string') strings.push(item);
    else report(reading, `${field}[${index}]`, item, 'is not a string', consequence);
  }
  return withoutRoom(strings);
}

/**
 * A map of strings. A value of another type is reported and its text used, so that a protection written as a bare YAML
 * number or list is judged by its parser and not dropped.
 */
export function readTexts(reading: Reading, raw: unknown, field: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const [key, value] of Object.entries(readRecord(reading, raw, field, 'it is ignored'))) {
    if (typeof value === 'string') {
      texts.set(key, value);
      continue;
    }
    const text = value === null || value === undefined ? '' : showValue(value);
    texts.set(key, text);
    if (value === null || value === undefined) continue;
    report(reading, `${field}[${key}]`, value, 'is not a string', 'its text is used; put it in quotes');
  }
  return texts;
}
