import type { GeoDatabase } from '../../table/geo.ts';

/** The file of a database of addresses, as read last. */
export interface GeoFile {
  /** What was read last and is sound; undefined: nothing yet. */
  readonly database: GeoDatabase | undefined;
  /** Why the file of now is not taken in; empty where it is. */
  readonly problem: string;
}
