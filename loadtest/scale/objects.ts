/** Namespace of all that the run makes. */
export const NAMESPACE = 'scale';
export const POD_PORT = 8000;
/** Endpoints of each Service. */
const ENDPOINTS = 4;

const CLASS = 'scale';
/** Networks of simulated Pods: the lower half for those that stand, the upper half for those that changes bring. */
const STANDING = 0;
const CHANGED = 1;
const NETWORKS = 128;
/** Addresses of one network. */
const HOSTS = 254;

export const CONTROLLER_CLASS = 'serin.test/scale';

/** What the status of every Ingress says: it is written before Serin comes, as in any cluster that is not new. */
export const ADDRESS = '127.0.0.1';

/** Objects of the cluster that are there once. */
export const SHARED: readonly object[] = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: CLASS },
    spec: { controller: CONTROLLER_CLASS },
  },
];

/** A path that is there before and after any change. */
export const STEADY_PATH = '/shop';

export function hostOf(index: number): string {
  return `host-${index}.scale.test`;
}

/** An Ingress with one host and three paths, of which the last is the one that changes. */
export function ingressOf(index: number, path: string) {
  const backend = { service: { name: `service-${index}`, port: { number: 80 } } };
  const paths = [
    { path: STEADY_PATH, pathType: 'Prefix', backend },
    { path: '/api', pathType: 'Prefix', backend },
    { path, pathType: 'Exact', backend },
  ];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      namespace: NAMESPACE,
      name: `ingress-${index}`,
      annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': '30' },
    },
    spec: { ingressClassName: CLASS, rules: [{ host: hostOf(index), http: { paths } }] },
  };
}

/** The same with its status. */
export function servedIngressOf(index: number, path: string): object {
  return { ...ingressOf(index, path), status: { loadBalancer: { ingress: [{ ip: ADDRESS }] } } };
}

export function serviceOf(index: number): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name: `service-${index}` },
    spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: POD_PORT }] },
  };
}

/** Addresses of a Service before any change. */
export function standingAddresses(index: number): string[] {
  return Array.from({ length: ENDPOINTS }, (_, i) => addressOf(STANDING, index * ENDPOINTS + i));
}

/** Addresses that only this change has brought, as long as there were few thousand changes since. */
export function changedAddresses(change: number): string[] {
  return Array.from({ length: ENDPOINTS }, (_, i) => addressOf(CHANGED, change * ENDPOINTS + i));
}

export function sliceOf(index: number, addresses: readonly string[]): object {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: NAMESPACE,
      name: `service-${index}-a`,
      labels: { 'kubernetes.io/service-name': `service-${index}` },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: POD_PORT, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}

/** An address of 10.244.0.0/16, of the lower or the upper half of its networks. */
function addressOf(half: 0 | 1, index: number): string {
  const network = half * NETWORKS + (Math.floor(index / HOSTS) % NETWORKS);
  return `10.244.${network}.${1 + (index % HOSTS)}`;
}
