import type { SatisfyPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { oneOf } from '../kit/values.ts';

const CHECKS = [
  'allowlist-source-range',
  'whitelist-source-range',
  'denylist-source-range',
  'auth-type',
  'auth-url',
  'serin.dev/jwt-issuer',
];
const CONFIGURED_CHECKS = [
  'whitelist-source-range',
  'denylist-source-range',
  'block-cidrs',
  'global-auth-url',
];

/** How the checks of a route combine; features/kit/access.ts does it. */
export const satisfy = defineFeature({
  name: 'satisfy',
  doc: 'How lists of addresses, basic authentication, JSON Web Tokens and external authentication combine.',
  scope: 'route',
  annotations: {
    satisfy: {
      parse: oneOf(['all', 'any']),
      risk: 'low',
      onInvalid: 'default',
      fallback: 'all',
      doc: '`all`: every check has to let a request in; `any`: one is enough. If none does, 401 comes before 403.',
    },
  },
  vain: [
    {
      of: ['satisfy'],
      problem: 'counts only together with lists of addresses or authentication',
      consequence: 'there is nothing to combine',
      holds: (_, place) =>
        !CHECKS.some((name) => place.text(name) !== undefined) &&
        !CONFIGURED_CHECKS.some((key) => place.setting(key) !== undefined),
    },
  ],
  translate: (values): SatisfyPolicy | undefined => (values.satisfy === 'any' ? { mode: 'any' } : undefined),
});
