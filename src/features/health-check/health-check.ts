import type { HealthCheckPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { oneOf, seconds, url, where } from '../kit/values.ts';

const DEFAULT_INTERVAL_MS = 5_000;
const DEFAULT_TIMEOUT_MS = 1_000;

const path = where(url, (value) => value.startsWith('/'), 'does not begin with a slash');
const someSeconds = where(seconds, (value) => value > 0, 'is not above 0');

/** Active checks, as the open nginx has none; a check is what a kubelet's httpGet probe is. */
export const healthCheck = defineFeature({
  name: 'health-check',
  doc: 'Active health checks of endpoints.',
  scope: 'upstream',
  annotations: {
    'upstream-health-check-path': {
      parse: path,
      risk: 'low',
      onInvalid: 'default',
      doc: 'Each endpoint is asked for this path; two failures in a row take it out of rotation, one pass brings it back. Unset: no checks. (Serin only.)',
    },
    'upstream-health-check-scheme': {
      parse: oneOf(['http', 'https'], true),
      risk: 'low',
      onInvalid: 'default',
      doc: '`http` (default) or `https`, then without verification of the certificate. (Serin only.)',
    },
    'upstream-health-check-interval': {
      parse: someSeconds,
      risk: 'low',
      onInvalid: 'default',
      doc: 'Seconds from one check of an endpoint to the next; default 5. (Serin only.)',
    },
    'upstream-health-check-timeout': {
      parse: someSeconds,
      risk: 'low',
      onInvalid: 'default',
      doc: 'Seconds an endpoint has for its answer; default 1. (Serin only.)',
    },
  },
  vain: [
    {
      of: ['upstream-health-check-scheme', 'upstream-health-check-interval', 'upstream-health-check-timeout'],
      problem: 'counts only together with upstream-health-check-path',
      consequence: 'there are no active checks',
      isFallbackTold: true,
      holds: (values) => (values['upstream-health-check-path'] ?? '') === '',
    },
  ],
  translate: (values): HealthCheckPolicy | undefined => {
    const target = values['upstream-health-check-path'];
    if (target === undefined || target === '') return undefined;
    return {
      path: target,
      scheme: values['upstream-health-check-scheme'] ?? 'http',
      intervalMs: values['upstream-health-check-interval'] ?? DEFAULT_INTERVAL_MS,
      timeoutMs: values['upstream-health-check-timeout'] ?? DEFAULT_TIMEOUT_MS,
    };
  },
});
