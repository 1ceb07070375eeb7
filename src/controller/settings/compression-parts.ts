import type { CodingName, CodingSettings, CompressionSettings } from '../../table/compression.ts';

/** What the keys say so far. */
export interface CompressionParts {
  readonly on: Set<CodingName>;
  readonly codings: Record<CodingName, CodingParts>;
  agentsWithoutGzip: string | undefined;
}

export type CodingParts = { -readonly [K in keyof Omit<CodingSettings, 'name'>]: CodingSettings[K] };

/** Of codings that a client takes equally, the first one counts. */
const ORDER: readonly CodingName[] = ['br', 'zstd', 'gzip'];

const TYPES: readonly string[] = [
  'application/atom+xml',
  'application/javascript',
  'application/x-javascript',
  'application/json',
  'application/rss+xml',
  'application/vnd.ms-fontobject',
  'application/x-font-ttf',
  'application/x-web-app-manifest+json',
  'application/xhtml+xml',
  'application/xml',
  'font/opentype',
  'image/svg+xml',
  'image/x-icon',
  'text/css',
  'text/javascript',
  'text/plain',
  'text/x-component',
];

/** ingress-nginx's defaults; those of zstd, which it does not have, are Serin's. */
export function defaultCompression(): CompressionParts {
  return {
    on: new Set(),
    codings: {
      br: { level: 4, minLength: 20, types: ['application/xml+rss', ...TYPES] },
      zstd: { level: 3, minLength: 256, types: TYPES },
      gzip: { level: 1, minLength: 256, types: TYPES },
    },
    agentsWithoutGzip: undefined,
  };
}

export function toCompression({ on, codings, agentsWithoutGzip }: CompressionParts): CompressionSettings {
  return {
    codings: ORDER.filter((name) => on.has(name)).map((name) => ({ name, ...codings[name] })),
    ...(agentsWithoutGzip === undefined ? {} : { agentsWithoutGzip }),
  };
}
