import type { ConfigMapObject, Kind, ObjectOfKind, SecretObject } from '../store/objects.ts';
import type { ObjectRef } from '../store/object-store.ts';
import { readObject } from '../store/read-object.ts';
import { isKubeError, type KubeClient } from './client.ts';
import { STORE_RESOURCES } from './resources.ts';

const LOOK_UP_MS = 2_000;

export interface LookUpRefs {
  readonly secrets: readonly ObjectRef[];
  readonly configMaps: readonly ObjectRef[];
}

/**
 * Asks for Secrets and ConfigMaps by name, with the verb that the watches need anyway (docs/rbac.md); what may not be read counts
 * as missing, as it does there. Rejects when the API server does not answer within two seconds.
 */
export async function lookUpObjects(
  client: KubeClient,
  refs: LookUpRefs,
): Promise<{ readonly secrets: readonly SecretObject[]; readonly configMaps: readonly ConfigMapObject[] }> {
  const signal = AbortSignal.timeout(LOOK_UP_MS);
  const [secrets, configMaps] = await Promise.all([
    lookUp(client, 'Secret', refs.secrets, signal),
    lookUp(client, 'ConfigMap', refs.configMaps, signal),
  ]);
  return { secrets, configMaps };
}

async function lookUp<K extends Kind>(
  client: KubeClient,
  kind: K,
  refs: readonly ObjectRef[],
  signal: AbortSignal,
): Promise<readonly ObjectOfKind[K][]> {
  const found = await Promise.all(
    refs.map(async ({ namespace, name }) => {
      try {
        const query = { namespace, fieldSelector: `metadata.name=${name}`, limit: 1 };
        return (await client.list(STORE_RESOURCES[kind], query, signal)).items;
      } catch (error) {
        if (isKubeError(error, 403)) return [];
        throw error;
      }
    }),
  );
  return found.flat().flatMap((raw) => {
    const read = readObject(kind, raw);
    return read.ok ? [read.object as ObjectOfKind[K]] : [];
  });
}
