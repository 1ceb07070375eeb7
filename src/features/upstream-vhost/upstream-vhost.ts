import { defineFeature } from '../kit/feature.ts';
import { expandVariables, fillRouteVariables } from '../kit/variables.ts';
import { isRedirected } from '../kit/vain.ts';
import { serverish } from '../kit/values.ts';

export interface UpstreamVhostPolicy {
  /** Host text; may contain $variables. */
  readonly host: string;
}

/** The Host that the upstream sees (docs/reference/annotations.md §2). */
export const upstreamVhost = defineFeature({
  name: 'upstream-vhost',
  doc: 'Host header towards the upstream.',
  scope: 'route',
  annotations: {
    'upstream-vhost': {
      parse: serverish,
      risk: 'low',
      onInvalid: 'drop',
      doc: 'Replaces the Host header towards the upstream; X-Forwarded-Host keeps the original. May contain $variables.',
    },
  },
  vain: [
    {
      of: ['upstream-vhost'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'no request reaches the upstream',
      holds: (_, place) => isRedirected(place),
    },
  ],
  translate: (values): UpstreamVhostPolicy | undefined =>
    values['upstream-vhost'] === undefined ? undefined : { host: values['upstream-vhost'] },
  createFilter: ({ host: written }, { route }) => {
    const host = fillRouteVariables(written, route?.labels);
    const hasVariables = host.includes('$');
    return {
      onRequest(request) {
        request.upstreamHost = hasVariables ? expandVariables(host, request) : host;
        return undefined;
      },
    };
  },
});
