import { isGrpcSpoken, NOT_WITH_GRPC } from '../kit/grpc-spoken.ts';
import { defineFeature, type Parser } from '../kit/feature.ts';
import { basic, url } from '../kit/values.ts';

interface Replacement {
  readonly from: string;
  readonly to: string;
}

export interface ProxyCookiePolicy {
  /** Whole Domain that is replaced, in any case, without the dot in front. */
  readonly domain?: Replacement;
  /** Beginning of a Path that is replaced. */
  readonly path?: Replacement;
}

/** `off`, or two texts with a blank between them, of characters that `parse` takes. */
function replacement(parse: Parser<string>): Parser<Replacement | undefined> {
  return (raw) => {
    const parsed = parse(raw);
    if (!parsed.ok) return parsed;
    const [from, to, ...rest] = parsed.value.split(/\s+/);
    if (from === 'off' && to === undefined) return { ok: true, value: undefined };
    if (from === undefined || to === undefined || rest.length > 0) {
      return { ok: false, problem: 'is neither off nor two texts' };
    }
    return { ok: true, value: { from, to } };
  };
}

/** Rewrites the cookies that the upstream sets (docs/reference/annotations.md §3.6; nginx: proxy_cookie_domain, proxy_cookie_path). */
export const proxyCookie = defineFeature({
  name: 'proxy-cookie',
  doc: 'Rewrites Domain and Path of the cookies that the upstream sets.',
  scope: 'route',
  isOfHttp: true,
  annotations: {
    'proxy-cookie-domain': {
      parse: replacement(basic),
      risk: 'medium',
      onInvalid: 'default',
      configMapKey: 'proxy-cookie-domain',
      doc: '`inside.test outside.test`: a Domain that is the first becomes the second; `off`: none does.',
    },
    'proxy-cookie-path': {
      parse: replacement(url),
      risk: 'medium',
      onInvalid: 'default',
      configMapKey: 'proxy-cookie-path',
      doc: '`/from/ /to/`: a Path that begins with the first begins with the second; `off`: none does.',
    },
  },
  vain: [
    {
      of: ['proxy-cookie-domain', 'proxy-cookie-path'],
      problem: NOT_WITH_GRPC,
      consequence: 'cookies of the upstream stay as they are',
      holds: (_, place) => isGrpcSpoken(place),
    },
    {
      of: ['proxy-cookie-domain'],
      problem: 'replaces a text by itself',
      consequence: 'cookies stay as they are',
      holds: ({ 'proxy-cookie-domain': domain }) => domain !== undefined && domain.from === domain.to,
    },
    {
      of: ['proxy-cookie-path'],
      problem: 'replaces a text by itself',
      consequence: 'cookies stay as they are',
      holds: ({ 'proxy-cookie-path': path }) => path !== undefined && path.from === path.to,
    },
    {
      of: ['proxy-cookie-path'],
      problem: 'gives a path that does not begin with a slash',
      consequence: 'browsers take the path of the request in its place',
      holds: ({ 'proxy-cookie-path': path }) => path !== undefined && !path.to.startsWith('/'),
    },
  ],
  translate: (values): ProxyCookiePolicy | undefined => {
    const domain = values['proxy-cookie-domain'];
    const path = values['proxy-cookie-path'];
    if (domain === undefined && path === undefined) return undefined;
    return { ...(domain && { domain }), ...(path && { path }) };
  },
  createFilter: (policy) => ({
    onResponse(response) {
      if (!response.isLocal) response.replace('set-cookie', (cookie) => rewriteCookie(cookie, policy));
    },
  }),
});

/** Replaces the values of the attributes and leaves everything else as it was written. */
export function rewriteCookie(cookie: string, { domain, path }: ProxyCookiePolicy): string {
  const [pair = '', ...attributes] = cookie.split(';');
  const rewritten = attributes.map((attribute) => {
    const equals = attribute.indexOf('=');
    if (equals < 0) return attribute;
    const value = attribute.slice(equals + 1).trim();
    switch (attribute.slice(0, equals).trim().toLowerCase()) {
      case 'domain':
        return domain !== undefined && bare(value) === bare(domain.from)
          ? attribute.slice(0, equals + 1) + domain.to
          : attribute;
      case 'path':
        return path !== undefined && value.startsWith(path.from)
          ? attribute.slice(0, equals + 1) + path.to + value.slice(path.from.length)
          : attribute;
      default:
        return attribute;
    }
  });
  return [pair, ...rewritten].join(';');
}

function bare(domain: string): string {
  return domain.replace(/^\./, '').toLowerCase();
}
