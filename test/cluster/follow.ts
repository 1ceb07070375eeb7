import { createKubeClient, type KubeClient } from '../../src/controller/kube/client.ts';
import { loadApiAccess } from '../../src/controller/kube/config.ts';
import type { Resource } from '../../src/controller/kube/resources.ts';

/** A client of the suite's cluster, with the rights of KUBECONFIG. */
export async function createAdminClient(): Promise<KubeClient> {
  const access = await loadApiAccess(
    { kubeconfig: '', apiserverHost: '', certificateAuthority: '' },
    process.env,
  );
  return createKubeClient({ access, userAgent: 'serin-test' });
}

/** Tells of every object that is there (`ADDED`), and of every change since, until the signal; `object` is as the API has it. */
export async function follow(
  client: KubeClient,
  resource: Resource,
  namespace: string,
  signal: AbortSignal,
  changed: (type: string, object: any) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const list = await client.list(resource, { namespace }, signal);
      for (const object of list.items) changed('ADDED', object);
      const query = { namespace, resourceVersion: list.resourceVersion, timeoutSeconds: 600 };
      for await (const event of await client.watch(resource, query, signal)) {
        if (event.type === 'ERROR') break;
        changed(event.type, event.object);
      }
    } catch {
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
