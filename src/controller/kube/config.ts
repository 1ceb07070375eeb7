import { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions } from 'node:tls';

/** Where the API server is said to be; empty strings are absent. */
export interface ApiLocation {
  readonly kubeconfig: string;
  readonly apiserverHost: string;
  /** CA file that replaces the one of the configuration. */
  readonly certificateAuthority: string;
}

/** The credentials of one request; read anew for each, because tokens and certificates rotate. */
export interface ApiCredentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: ConnectionOptions;
}

/** An API server and how to be let in. */
export interface ApiAccess {
  /** Base URL without a trailing slash. */
  readonly server: string;
  /** Namespace of the context; `default` where none is given. */
  readonly namespace: string;
  credentials(): Promise<ApiCredentials>;
}

/**
 * Finds the API server: --kubeconfig, else --apiserver-host alone, else $KUBECONFIG, else the account of the Pod.
 * Throws when none of them says where it is, or when the file cannot be read.
 */
export function loadApiAccess(location: ApiLocation, env: NodeJS.ProcessEnv): ApiAccess {
  const config = new KubeConfig();
  if (location.kubeconfig !== '') config.loadFromFile(location.kubeconfig);
  else if (location.apiserverHost !== '' && env.KUBERNETES_SERVICE_HOST === undefined) {
    config.loadFromClusterAndUser({ name: 'flag', server: location.apiserverHost } as never, {
      name: 'none',
    });
  } else if ((env.KUBECONFIG ?? '') !== '') config.loadFromDefault();
  else if ((env.KUBERNETES_SERVICE_HOST ?? '') !== '') config.loadFromCluster();
  else throw new Error('no API server: give --kubeconfig, $KUBECONFIG or --apiserver-host, or run in a Pod');
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
