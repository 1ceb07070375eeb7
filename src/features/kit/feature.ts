import type { RedactedBytes } from '../../lib/redacted-bytes.ts';
import type { PublicJwk } from '../../lib/key-set.ts';
import type { Findings } from '../../model/finding.ts';
import type { SourceRef } from '../../model/source.ts';
import type { UpstreamAddress } from './upstream-address.ts';
import type { Parsed } from './parsed.ts';
import type { Place } from './place.ts';
import type { CanaryDecision, Filter, FilterContext } from './filter.ts';

/** Parses one annotation or ConfigMap value. Never throws. */
export type Parser<T> = (raw: string) => Parsed<T>;

export type Risk = 'low' | 'medium' | 'high' | 'critical';

/**
 * What a value that cannot be parsed does (docs/reference/annotations.md §0.3). `drop`: the Ingress is not taken in, its last accepted
 * form keeps serving. `deny`: its routes answer 503. `default`: only this value. `group`: the whole feature as if absent.
 */
export type OnInvalid = 'drop' | 'deny' | 'default' | 'group';

export interface AnnotationSpec<T> {
  readonly parse: Parser<T>;
  /** In place of `parse` with --enable-annotation-validation=false: of text that is expanded or sent, and nothing else. */
  readonly parseUnchecked?: Parser<T>;
  readonly risk: Risk;
  readonly onInvalid: OnInvalid;
  /** Characters of the text that are read; a longer one cannot be parsed. Without it 4,096. */
  readonly maxLength?: number;
  /** One sentence for docs/annotations.md. */
  readonly doc: string;
  /** Older names, consulted when the canonical one is absent or empty. */
  readonly aliases?: readonly string[];
  /** ConfigMap key that gives the default; its text is parsed by the same parser. */
  readonly configMapKey?: string;
  /** Value when neither annotation nor ConfigMap gives one; undefined is allowed. */
  readonly fallback?: T;
  /** With `onInvalid: 'default'`: the value in place of one that cannot be parsed, where that is not the default. */
  readonly ifInvalid?: T;
  /** It protects something: where it has no effect, that is an error. */
  readonly isProtection?: boolean;
  /** How it is honoured differently from ingress-nginx, in one sentence without a full stop; docs/differences.md says more. */
  readonly difference?: string;
  /** Taken, with nothing to set. */
  readonly isInert?: true;
}

/** Characters of an annotation that is one value, such as a pattern or a URL. */
export const VALUE_LENGTH_MAX = 4_096;
/** Characters of an annotation that is a list: as many as Kubernetes takes for all annotations of an object. */
export const LIST_LENGTH_MAX = 262_144;

export type AnnotationSpecs = { readonly [key: string]: AnnotationSpec<any> };

export type ValuesOf<S extends AnnotationSpecs> = {
  readonly [K in keyof S]: S[K] extends AnnotationSpec<infer T> ? T | undefined : never;
};

/**
 * Where a policy applies: `route`, each path of the Ingress; `host`, the whole host, first Ingress with one wins;
 * `upstream`, namespace/service:port, first Ingress referencing it wins.
 */
export type Scope = 'route' | 'host' | 'upstream';

/** What a feature may look up in the cluster while translating; every look-up is recorded as a dependency. */
export interface Lookup {
  /** Secret data, decoded; undefined when missing. Another namespace is refused (undefined) unless allowed by settings. */
  secret(namespace: string, name: string): ReadonlyMap<string, RedactedBytes> | undefined;
  /** Data of a ConfigMap of any namespace; undefined when missing. */
  configMap(namespace: string, name: string): ReadonlyMap<string, string> | undefined;
  /** The first port of a Service, as text; undefined: there is no such Service, or it has none. */
  firstPort(namespace: string, name: string): string | undefined;
  /** Keys fetched from a URL, as known now; undefined: it was not asked yet, and is asked now. */
  keySet(url: string): { readonly keys: readonly PublicJwk[]; readonly problem: string } | undefined;
}

export interface TranslateContext {
  readonly namespace: string;
  readonly source: SourceRef;
  readonly lookup: Lookup;
  readonly findings: Findings;
  /** ConfigMap text by key; for keys that are not an annotation's own default. */
  setting(key: string): string | undefined;
  /** Whether a path of the Ingress has a group of that name, which a variable may be, too. */
  hasGroup(name: string): boolean;
  /** Hosts of the Ingress's rules, in lower case; `_` for a rule without one. */
  readonly hosts: readonly string[];
  /**
   * The upstream of an address that Serin is to send requests of its own to: the same one for the same address, in the table like those of
   * paths, with endpoints, health and metrics. Undefined: the Ingress names too many.
   */
  upstream(address: UpstreamAddress): NamedUpstream | undefined;
  /** Which annotations were present on the Ingress (canonical names), parsable or not. */
  has(key: string): boolean;
  /** Text of an annotation by its name without prefix, of whatever feature; undefined: absent or blank. */
  text(name: string): string | undefined;
  /** Whether the annotation of exactly this name is there with nothing in it. */
  isBlank(key: string): boolean;
  /** Refuse all of the Ingress's hosts with 403 on account of an annotation, with a finding already made. */
  denyHost(name: string): void;
  /** Refuse the Ingress's routes with 503, with a finding already made. */
  deny(): void;
}

