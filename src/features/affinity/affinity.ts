import type { AffinityPolicy } from '../../model/policy.ts';
import { parseGoBool } from '../../lib/nginx-values.ts';
import { defineFeature, type Parser } from '../kit/feature.ts';
import { asksForRegex } from '../kit/rewrite-in-force.ts';
import type { Place } from '../kit/place.ts';
import { looksLikeRegex } from '../kit/vain.ts';
import { isCookieDomainTaken, isCookiePathSent } from './cookie-scope.ts';
import { basic, bool, oneOf, url } from '../kit/values.ts';

/** A number of seconds; ingress-nginx's validator is loosely anchored, so a leading number counts. */
const secondsText: Parser<number> = (raw) => {
  const match = /^-?\d+/.exec(raw);
  return match === null
    ? { ok: false, problem: 'is not a number of seconds' }
    : { ok: true, value: Number(match[0]) };
};

const sameSite: Parser<'None' | 'Lax' | 'Strict' | undefined> = (raw) => {
  const value = (['None', 'Lax', 'Strict'] as const).find((word) => word === raw);
  return value === undefined
    ? { ok: false, problem: 'is not spelled None, Lax or Strict' }
    : { ok: true, value };
};

/** Cookie stickiness (docs/reference/annotations.md §4). */
export const affinity = defineFeature({
  name: 'affinity',
  doc: 'Keeps a client on one endpoint by a cookie.',
  scope: 'upstream',
  isOnRoutes: true, // sessions begin only on routes whose Ingress asks for them (docs/reference/annotations.md §4.1)
  merge: {
    of: (first: AffinityPolicy, last: AffinityPolicy) => ({ ...last, mode: first.mode }),
    consequence: 'the mode of the older Ingress and the cookie of the youngest one count for both',
  },
  annotations: {
    affinity: {
      parse: oneOf(['cookie']),
      risk: 'low',
      onInvalid: 'default',
      doc: '`cookie` switches it on.',
    },
    'affinity-mode': {
      parse: oneOf(['balanced', 'persistent']),
      risk: 'medium',
      onInvalid: 'default',
      fallback: 'balanced',
      doc: '`balanced` moves some sessions when it scales, `persistent` none.',
    },
    'session-cookie-name': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'default',
      fallback: 'INGRESSCOOKIE',
      doc: 'Name of the cookie.',
    },
    'session-cookie-expires': {
      parse: secondsText,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Seconds until the cookie expires (Expires).',
    },
    'session-cookie-max-age': {
      parse: secondsText,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Seconds until the cookie expires (Max-Age).',
    },
    'session-cookie-path': {
      parse: url,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Path of the cookie; default the path of the Ingress. Needed with regex paths.',
    },
    'session-cookie-domain': {
      parse: basic,
      risk: 'medium',
      onInvalid: 'default',
      doc: 'Domain of the cookie.',
    },
    'session-cookie-samesite': {
      parse: sameSite,
      risk: 'low',
      onInvalid: 'default',
      doc: 'None, Lax or Strict.',
    },
    'session-cookie-conditional-samesite-none': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      doc: 'Leave SameSite=None out for browsers that refuse it.',
    },
    'session-cookie-secure': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      doc: '`true`: always Secure; else Secure on https.',
    },
    'session-cookie-change-on-failure': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: false,
      doc: 'Another endpoint and a new cookie when a try fails.',
    },
  },
  vain: [
    {
      of: [
        'affinity-mode',
        'session-cookie-name',
        'session-cookie-expires',
        'session-cookie-max-age',
        'session-cookie-path',
        'session-cookie-domain',
        'session-cookie-samesite',
        'session-cookie-conditional-samesite-none',
        'session-cookie-secure',
        'session-cookie-change-on-failure',
      ],
      problem: 'counts only together with affinity: cookie',
      consequence: 'there are no sessions',
      holds: (values) => values.affinity !== 'cookie',
    },
    {
      of: ['affinity'],
      problem: 'has a regular expression for the path of its cookie, since there is no session-cookie-path',
      consequence: 'no browser sends the cookie back, and there are no sessions',
      holds: (values, place) => values['session-cookie-path'] === undefined && hasRegexPath(place),
    },
    {
      of: ['session-cookie-path'],
      problem: 'is a path under which the paths of the Ingress are not',
      consequence: 'no browser sends the cookie back, and there are no sessions',
      holds: (values, { paths }) => !isCookiePathSent(values['session-cookie-path'] ?? '/', paths),
    },
    {
      of: ['session-cookie-domain'],
      problem: 'is no domain of the hosts of the Ingress',
      consequence: 'no browser takes the cookie, and there are no sessions',
      holds: (values, place) =>
        place.text('server-alias') === undefined &&
        !isCookieDomainTaken(values['session-cookie-domain'] ?? '', place.hosts),
    },
    {
      of: ['session-cookie-max-age', 'session-cookie-expires'],
      problem: 'lets the cookie expire at once',
      consequence: 'no browser keeps the cookie, and there are no sessions',
      holds: (values) => (values['session-cookie-max-age'] ?? values['session-cookie-expires'] ?? 1) <= 0,
    },
    {
      of: ['session-cookie-conditional-samesite-none'],
      problem: 'counts only together with session-cookie-samesite: None',
      consequence: 'it is ignored',
      holds: (values) => values['session-cookie-samesite'] !== 'None',
    },
    {
      of: ['session-cookie-secure'],
      problem: 'does not take Secure away',
      consequence: 'the cookie is Secure on https connections',
      isFallbackTold: true,
      holds: (values) => values['session-cookie-secure'] === false,
    },
  ],
  translate: (values): AffinityPolicy | undefined => {
    if (values.affinity !== 'cookie') return undefined;
    const optional = {
      expiresSeconds: values['session-cookie-expires'],
      maxAgeSeconds: values['session-cookie-max-age'],
      path: values['session-cookie-path'] || undefined,
      domain: values['session-cookie-domain'] || undefined,
      sameSite: values['session-cookie-samesite'],
    };
    return {
      mode: values['affinity-mode'] ?? 'balanced',
      cookieName: values['session-cookie-name'] || 'INGRESSCOOKIE',
      ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
      isSameSiteNoneConditional: values['session-cookie-conditional-samesite-none'] ?? false,
      isAlwaysSecure: values['session-cookie-secure'] ?? false,
      isChangedOnFailure: values['session-cookie-change-on-failure'] ?? false,
    };
  },
});

function hasRegexPath(place: Place): boolean {
  const target = place.text('rewrite-target');
  const isRegex = parseGoBool(place.text('use-regex') ?? '') === true;
  return place.paths.some(({ path }) => asksForRegex({ target, isRegex }, path) && looksLikeRegex(path));
}
