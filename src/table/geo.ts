/** A database of addresses, read once and shared by all workers. */
export interface GeoDatabase {
  /** As --maxmind-edition-ids names it. */
  readonly edition: string;
  /** Counts what was read of files: another number, other bytes. */
  readonly version: number;
  readonly bytes: SharedArrayBuffer;
}
