import { wwwTwin } from '../../lib/www-twin.ts';
import type { WwwRedirectPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { readRedirectCode } from '../kit/redirect-code.ts';
import { bool } from '../kit/values.ts';

/** Redirects `www.` of a host to it, or a host to its `www.` (annotations.md §2.3). The translator makes the other name an alias. */
export const wwwRedirect = defineFeature({
  name: 'www-redirect',
  doc: 'Redirects between a host and its `www.` name.',
  scope: 'host',
  stage: 'host',
  annotations: {
    'from-to-www-redirect': {
      parse: bool,
      risk: 'low',
      onInvalid: 'drop',
      fallback: false,
      doc: '`true`: `www.a.test` leads to host `a.test`, or `a.test` to host `www.a.test`, unless the other name is a host or an alias by itself. The Location always has a port.',
    },
  },
  translate: (values, { setting }): WwwRedirectPolicy | undefined => {
    if (values['from-to-www-redirect'] !== true) return undefined;
    return { status: readRedirectCode(setting) };
  },
  createFilter: ({ status }, { host, settings }) => {
    const twin = wwwTwin(host.name);
    return {
      onRequest(request) {
        if (request.host !== twin) return undefined;
        const { connectionScheme, localPort, scheme, target } = request;
        const seenPort = settings.isForwardedTrusted ? request.header('x-forwarded-port') : undefined;
        const port = seenPort || (connectionScheme === 'https' ? 443 : localPort);
        const path = target.endsWith('/') ? target.slice(0, -1) : target;
        return { status, headers: [['Location', `${scheme}://${host.name}:${port}${path}`]] };
      },
    };
  },
});
