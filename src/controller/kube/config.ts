import type { ApiAccess, ApiLocation } from './api-access.ts';
import { openOwnAccount } from './own-account.ts';

/**
 * Finds the API server: --kubeconfig, else --apiserver-host alone, else $KUBECONFIG, else the account of the Pod.
 * Rejects when none of them says where it is, or when the file cannot be read.
 */
export async function loadApiAccess(location: ApiLocation, env: NodeJS.ProcessEnv): Promise<ApiAccess> {
  const isInPod = (env.KUBERNETES_SERVICE_HOST ?? '') !== '';
  const isBare = location.apiserverHost !== '' && !isInPod;
  if (location.kubeconfig === '' && !isBare && (env.KUBECONFIG ?? '') === '') {
    if (isInPod) return openOwnAccount(location, env);
    throw new Error('no API server: give --kubeconfig, $KUBECONFIG or --apiserver-host, or run in a Pod');
  }
  // The library takes a second and 80 MB to load, which a Pod has no use for.
  const { openKubeconfig } = await import('./kubeconfig.ts');
  return openKubeconfig(location, isBare);
}