/** An upstream by an address. */
export interface NamedUpstream {
  /** For the policy; `FilterContext` takes it. */
  readonly id: string;
  /** Why it has no endpoints as things are: `names a Service that does not exist`. */
  readonly problem: string | undefined;
}

/** Addresses that the annotations of one Ingress may name. */
export const ADDRESSES_MAX = 1_000;

export interface Merge<P> {
  /** Of the main Ingresses that have a policy: the oldest one's and the youngest one's. */
  of(first: P, last: P): P;
  /** Told to an Ingress that asks for something else than the oldest one. */
  readonly consequence: string;
}

export interface HostNames<P> {
  /** `written`: they are all that the policy is. `implied`: they follow from the host's own, and yield to what anybody wrote. */
  readonly kind: 'written' | 'implied';
  of(policy: P, host: string): readonly string[];
}

/** What makes annotations of a feature vain: well-formed, and without effect where they stand. */
export interface Vain<S extends AnnotationSpecs> {
  readonly of: readonly (keyof S & string)[];
  /** Behind the name of the annotation: `counts only together with enable-cors`. */
  readonly problem: string;
  readonly consequence: string;
  readonly holds: (values: ValuesOf<S>, place: Place) => boolean;
  /** Told even of a value that is in force without being written. */
  readonly isFallbackTold?: boolean;
  /** Holds on hosts without a certificate only; the host's name follows the problem. */
  readonly isOfPlainHosts?: boolean;
  /** By default an error where the annotation is a protection. */
  readonly severity?: 'warning';
}

/** A ConfigMap key whose value can be wrong. */
export interface ConfigMapKey {
  /** One sentence for docs/annotations.md. */
  readonly doc: string;
  /** What cannot be parsed is told on the ConfigMap, once for all Ingresses. */
  readonly parse: Parser<unknown>;
  /** What it does then: `deny` closes the routes that it counts for. */
  readonly onInvalid: 'deny' | 'default';
}

/** One annotation group: parsing, rules, behaviour, docs. Registered by one line in features/registry.ts. */
export interface Feature<S extends AnnotationSpecs = AnnotationSpecs, P = unknown> {
  readonly name: string;
  readonly doc: string;
  readonly scope: Scope;
  readonly annotations: S;
  /** ConfigMap keys this feature reads besides its annotations' own; of those that take any text, the sentence alone. */
  readonly configMapKeys?: { readonly [key: string]: string | ConfigMapKey };
  /** When the filter runs: before a route is matched, right after, or once an endpoint is known to exist (docs/reference/evaluation-order.md §1). */
  readonly stage?: 'host' | 'route' | 'access';
  /** What makes its annotations vain. */
  readonly vain?: readonly Vain<NoInfer<S>>[];
  /** Its annotations count on a canary Ingress, too; all others are the main Ingress's (docs/reference/annotations.md §1.3). */
  readonly isOfCanaries?: true;
  /** Its annotations do not count for a default backend without rules (docs/reference/routing.md §2.3); so it is with all of a host. */
  readonly isOffOnDefaultBackend?: true;
  /** Its policy means nothing for the default backend, which is no Service of an Ingress. */
  readonly needsService?: true;
  /** Its policy means nothing where gRPC is spoken to the upstream (docs/reference/annotations.md §3.1). */
  readonly isOfHttp?: true;
  /**
   * Of a route's policy: whether its Ingress asks for it on its hosts' other routes, too, as far as they have none. The oldest Ingress that
   * does decides for a host.
   */
  isForHost?(policy: P, setting: TranslateContext['setting']): boolean;
  /** Of an upstream's policy: it stands on the routes of its Ingress, too. */
  readonly isOnRoutes?: true;
  /** Makes one policy of those of several Ingresses; without it the one counts that names the upstream first. */
  readonly merge?: Merge<P>;
  /** Further names that the policy gives a host. */
  readonly names?: HostNames<P>;
  /** Whether the policy of an upstream asks for the address of its Service in place of the Pods. */
  usesClusterIp?(policy: P): boolean;
  /** With its policy, the TLS of a host goes to a Service as it is. */
  readonly passesTlsThrough?: true;
  /** Annotation that makes its Ingress a canary of others; the policy is that of the share it gets. */
  readonly marksCanary?: keyof S & string;
  /** Pure. Undefined: no policy. */
  translate(values: ValuesOf<S>, context: TranslateContext): P | undefined;
  createFilter?(policy: P, context: FilterContext): Filter | undefined;
  /** Only the canary feature has one. */
  createDecision?(policy: P, context: FilterContext): CanaryDecision;
}

/** All ConfigMap keys that a feature reads: the defaults of its annotations, and others. */
export function configMapKeysOf({ annotations, configMapKeys = {} }: Feature): string[] {
  const defaults = Object.values(annotations).flatMap(({ configMapKey = [] }) => configMapKey);
  return [...defaults, ...Object.keys(configMapKeys)];
}

/** Types a feature; returns it unchanged. */
export function defineFeature<const S extends AnnotationSpecs, P>(feature: Feature<S, P>): Feature<S, P> {
  return feature;
}
