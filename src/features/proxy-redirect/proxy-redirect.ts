import { isGrpcSpoken, NOT_WITH_GRPC } from '../kit/grpc-spoken.ts';
import { defineFeature } from '../kit/feature.ts';
import { locationFormOf, toLocation } from '../kit/location-form.ts';
import { url } from '../kit/values.ts';

export interface ProxyRedirectPolicy {
  /** Prefix of the upstream's Location that is replaced; case-sensitive. */
  readonly from: string;
  readonly to: string;
}

/** Rewrites the redirects of the upstream (docs/reference/annotations.md §3.6). */
export const proxyRedirect = defineFeature({
  name: 'proxy-redirect',
  doc: 'Replaces the beginning of Location and Refresh in responses of the upstream. Takes both annotations.',
  scope: 'route',
  isOfHttp: true,
  annotations: {
    'proxy-redirect-from': {
      parse: url,
      risk: 'medium',
      onInvalid: 'default',
      configMapKey: 'proxy-redirect-from',
      fallback: 'off',
      doc: 'What is replaced; `off` and `default` leave responses as they are.',
    },
    'proxy-redirect-to': {
      parse: url,
      risk: 'medium',
      onInvalid: 'default',
      configMapKey: 'proxy-redirect-to',
      fallback: 'off',
      doc: 'What comes in its place. A Location that begins with a slash then gets scheme and host of the request.',
    },
  },
  vain: [
    {
      of: ['proxy-redirect-from', 'proxy-redirect-to'],
      problem: NOT_WITH_GRPC,
      consequence: 'redirects of the upstream stay as they are',
      holds: (_, place) => isGrpcSpoken(place),
    },
    {
      of: ['proxy-redirect-from'],
      problem: 'counts only together with proxy-redirect-to',
      consequence: 'redirects of the upstream stay as they are',
      holds: (values) => isFromSet(values['proxy-redirect-from']) && !isToSet(values['proxy-redirect-to']),
    },
    {
      of: ['proxy-redirect-to'],
      problem: 'counts only together with proxy-redirect-from',
      consequence: 'redirects of the upstream stay as they are',
      holds: (values) => isToSet(values['proxy-redirect-to']) && !isFromSet(values['proxy-redirect-from']),
    },
    {
      of: ['proxy-redirect-to'],
      problem: 'is what proxy-redirect-from is',
      consequence: 'redirects of the upstream stay as they are',
      holds: (values) => values['proxy-redirect-to'] === values['proxy-redirect-from'],
    },
  ],
  translate: (values): ProxyRedirectPolicy | undefined => {
    const from = values['proxy-redirect-from'] ?? 'off';
    const to = values['proxy-redirect-to'] ?? 'off';
    return isFromSet(from) && isToSet(to) ? { from, to } : undefined;
  },
  createFilter: ({ from, to }, { route }) => {
    const form = locationFormOf(route?.policies);
    return {
      onResponse(response, request) {
        if (response.isLocal) return;
        const location = response.get('location');
        if (location?.startsWith(from) === true) {
          const next = to + location.slice(from.length);
          response.set('Location', next.startsWith('/') ? toLocation(next, form, request) : next);
        }
        const refresh = response.get('refresh');
        const url = refresh === undefined ? -1 : refresh.toLowerCase().indexOf('url=') + 4;
        if (refresh !== undefined && url > 3 && refresh.startsWith(from, url)) {
          response.set('Refresh', refresh.slice(0, url) + to + refresh.slice(url + from.length));
        }
      },
    };
  },
});

function isFromSet(from: string | undefined): boolean {
  return from !== undefined && from !== 'off' && from !== 'default';
}

function isToSet(to: string | undefined): boolean {
  return to !== undefined && to !== 'off';
}
