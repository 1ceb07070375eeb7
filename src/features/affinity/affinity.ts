import type { AffinityPolicy } from '../../model/policy.ts';
import { defineFeature, type Parser } from '../kit/feature.ts';
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
