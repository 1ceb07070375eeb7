import { isExempt, readExemptPaths } from '../kit/exempt-paths.ts';
import { defineFeature } from '../kit/feature.ts';
import { readRedirectCode, REDIRECT_CODE } from '../kit/redirect-code.ts';
import { isRedirected } from '../kit/vain.ts';
import { bool } from '../kit/values.ts';

export interface SslRedirectPolicy {
  readonly isOn: boolean;
  readonly isForced: boolean;
  readonly isTrailingSlashKept: boolean;
  readonly isPortShown: boolean;
  readonly status: number;
  /** Path prefixes that are never redirected. */
  readonly exempt: readonly string[];
}

/** From http to https (docs/reference/annotations.md §2.2). */
export const sslRedirect = defineFeature({
  name: 'ssl-redirect',
  doc: 'Redirects from http to https.',
  scope: 'route',
  isOffOnDefaultBackend: true,
  annotations: {
    'ssl-redirect': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'ssl-redirect',
      fallback: true,
      doc: 'Redirect to https where the host has a certificate of its own.',
    },
    'force-ssl-redirect': {
      parse: bool,
      risk: 'medium',
      onInvalid: 'default',
      configMapKey: 'force-ssl-redirect',
      fallback: false,
      doc: 'Redirect to https even where no TLS is configured.',
    },
    'preserve-trailing-slash': {
      parse: bool,
      risk: 'medium',
      onInvalid: 'default',
      configMapKey: 'preserve-trailing-slash',
      fallback: false,
      doc: 'Keep the last slash of the target in the redirect.',
    },
    'use-port-in-redirects': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'use-port-in-redirects',
      fallback: false,
      doc: 'Put the https port into the redirect, and the port of the listener, where it is not 80 or 443, into other redirects made for the route.',
    },
  },
  configMapKeys: {
    'http-redirect-code': REDIRECT_CODE,
    'no-tls-redirect-locations':
      'Path prefixes that are never redirected; default /.well-known/acme-challenge.',
  },
  vain: [
    {
      of: ['ssl-redirect'],
      problem: 'does not count beside force-ssl-redirect: "true"',
      consequence: 'plain http is redirected',
      holds: (values) => values['ssl-redirect'] === false && values['force-ssl-redirect'] === true,
    },
    {
      of: ['ssl-redirect', 'force-ssl-redirect', 'preserve-trailing-slash'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'the other redirect is made, over plain http too',
      holds: (_, place) => isRedirected(place),
    },
    {
      of: ['ssl-redirect'],
      problem: 'counts only together with spec.tls, which is not there for host',
      consequence: 'plain http is served',
      isFallbackTold: true,
      isOfPlainHosts: true,
      holds: (values) => values['ssl-redirect'] === true && values['force-ssl-redirect'] !== true,
    },
    {
      of: ['preserve-trailing-slash'],
      problem: 'counts only together with ssl-redirect or force-ssl-redirect',
      consequence: 'nothing is redirected to https',
      holds: (values) => values['ssl-redirect'] === false && values['force-ssl-redirect'] !== true,
    },
  ],
  translate: (values, { setting }): SslRedirectPolicy | undefined => {
    const isOn = values['ssl-redirect'] ?? true;
    const isForced = values['force-ssl-redirect'] ?? false;
    const isPortShown = values['use-port-in-redirects'] ?? false;
    // The port is shown in other redirects, too.
    if (!isOn && !isForced && !isPortShown) return undefined;
    return {
      isOn,
      isForced,
      isTrailingSlashKept: values['preserve-trailing-slash'] ?? false,
      isPortShown,
      status: readRedirectCode(setting),
      exempt: readExemptPaths(setting, 'no-tls-redirect-locations'),
    };
  },
  createFilter: (policy, { host, route, settings }) => {
    if (!policy.isOn && !policy.isForced) return undefined;
    if (isExempt(policy.exempt, { route })) return undefined;
    const isEverSecured = host.hasCertificate || host.certificateNames.length > 0;
    if (!policy.isForced && !isEverSecured) return undefined;
    const securedAliases = new Set(host.certificateNames);
    const aliases = new Set(host.aliases);
    // A name that came in by an alias, itself or by its wildcard, has a certificate only where that alias has.
    const aliasOf = (name: string): string | undefined => {
      if (aliases.has(name)) return name;
      const wildcard = `*${name.slice(name.indexOf('.'))}`;
      return aliases.has(wildcard) ? wildcard : undefined;
    };
    const port = policy.isPortShown ? `:${settings.httpsPort}` : '';
    const isHostSecured = host.hasCertificate;
    return {
      onRequest(request) {
        if (request.scheme !== 'http') return undefined;
        const alias = aliasOf(request.host);
        const isSecured = alias === undefined ? isHostSecured : securedAliases.has(alias);
        if (!policy.isForced && !isSecured) return undefined;
        let target = request.target;
        if (!policy.isTrailingSlashKept && target.endsWith('/')) target = target.slice(0, -1);
        const seen = request.seenHost.replace(/:\d*$/, '');
        return { status: policy.status, headers: [['Location', `https://${seen}${port}${target}`]] };
      },
    };
  },
});
