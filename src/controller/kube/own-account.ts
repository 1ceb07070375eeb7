import { existsSync, readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import type { ApiAccess, ApiLocation } from './api-access.ts';

/** Where the kubelet puts what a Pod is let in by. */
const FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Ports that are spoken to in the clear, as the client libraries have it. */
const PLAIN_PORTS = ['80', '8080', '8001'];

/** Access by the account of the Pod. Throws when it is not there; its token and CA are read anew for each request, because they rotate. */
export function openOwnAccount(
  { apiserverHost, certificateAuthority }: Pick<ApiLocation, 'apiserverHost' | 'certificateAuthority'>,
  env: NodeJS.ProcessEnv,
  folder: string = FOLDER,
): ApiAccess {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  read('token');
  const server = (apiserverHost === '' ? serverOf(env) : apiserverHost).replace(/\/+$/, '');
  const authority = certificateAuthority === '' ? join(folder, 'ca.crt') : certificateAuthority;
  const isPlain = server.startsWith('http:');
  return {
    server,
    namespace: existsSync(join(folder, 'namespace')) ? read('namespace') : 'default',
    async credentials() {
      return {
        headers: { authorization: `Bearer ${read('token')}` },
        tls: isPlain ? {} : { ca: readFileSync(authority) },
      };
    },
  };
}

function serverOf({
  KUBERNETES_SERVICE_HOST: host = '',
  KUBERNETES_SERVICE_PORT: port = '443',
}: NodeJS.ProcessEnv): string {
  const scheme = PLAIN_PORTS.includes(port) ? 'http' : 'https';
  return `${scheme}://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
