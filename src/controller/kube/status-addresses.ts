import { isIP } from 'node:net';
import type { LoadBalancerAddress, ServiceObject } from '../store/objects.ts';
import type { ObjectRef } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import { isKubeError, type KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { NODES, PODS, SERVICES } from './resources.ts';

/** Where the addresses of Ingress status come from; the first that is given applies (docs/reference/operation.md §5). */
export interface AddressOptions {
  /** --publish-status-address, comma-separated; empty is not given. */
  readonly publishStatusAddress: string;
  /** --publish-service. */
  readonly publishService?: ObjectRef;
  /** --report-node-internal-ip-address. */
  readonly isInternalReported: boolean;
  /** The controller's own Pod. */
  readonly pod: ObjectRef;
}

/** Finds the addresses, in the order they are written. Rejects when the API server does not say. */
export async function findAddresses(
  options: AddressOptions,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<readonly LoadBalancerAddress[]> {
  const { publishStatusAddress, publishService } = options;
  if (publishStatusAddress !== '') {
    const items = publishStatusAddress.split(',').map((item) => item.trim());
    return sortAddresses(items.filter((item) => item !== '').map(toAddress));
  }
  if (publishService !== undefined) {
    const read = readObject('Service', await client.get(SERVICES, publishService, signal));
    return read.ok ? sortAddresses(addressesOfService(read.object)) : [];
  }
  return sortAddresses(await addressesOfNodes(options, client, signal));
}

/** Sorted by hostname, then address, so plain addresses come first; each once. */
export function sortAddresses(addresses: Iterable<LoadBalancerAddress>): readonly LoadBalancerAddress[] {
  const byKey = new Map(Array.from(addresses, (address) => [sortKey(address), address]));
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, address]) => address);
}

/** Counts the controller's Pods besides this one that live and are not on their way out. */
export async function countOtherPods(
  pod: ObjectRef,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<number> {
  const pods = await listControllerPods(pod, client, signal);
  return pods.filter((other) => other.metadata.name !== pod.name && isAlive(other)).length;
}

/** Addresses of the controller's Pods besides this one that live and are not on their way out. */
export async function findOtherPodAddresses(
  pod: ObjectRef,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const pods = await listControllerPods(pod, client, signal);
  return pods
    .filter((other) => other.metadata.name !== pod.name && isAlive(other))
    .flatMap(({ status }) => status?.podIP ?? []);
}

function sortKey({ hostname = '', ip = '' }: LoadBalancerAddress): string {
  return `${hostname}\0${ip}`;
}

function toAddress(text: string): LoadBalancerAddress {
  return isIP(text) === 0 ? { hostname: text } : { ip: text };
}

function addressesOfService(service: ServiceObject): readonly LoadBalancerAddress[] {
  const external = service.externalIps.map((ip) => ({ ip }));
  const own = service.clusterIp === '' || service.clusterIp === 'None' ? [] : [{ ip: service.clusterIp }];
  switch (service.type) {
    case 'ExternalName':
      return [{ hostname: service.externalName }];
    case 'ClusterIP':
      return own;
    case 'NodePort':
      return external.length > 0 ? external : own;
    case 'LoadBalancer':
      return [...service.loadBalancer, ...external];
  }
}

interface PodShape extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface NodeShape extends KubeObject {
  readonly status?: { readonly addresses?: readonly { readonly type: string; readonly address: string }[] };
}

/** Labels that tell the Pods of one Deployment's revisions apart, or of a release before and after an upgrade; all of them are the controller. */
const REVISION_LABELS = [
  'pod-template-hash',
  'controller-revision-hash',
  'pod-template-generation',
  'app.kubernetes.io/version',
  'app.kubernetes.io/part-of',
  'app.kubernetes.io/managed-by',
  'helm.sh/chart',
];

function isAlive({ metadata, status }: PodShape): boolean {
  const isEnded = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  return !isEnded && metadata.deletionTimestamp === undefined;
}

async function listControllerPods(
  pod: ObjectRef,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<readonly PodShape[]> {
  const own = await client.get(PODS, pod, signal);
  const labels = Object.entries(own.metadata.labels ?? {}).filter(([key]) => !REVISION_LABELS.includes(key));
  // Without labels, nothing tells the controller's Pods from others.
  if (labels.length === 0) return [own];
  const labelSelector = labels.map(([key, value]) => `${key}=${value}`).join(',');
  const { items } = await client.list(PODS, { namespace: pod.namespace, labelSelector }, signal);
  return items;
}

function isReady({ status }: PodShape): boolean {
  const isTrue = (name: string) =>
    status?.conditions?.some(({ type, status }) => type === name && status === 'True') === true;
  return status?.phase === 'Running' && isTrue('Ready');
}

async function addressesOfNodes(
  options: AddressOptions,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<readonly LoadBalancerAddress[]> {
  const pods = await listControllerPods(options.pod, client, signal);
  // Who asks leads and serves, even where the kubelet has not probed it yet: without it the last addresses would go for a minute.
  const serving = pods.filter((pod) => isReady(pod) || pod.metadata.name === options.pod.name);
  const names = new Set(serving.flatMap(({ spec }) => spec?.nodeName ?? []));
  const addresses: LoadBalancerAddress[] = [];
  for (const name of names) {
    try {
      const node = (await client.get(NODES, { namespace: '', name }, signal)) as NodeShape;
      const ip = addressOfNode(node, options.isInternalReported);
      if (ip !== undefined) addresses.push(toAddress(ip));
    } catch (error) {
      // The node went away between the two questions.
      if (!isKubeError(error, 404)) throw error;
    }
  }
  return addresses;
}

function addressOfNode({ status }: NodeShape, isInternalReported: boolean): string | undefined {
  const ofType = (type: string) =>
    status?.addresses?.find((item) => item.type === type && item.address !== '')?.address;
  const internal = ofType('InternalIP');
  return isInternalReported ? internal : (ofType('ExternalIP') ?? internal);
}
