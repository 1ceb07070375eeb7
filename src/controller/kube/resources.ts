import type { Kind } from '../store/objects.ts';

/** One kind as the API addresses it. */
export interface Resource {
  readonly kind: string;
  readonly apiVersion: string;
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** Names one object; the namespace of a cluster-scoped one is ''. */
export interface ResourceRef {
  readonly namespace: string;
  readonly name: string;
}

function resource(kind: string, apiVersion: string, plural: string, isNamespaced = true): Resource {
  return { kind, apiVersion, plural, isNamespaced };
}

/** The kinds that the store holds. */
export const STORE_RESOURCES: Readonly<Record<Kind, Resource>> = {
  Ingress: resource('Ingress', 'networking.k8s.io/v1', 'ingresses'),
  IngressClass: resource('IngressClass', 'networking.k8s.io/v1', 'ingressclasses', false),
  Service: resource('Service', 'v1', 'services'),
  EndpointSlice: resource('EndpointSlice', 'discovery.k8s.io/v1', 'endpointslices'),
  Endpoints: resource('Endpoints', 'v1', 'endpoints'),
  Secret: resource('Secret', 'v1', 'secrets'),
  ConfigMap: resource('ConfigMap', 'v1', 'configmaps'),
  Namespace: resource('Namespace', 'v1', 'namespaces', false),
};

export const INGRESSES = STORE_RESOURCES.Ingress;
export const SECRETS = STORE_RESOURCES.Secret;
export const SERVICES = STORE_RESOURCES.Service;
export const LEASES = resource('Lease', 'coordination.k8s.io/v1', 'leases');
export const EVENTS = resource('Event', 'v1', 'events');
export const PODS = resource('Pod', 'v1', 'pods');
export const VALIDATING_WEBHOOKS = resource(
  'ValidatingWebhookConfiguration',
  'admissionregistration.k8s.io/v1',
  'validatingwebhookconfigurations',
  false,
);
export const NODES = resource('Node', 'v1', 'nodes', false);

/** Path of a collection (without `name`) or of one object; an empty namespace is all namespaces. */
export function resourcePath(
  target: Resource,
  namespace: string,
  name?: string,
  subresource?: string,
): string {
  const root = target.apiVersion.includes('/') ? `/apis/${target.apiVersion}` : `/api/${target.apiVersion}`;
  const inside =
    target.isNamespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  const part = subresource === undefined ? '' : `/${subresource}`;
  return `${root}${inside}/${target.plural}${object}${part}`;
}
