import { isExempt, readExemptPaths } from '../kit/exempt-paths.ts';
import { defineFeature } from '../kit/feature.ts';
import type { DirectResponse } from '../kit/filter.ts';
import { bool } from '../kit/values.ts';

export interface GlobalAuthPolicy {
  /** Path prefixes that need no authentication (ConfigMap no-auth-locations). */
  readonly exempt: readonly string[];
}

const CLOSED: DirectResponse = { status: 503 };

/**
 * External authentication for all routes (ConfigMap global-auth-url) is not there yet: what it protects is closed, never open
 * (docs/reference/annotations.md §5).
 */
export const globalAuth = defineFeature({
  name: 'global-auth',
  doc: 'Authentication of all routes by ConfigMap `global-auth-url` is not supported yet: those routes answer 503.',
  scope: 'route',
  annotations: {
    'enable-global-auth': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: true,
      isProtection: true,
      doc: '`false` exempts the routes from `global-auth-url`.',
    },
  },
  configMapKeys: {
    'global-auth-url': 'Authentication service of all routes; closes them as long as Serin cannot ask it.',
    'no-auth-locations': 'Path prefixes without authentication; default /.well-known/acme-challenge.',
  },
  vain: [
    {
      of: ['enable-global-auth'],
      problem: 'counts only together with the ConfigMap key global-auth-url',
      consequence: 'nobody is asked who he is',
      isFallbackTold: true,
      holds: (values, place) =>
        values['enable-global-auth'] === true && place.setting('global-auth-url') === undefined,
    },
  ],
  translate: (values, { setting, findings, source }): GlobalAuthPolicy | undefined => {
    const url = setting('global-auth-url');
    // The default backend is no Ingress's, and ingress-nginx asks nobody for it.
    if (url === undefined || source.kind !== 'Ingress' || values['enable-global-auth'] === false)
      return undefined;
    findings.error(source, 'UnsupportedSetting', {
      field: 'ConfigMap data.global-auth-url',
      value: url,
      problem: 'asks for external authentication, which is not supported',
      consequence: 'nobody is let in: the routes of the Ingress answer 503',
    });
    return { exempt: readExemptPaths(setting) };
  },
  createFilter: ({ exempt }, context) =>
    isExempt(exempt, context) ? undefined : { onRequest: () => CLOSED },
});
