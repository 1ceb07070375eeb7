import { Reader, type Response } from 'mmdb-lib';
import { addressFamily } from './address-text.ts';

/** A value at the end of a path; lists and maps are none. */
export type MmdbValue = string | number | bigint | boolean;

/** What a database tells of one address. */
export type MmdbRecord = Readonly<Record<string, unknown>>;

/** A database that cannot be read says what is wrong with it. */
export type MmdbOpened =
  | { readonly ok: true; readonly database: Mmdb }
  | { readonly ok: false; readonly problem: string };

/** Between the tree and the data. */
const SEPARATOR_BYTES = 16;
/** Of a text, which would stand in every line of a log. */
const TEXT_MAX = 1024;

/** A database in MaxMind's format (https://maxmind.github.io/MaxMind-DB/). */
export class Mmdb {
  readonly #reader: Reader<Response>;

  /** Use `openMmdb`. */
  constructor(reader: Reader<Response>) {
    this.#reader = reader;
  }

  /** The record of an address; undefined: there is none, it is malformed, or that is no address. */
  find(address: string): MmdbRecord | undefined {
    const family = addressFamily(address);
    if (family === 0 || (family === 6 && this.#reader.metadata.ipVersion === 4)) return undefined;
    try {
      return (this.#reader.get(address) as MmdbRecord | null) ?? undefined;
    } catch {
      return undefined;
    }
  }
}

/** Opens a database that is wholly in memory; its bytes are kept and may be shared. Never throws. */
export function openMmdb(bytes: Buffer): MmdbOpened {
  try {
    const reader = new Reader<Response>(bytes);
    const { binaryFormatMajorVersion: format, ipVersion, searchTreeSize } = reader.metadata;
    if (format !== 2) return { ok: false, problem: `it is of format ${format}, not 2` };
    if (ipVersion !== 4 && ipVersion !== 6) return { ok: false, problem: `IP version ${ipVersion}` };
    if (!(searchTreeSize + SEPARATOR_BYTES <= bytes.length))
      return { ok: false, problem: 'it is shorter than its tree' };
    return { ok: true, database: new Mmdb(reader) };
  } catch (error) {
    return { ok: false, problem: (error as Error).message };
  }
}

/** What a path leads to in a record; undefined: nothing, or no single value. Text has one character per byte of its UTF-8. */
export function valueAt(record: unknown, path: readonly (string | number)[]): MmdbValue | undefined {
  let value = record;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  if (typeof value === 'string' && value.length > TEXT_MAX) return undefined;
  if (typeof value === 'string') return Buffer.from(value, 'utf8').toString('latin1');
  return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? value
    : undefined;
}
