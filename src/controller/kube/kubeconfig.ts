import { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import type { ApiAccess, ApiLocation } from './api-access.ts';

/** Access by a kubeconfig file, by that of $KUBECONFIG (empty path), or to a bare address. Throws when a file cannot be read. */
export function openKubeconfig(location: ApiLocation, isBare: boolean): ApiAccess {
  const config = new KubeConfig();
  if (location.kubeconfig !== '') config.loadFromFile(location.kubeconfig);
  else if (isBare) {
    config.loadFromClusterAndUser({ name: 'flag', server: location.apiserverHost } as never, {
      name: 'none',
    });
  } else config.loadFromDefault();
  return toApiAccess(config, location);
}

/** Reads a kubeconfig text; for tests and tools. Throws when it is none. */
export function parseApiAccess(kubeconfig: string): ApiAccess {
  const config = new KubeConfig();
  config.loadFromString(kubeconfig);
  return toApiAccess(config, { kubeconfig: '', apiserverHost: '', certificateAuthority: '' });
}

function toApiAccess(config: KubeConfig, location: ApiLocation): ApiAccess {
  const found = config.getCurrentCluster();
  if (found === null) throw new Error('the kubeconfig has no current context with a cluster');
  const server = (location.apiserverHost === '' ? found.server : location.apiserverHost).replace(/\/+$/, '');
  if (found.proxyUrl !== undefined) throw new Error('proxy-url in a kubeconfig is not supported');
  const cluster = {
    ...found,
    server,
    // The library refuses plain HTTP unless verification is off; there is nothing to verify then.
    skipTLSVerify: found.skipTLSVerify || server.startsWith('http:'),
    ...(location.certificateAuthority === ''
      ? {}
      : { caFile: location.certificateAuthority, caData: undefined }),
  };
  config.clusters = config.clusters.map((other) => (other === found ? cluster : other));
  const context = config.getContextObject(config.getCurrentContext());
  return {
    server,
    namespace: context?.namespace ?? 'default',
    async credentials() {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(options.headers ?? {})) {
        // Token files may end in a newline, which no header may hold.
        headers[name.toLowerCase()] = String(value).trim();
      }
      if (typeof options.auth === 'string') {
        headers.authorization = `Basic ${Buffer.from(options.auth).toString('base64')}`;
      }
      const { ca, cert, key, passphrase, servername, rejectUnauthorized } = options;
      const given = Object.entries({ ca, cert, key, passphrase, servername, rejectUnauthorized });
      return { headers, tls: Object.fromEntries(given.filter(([, value]) => value !== undefined)) };
    },
  };
}
