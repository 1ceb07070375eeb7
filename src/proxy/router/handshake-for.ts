import { wwwTwin } from '../../lib/www-twin.ts';
import type { ClientAuthPolicy, HostCiphers, Policies } from '../../model/policy.ts';
import type { Router } from './linked.ts';

/** The host that a server name belongs to, chosen as that of a request is, what it asks its clients for, and which ciphers are its own. */
export function handshakeFor(
  router: Router,
  serverName: string | undefined,
): {
  readonly hostName: string | undefined;
  readonly clientAuth: ClientAuthPolicy | undefined;
  readonly ciphers: HostCiphers | undefined;
} {
  const name = (serverName ?? '').toLowerCase().replace(/\.$/, '');
  const host = name === '' ? router.defaultHost : router.hostOf(name);
  const { policies } = host.entry;
  const clientAuth = policies['auth-tls'];
  // The name that only redirects to the host is a host without questions.
  const isTwin = policies['www-redirect'] !== undefined && wwwTwin(host.name) === name;
  return {
    hostName: host.isConfigured ? host.name : undefined,
    clientAuth: clientAuth === undefined || clientAuth.verify === 'off' || isTwin ? undefined : clientAuth,
    ciphers: isTwin ? undefined : ciphersOf(policies),
  };
}

/** Undefined: nothing but what all hosts have. */
function ciphersOf(policies: Policies): HostCiphers | undefined {
  const list = policies['ssl-ciphers']?.list;
  const isOrderOurs = policies['ssl-prefer-server-ciphers']?.isOurs ?? true;
  return list === undefined && isOrderOurs ? undefined : { list, isOrderOurs };
}
