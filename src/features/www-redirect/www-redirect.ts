import { wwwTwin } from '../../lib/www-twin.ts';
import type { WwwRedirectPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import type { RequestView } from '../kit/filter.ts';
import { readRedirectCode } from '../kit/redirect-code.ts';
import { voidRedirects } from '../kit/redirect-group.ts';
import { bool } from '../kit/values.ts';

/** Redirects `www.` of a host to it, or a host to its `www.` (docs/reference/annotations.md §2.3). The other name is an alias. */
export const wwwRedirect = defineFeature({
  name: 'www-redirect',
  doc: 'Redirects between a host and its `www.` name.',
  scope: 'host',
  names: { kind: 'implied', of: (_, host) => [wwwTwin(host)].filter((name) => name !== undefined) },
  stage: 'host',
  annotations: {
    'from-to-www-redirect': {
      parse: bool,
      risk: 'low',
      onInvalid: 'drop',
      fallback: false,
      doc: '`true`: `www.a.test` leads to host `a.test`, or `a.test` to host `www.a.test`, unless the other name is a host or an alias by itself. The Location always has a port.',
      difference: 'behind a balancer that names a scheme and no port the redirect has no port',
    },
  },
  vain: [
    {
      of: ['from-to-www-redirect'],
      problem: 'does not count for wildcard hosts and rules without a host',
      consequence: 'nothing is redirected there',
      holds: (_, { hosts }) => hosts.some((host) => wwwTwin(host) === undefined),
    },
    {
      of: ['from-to-www-redirect'],
      problem: 'does not count beside a temporal-redirect or permanent-redirect that is none',
      consequence: 'nothing is redirected',
      holds: (_, place) => voidRedirects(place) !== undefined,
    },
  ],
  translate: (values, context): WwwRedirectPolicy | undefined => {
    if (values['from-to-www-redirect'] !== true || voidRedirects(context) !== undefined) return undefined;
    return { status: readRedirectCode(context.setting) };
  },
  createFilter: ({ status }, { host, settings }) => {
    const twin = wwwTwin(host.name);
    return {
      onRequest(request) {
        if (request.host !== twin) return undefined;
        const { connectionScheme, target } = request;
        const scheme = isWeb(request.scheme) ? request.scheme : connectionScheme;
        const said = settings.isForwardedTrusted ? request.header('x-forwarded-port') : undefined;
        const port = isPort(said) ? said : portOf(scheme, request);
        const path = target.endsWith('/') ? target.slice(0, -1) : target;
        return { status, headers: [['Location', `${scheme}://${host.name}:${port}${path}`]] };
      },
    };
  },
});

function isWeb(scheme: string): boolean {
  return scheme === 'http' || scheme === 'https';
}

function isPort(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,5}$/.test(text);
}

/** The port of the connection answers for the connection's scheme only: a hop that says another one has a port of its own. */
function portOf(scheme: string, { connectionScheme, localPort, proxiedPort }: RequestView): number {
  if (scheme !== connectionScheme) return scheme === 'https' ? 443 : 80;
  return proxiedPort ?? (scheme === 'https' ? 443 : localPort);
}
