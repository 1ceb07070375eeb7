import type { RedactedBytes } from '../lib/redacted-bytes.ts';
import type { RouteNames } from '../lib/variables/source.ts';
import type { CanaryPolicy, Policies } from './policy.ts';
import type { Listener, Stream, TlsName } from './ports.ts';
import type { SourceRef } from './source.ts';

/** What the cluster's authors asked for, in operators' words. Sorted, plain, with provenance; knows no annotations. */
export interface Model {
  /** Names of their own. */
  readonly listeners: readonly ListenerModel[];
  readonly streams: readonly StreamModel[];
  /** Sorted by name. */
  readonly tlsNames: readonly TlsName[];
  readonly hosts: readonly HostModel[];
  readonly upstreams: readonly UpstreamModel[];
  readonly certificates: readonly CertificateModel[];
  /** Id of the certificate served for unknown names. */
  readonly defaultCertificateId: string;
}

export type ListenerModel = Listener & { readonly source: SourceRef };
export type StreamModel = Stream & { readonly source: SourceRef };

export interface HostModel {
  /** Host as written, lower case; `_` is the catch-all; `*.a.b` is one label deep. */
  readonly name: string;
  /** Further names (server-alias): exact, nginx wildcards or `~regex`. */
  readonly aliases: readonly string[];
  /** Certificate for SNI of this host; undefined when no Ingress of the host has spec.tls. */
  readonly certificateId?: string;
  /** Aliases that certificate covers. */
  readonly certificateNames: readonly string[];
  /** Host-scoped policies (app-root, auth-tls). */
  readonly policies: Policies;
  readonly routes: readonly RouteModel[];
  readonly source: SourceRef;
}

export interface RouteModel {
  /** Path as its author wrote it; `/` when empty. */
  readonly path: string;
  /** What its author said of it; ImplementationSpecific has become prefix (docs/reference/routing.md §1). */
  readonly pathType: 'exact' | 'prefix';
  /** The requests it takes. */
  readonly match: RouteMatch;
  /** A request for its path less the last slash is redirected to it (docs/reference/routing.md §3). */
  readonly isSlashRedirected: boolean;
  /** True for the implicit `/` a host has from its first Ingress. */
  readonly isImplicit: boolean;
  /** Undefined: the built-in 404. */
  readonly backend?: Split;
  readonly policies: Policies;
  /** Answer instead of serving: 503 for a denied Ingress. */
  readonly deniedStatus?: 503 | 403;
  /** For metrics, logs, and explain. */
  readonly labels: RouteNames;
  readonly source: SourceRef;
}

/** All that is given must hold. Compilation leaves out what asks for more than a path, as no router looks at that yet. */
export interface RouteMatch {
  readonly path: PathRule;
  readonly method?: string;
  readonly headers?: readonly ValueRule[];
  readonly query?: readonly ValueRule[];
}

/**
 * `exact`: equal. `prefix`: equal, or continued by `/`. `regex`: a PCRE, at the beginning, without regard to case. The routes of a host
 * are all regexes, or none is.
 */
export interface PathRule {
  readonly kind: 'exact' | 'prefix' | 'regex';
  readonly value: string;
}

/** Value of a header or a parameter of the query. */
export interface ValueRule {
  readonly name: string;
  readonly kind: 'exact' | 'regex';
  readonly value: string;
}

/** Where the requests of a route go. */
export type Split =
  | { readonly kind: 'one'; readonly upstreamId: string }
  /** The first canary decides; the others are told as findings. */
  | {
      readonly kind: 'canary';
      readonly upstreamId: string;
      readonly canaries: readonly [CanaryModel, ...CanaryModel[]];
    }
  /** Shares of the sum of all weights. Nothing asks for it yet, and compilation leaves the route out. */
  | { readonly kind: 'weighted'; readonly parts: readonly WeightedPart[] };

export interface WeightedPart {
  readonly upstreamId: string;
  readonly weight: number;
}

export interface CanaryModel {
  readonly upstreamId: string;
  readonly policy: CanaryPolicy;
  readonly source: SourceRef;
}

export interface UpstreamModel {
  /**
   * `<namespace>-<service>-<port as in the Ingress>`; `upstream-default-backend` for the global one; `<service>.<namespace>.svc:<port>`
   * or `<host>:<port>` for an address that annotations name; `tcp/`, `udp/` or `passthrough/<namespace>/<service>:<port>` for a stream.
   */
  readonly id: string;
  readonly namespace: string;
  readonly service: string;
  /** Name or IP address of kind `host`. */
  readonly host?: string;
  /** Port as text in the Ingress: `80` or `http`. */
  readonly port: string;
  /** `pods`: ready Pods of a headless Service, on the very port. `host`: no Service, but a host of DNS or an address. */
  readonly kind: 'endpoints' | 'cluster-ip' | 'external-name' | 'pods' | 'host';
  /** Of what bytes, not requests, go to: the port is a number or a name of that protocol, and no targetPort. */
  readonly streamProtocol?: 'TCP' | 'UDP';
  readonly policies: Policies;
  readonly source: SourceRef;
}

export interface CertificateModel {
  /** Digest of certificate and key. */
  readonly id: string;
  /** PEM chain as given. */
  readonly certificate: string;
  /** PEM key; never printed. */
  readonly key: RedactedBytes;
  readonly source: SourceRef;
  /** Facts for metrics and findings. */
  readonly facts: CertificateFacts;
}

export interface CertificateFacts {
  /** Subject alternative names, lower case; the common name where there are none. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Decimal. */
  readonly serial: string;
  /** Attribute serialNumber of the issuer's name, which few have; the label `identifier` is this, a dash, and `serial`. */
  readonly issuerSerialNumber?: string;
  readonly issuerCommonName: string;
  readonly issuerOrganization: string;
  readonly publicKeyAlgorithm: string;
}
