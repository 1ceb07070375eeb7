import type { ObjectRef } from '../store/object-store.ts';
import type { KubeClient } from './client.ts';
import type { KubeObject } from './kube-object.ts';
import { NODES, PODS } from './resources.ts';

const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** The zone of the node that a Pod runs on; undefined where the node names none. Rejects when the API server does not say. */
export async function zoneOfPod(
  pod: ObjectRef,
  client: KubeClient,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const { spec } = (await client.get(PODS, pod, signal)) as PodShape;
  if (spec?.nodeName === undefined) return undefined;
  const node = await client.get(NODES, { namespace: '', name: spec.nodeName }, signal);
  return node.metadata.labels?.[ZONE_LABEL] || undefined;
}

interface PodShape extends KubeObject {
  readonly spec?: { readonly nodeName?: string };
}
