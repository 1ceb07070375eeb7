/** A content coding that responses may be compressed with. */
export interface CodingSettings {
  readonly name: CodingName;
  readonly level: number;
  /** Bodies that are declared shorter are left alone. */
  readonly minLength: number;
  /** Media types, in lower case; `*`: all. text/html counts whatever is listed. */
  readonly types: readonly string[];
}

/** As it stands in Content-Encoding. */
export type CodingName = 'br' | 'zstd' | 'gzip';

/** What the ConfigMap says of compression. */
export interface CompressionSettings {
  /** Those that are on, the one that counts among equals first. */
  readonly codings: readonly CodingSettings[];
  /** Clients that get no gzip: an item as of nginx's `map`, searched in User-Agent. */
  readonly agentsWithoutGzip?: string;
}

export const NO_COMPRESSION: CompressionSettings = { codings: [] };
