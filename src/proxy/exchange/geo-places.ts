import { openMmdb, valueAt, type Mmdb, type MmdbRecord, type MmdbValue } from '../../lib/mmdb.ts';
import { GEO_EDITIONS, type GeoKind, type GeoVariable } from '../../lib/variables/geo.ts';
import type { GeoDatabase } from '../../table/geo.ts';

/** Addresses whose records a worker remembers, for each database. */
const REMEMBERED_MAX = 4096;

/** One database, with the records of the addresses that were asked for last. */
class Places {
  readonly kind: GeoKind;
  readonly #database: Mmdb;
  readonly #records = new Map<string, MmdbRecord | null>();

  constructor(kind: GeoKind, database: Mmdb) {
    this.kind = kind;
    this.#database = database;
  }

  read(address: string, { path }: GeoVariable): MmdbValue | undefined {
    let record = this.#records.get(address);
    if (record === undefined) {
      record = this.#database.find(address) ?? null;
      if (this.#records.size >= REMEMBERED_MAX) {
        for (const oldest of this.#records.keys()) {
          this.#records.delete(oldest);
          break;
        }
      }
      this.#records.set(address, record);
    }
    return valueAt(record, path);
  }
}

const opened = new WeakMap<readonly GeoDatabase[], readonly Places[]>();

/** What the databases of a table tell of an address; undefined: nothing. */
export function geoText(
  databases: readonly GeoDatabase[],
  variable: GeoVariable,
  address: string,
): string | undefined {
  if (databases.length === 0) return undefined;
  let all = opened.get(databases);
  if (all === undefined) opened.set(databases, (all = databases.flatMap(openPlaces)));
  for (let i = all.length - 1; i >= 0; i--) {
    const places = all[i]!;
    if (!variable.kinds.includes(places.kind)) continue;
    const value = places.read(address, variable);
    return value === undefined ? variable.fallback : toText(value, variable);
  }
  return undefined;
}

function openPlaces({ edition, bytes }: GeoDatabase): readonly Places[] {
  const kind = GEO_EDITIONS[edition];
  const read = openMmdb(Buffer.from(bytes));
  return kind !== undefined && read.ok ? [new Places(kind, read.database)] : [];
}

/** As nginx writes it. */
function toText(value: MmdbValue, { isFraction = false }: GeoVariable): string {
  if (typeof value === 'boolean') return value ? '1' : '0';
  return isFraction && typeof value === 'number' ? value.toFixed(5) : String(value);
}
