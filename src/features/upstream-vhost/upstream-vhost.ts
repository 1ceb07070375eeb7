import { compileTemplate } from '../../lib/variables/template.ts';
import { defineFeature } from '../kit/feature.ts';
import { reportUnknownVariables } from '../kit/unknown-variables.ts';
import { isRedirected } from '../kit/vain.ts';
import { plainText, serverish } from '../kit/values.ts';

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
      parseUnchecked: plainText,
      risk: 'low',
      onInvalid: 'drop',
      doc: 'Replaces the Host header towards the upstream; X-Forwarded-Host keeps the original. May contain $variables and captures of the path.',
      difference: 'what a decoded path brings in that has no place in a header is answered 400',
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
  translate: (values, context): UpstreamVhostPolicy | undefined => {
    const host = values['upstream-vhost'];
    reportUnknownVariables(context, 'upstream-vhost', host);
    return host === undefined ? undefined : { host };
  },
  createFilter: ({ host }) => {
    const expand = compileTemplate(host);
    return {
      onRequest(request) {
        request.upstreamHost = expand(request);
        return undefined;
      },
    };
  },
});
