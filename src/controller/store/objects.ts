import type { RedactedBytes } from '../../lib/redacted-bytes.ts';

/** The kinds the store holds. */
export type Kind =
  | 'Ingress'
  | 'IngressClass'
  | 'Service'
  | 'EndpointSlice'
  | 'Endpoints'
  | 'Secret'
  | 'ConfigMap'
  | 'Namespace';

/** All kinds of the store, in the order a source should load them so that little is missing when Ingresses arrive. */
export const KINDS: readonly Kind[] = [
  'Namespace',
  'IngressClass',
  'ConfigMap',
  'Secret',
  'Service',
  'EndpointSlice',
  'Endpoints',
  'Ingress',
];

/** A value that does not have the shape its kind promises; translate makes a finding of it. */
export interface ReadProblem {
  /** Path of the field: `spec.rules[0].http.paths[1].backend.service.port.number`. */
  readonly field: string;
  /** What was written, as text, cut when long; never secret data. */
  readonly value: string;
  /** What is wrong: `is not a string`. */
  readonly problem: string;
  /** What happens now: `the path is not served`. */
  readonly consequence: string;
}

/** What every object of the store has. Cluster-scoped objects have the namespace ''. */
export interface ObjectMeta {
  readonly namespace: string;
  readonly name: string;
  /** Empty from manifest files. */
  readonly uid: string;
  /** metadata.creationTimestamp in ms since 1970; undefined where there is none (manifest files): younger than all that have one. */
  readonly createdMs?: number;
  /** Orders objects of equal age; empty from the cluster, file and document from manifest files. */
  readonly order: string;
  /** Parts that could not be read; the rest of the object counts. */
  readonly problems: readonly ReadProblem[];
}

/** networking.k8s.io/v1 Ingress. Elements that could not be read are left out and named in `problems`. */
export interface IngressObject extends ObjectMeta {
  readonly kind: 'Ingress';
  readonly annotations: ReadonlyMap<string, string>;
  /** spec.ingressClassName; undefined when absent. */
  readonly className?: string;
  readonly defaultBackend?: IngressBackend;
  readonly rules: readonly IngressRule[];
  readonly tls: readonly IngressTls[];
  /** status.loadBalancer.ingress as last seen. A change of it alone is no change. */
  readonly status: readonly LoadBalancerAddress[];
}

export interface IngressRule {
  /** Empty: no host given. As written. */
  readonly host: string;
  readonly paths: readonly IngressPath[];
  /** `spec.rules[0]`. */
  readonly field: string;
}

export interface IngressPath {
  /** As written; empty when absent. */
  readonly path: string;
  /** Missing is ImplementationSpecific. */
  readonly pathType: 'Exact' | 'Prefix' | 'ImplementationSpecific';
  readonly backend: IngressBackend;
  /** `spec.rules[0].http.paths[1]`. */
  readonly field: string;
}

/** Port is the text of the number or name; empty when neither was given. */
export type IngressBackend =
  | { readonly kind: 'service'; readonly service: string; readonly port: string; readonly field: string }
  | { readonly kind: 'resource'; readonly resource: string; readonly field: string };

export interface IngressTls {
  readonly hosts: readonly string[];
  /** Empty when none is given. */
  readonly secretName: string;
  /** `spec.tls[0]`. */
  readonly field: string;
}

export interface LoadBalancerAddress {
  readonly ip?: string;
  readonly hostname?: string;
}

export interface IngressClassObject extends ObjectMeta {
  readonly kind: 'IngressClass';
  readonly controller: string;
  readonly isDefault: boolean;
}

export interface ServiceObject extends ObjectMeta {
  readonly kind: 'Service';
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName';
  /** Empty or `None` for none. */
  readonly clusterIp: string;
  readonly externalName: string;
  readonly ports: readonly ServicePort[];
  readonly externalIps: readonly string[];
  /** status.loadBalancer.ingress. */
  readonly loadBalancer: readonly LoadBalancerAddress[];
  /** Which zones' endpoints it asks for: `by-hints` (annotation service.kubernetes.io/topology-mode), `close` (spec.trafficDistribution). */
  readonly topology: 'all' | 'by-hints' | 'close';
}

export interface ServicePort {
  /** Empty when unnamed. */
  readonly name: string;
  readonly port: number;
  /** Text of the number or name; the port's own number when absent. */
  readonly targetPort: string;
  readonly protocol: string;
}

export interface EndpointSliceObject extends ObjectMeta {
  readonly kind: 'EndpointSlice';
  /** Label kubernetes.io/service-name; empty when absent. */
  readonly service: string;
  readonly addressType: string;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly SliceEndpoint[];
}

export interface EndpointPort {
  readonly name: string;
  /** Undefined means all ports. */
  readonly port?: number;
  readonly protocol: string;
}

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  /** conditions.ready; nil counts as ready. */
  readonly isReady: boolean;
  readonly isTerminating: boolean;
  /** hints.forZones[].name: zones whose clients it is meant for; empty without hints. */
  readonly zones: readonly string[];
}

export interface EndpointsObject extends ObjectMeta {
  readonly kind: 'Endpoints';
  readonly subsets: readonly EndpointSubset[];
}

export interface EndpointSubset {
  /** Ready addresses only. */
  readonly addresses: readonly string[];
  readonly ports: readonly EndpointPort[];
}

export interface SecretObject extends ObjectMeta {
  readonly kind: 'Secret';
  readonly type: string;
  /** Decoded. Never print. */
  readonly data: ReadonlyMap<string, RedactedBytes>;
}

export interface ConfigMapObject extends ObjectMeta {
  readonly kind: 'ConfigMap';
  readonly data: ReadonlyMap<string, string>;
}

export interface NamespaceObject extends ObjectMeta {
  readonly kind: 'Namespace';
  readonly labels: ReadonlyMap<string, string>;
}

/** The object of each kind. */
export interface ObjectOfKind {
  readonly Ingress: IngressObject;
  readonly IngressClass: IngressClassObject;
  readonly Service: ServiceObject;
  readonly EndpointSlice: EndpointSliceObject;
  readonly Endpoints: EndpointsObject;
  readonly Secret: SecretObject;
  readonly ConfigMap: ConfigMapObject;
  readonly Namespace: NamespaceObject;
}

export type ClusterObject = ObjectOfKind[Kind];

/** The key of an object within its kind: `namespace/name`; of a cluster-scoped one its name. */
export function objectKey(object: { readonly namespace: string; readonly name: string }): string {
  return object.namespace === '' ? object.name : `${object.namespace}/${object.name}`;
}

/** Oldest first, as docs/reference/routing.md §1.3 orders Ingresses; without a timestamp after all that have one, by `order`. */
export function compareAge(a: ObjectMeta, b: ObjectMeta): number {
  const age = (a.createdMs ?? Infinity) - (b.createdMs ?? Infinity);
  if (age !== 0 && !Number.isNaN(age)) return age;
  const isAgeless = a.createdMs === undefined && b.createdMs === undefined;
  if (isAgeless && a.order !== b.order) return a.order < b.order ? -1 : 1;
  const keyOfA = objectKey(a);
  const keyOfB = objectKey(b);
  if (keyOfA === keyOfB) return 0;
  return keyOfA > keyOfB ? -1 : 1;
}
