import { CATCH_ALL } from '../lib/catch-all.ts';
import type { RedactedBytes } from '../lib/redacted-bytes.ts';
import type { ConvertedPattern } from '../lib/pcre-outline.ts';
import type { RouteNames } from '../lib/variables/source.ts';
import type { CanaryPolicy, Policies } from '../model/policy.ts';
import type { Listener, Stream, TlsName } from '../model/ports.ts';
import type { DataPlaneSettings } from './settings.ts';
import type { StapleEntry } from './staple.ts';

/**
 * What workers run: compiled, sorted, digested, structured-cloneable. Texts of policies are bytes (lib/byte-text.ts), patterns aside. Endpoints are not in it: they travel by
 * themselves (`EndpointsDelta`), because pods come and go far more often than routes change.
 */
export interface RouteTable {
  readonly generation: number;
  readonly listeners: readonly Listener[];
  readonly streams: readonly Stream[];
  readonly hosts: readonly HostEntry[];
  readonly upstreams: readonly UpstreamEntry[];
  readonly certificates: readonly CertificateEntry[];
  readonly tls: TlsEntry;
  /** Sorted by certificate. */
  readonly staples: readonly StapleEntry[];
  readonly settings: DataPlaneSettings;
}

export interface HostEntry {
  /** `_`, exact, or `*.a.b` (one label, `[A-Za-z0-9_-]+`). */
  readonly name: string;
  readonly aliases: readonly string[];
  /** Changes when anything in this entry does; equal digests are linked once. */
  readonly digest: string;
  /** All routes are case-insensitive regexes, first match wins in the order given (docs/reference/routing.md §4). */
  readonly isRegex: boolean;
  /** Whether ssl-redirect applies to this name (a certificate entry exists); aliases listed apart. */
  readonly hasCertificate: boolean;
  readonly certificateNames: readonly string[];
  /** Its oldest Ingress; none of them: the controller itself made the host. */
  readonly first?: Pick<RouteNames, 'namespace' | 'ingress'>;
  readonly policies: Policies;
  /** Regex hosts: in matching order. Others: exact first, then prefixes, longest first. */
  readonly routes: readonly RouteEntry[];
}

/** The host that gets what no other one has, before a table says what it serves. */
export const EMPTY_CATCH_ALL: HostEntry = {
  name: CATCH_ALL,
  aliases: [],
  digest: '',
  isRegex: false,
  hasCertificate: false,
  certificateNames: [],
  policies: {},
  routes: [],
};

export interface RouteEntry {
  /** Stable: `<host>|<pathType>|<path>`. */
  readonly id: string;
  readonly match: PathMatch;
  /** Path text of the Ingress. */
  readonly path: string;
  readonly pathType: 'exact' | 'prefix';
  /** Upstream id; undefined: the built-in 404 of the default backend. */
  readonly upstreamId?: string;
  readonly canary?: CanaryEntry;
  /** With those that the core needs (`timeouts`, `body`, `retry`). */
  readonly policies: Policies;
  readonly deniedStatus?: 503 | 403;
  readonly labels: RouteNames;
  /** Answer 301 with a slash added: a request equal to the path less its last slash (docs/reference/routing.md §3). */
  readonly isSlashRedirected: boolean;
}

/** `exact`: equal. `prefix`: equal, or continued by `/` (a path ending in `/` is a plain prefix). `regex`: by the pattern, at the beginning. */
export type PathMatch =
  | { readonly kind: 'exact' | 'prefix'; readonly value: string }
  | {
      readonly kind: 'regex';
      /** As it was written. */
      readonly value: string;
      readonly pattern: ConvertedPattern;
    };

export interface CanaryEntry {
  readonly upstreamId: string;
  readonly policy: CanaryPolicy;
}

export interface UpstreamEntry {
  readonly id: string;
  readonly digest: string;
  readonly policies: Policies;
}

export interface CertificateEntry {
  readonly id: string;
  readonly certificate: string;
  readonly key: RedactedBytes;
}

export interface TlsEntry {
  /** Sorted by name. */
  readonly names: readonly TlsName[];
  readonly defaultCertificateId: string;
}

/** One address of an upstream. Its identity, `address:port`, carries state over table swaps. */
export interface EndpointEntry {
  readonly address: string;
  readonly port: number;
  readonly weight: number;
  /** False while terminating: existing sessions may finish, new ones go elsewhere. */
  readonly isReady: boolean;
}

export interface UpstreamEndpoints {
  readonly upstreamId: string;
  readonly endpoints: readonly EndpointEntry[];
}
