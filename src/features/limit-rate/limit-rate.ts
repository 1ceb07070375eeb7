import type { LimitRatePolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { isRedirected } from '../kit/vain.ts';
import { int } from '../kit/values.ts';

const KILOBYTE = 1_024;

/** How fast a response goes to its client (docs/reference/annotations.md §6, docs/limits.md). */
export const limitRate = defineFeature({
  name: 'limit-rate',
  doc: 'How fast the body of a response goes to its client, each response for itself ([limits](limits.md)).',
  scope: 'route',
  annotations: {
    'limit-rate': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'limit-rate',
      fallback: 0,
      doc: 'Kilobytes (1,024 bytes) per second; 0: as fast as the client takes it.',
      difference: 'heads, and pages of the proxy itself, do not count',
    },
    'limit-rate-after': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'limit-rate-after',
      fallback: 0,
      doc: 'Kilobytes that go out before the rate counts.',
    },
  },
  vain: [
    {
      of: ['limit-rate', 'limit-rate-after'],
      problem: 'does not count for a route that redirects every request',
      consequence: 'there is no response to slow down',
      holds: (_, place) => isRedirected(place),
    },
    {
      of: ['limit-rate'],
      problem: 'is below 0',
      consequence: 'responses are as fast as their clients take them',
      holds: (values) => (values['limit-rate'] ?? 0) < 0,
    },
    {
      of: ['limit-rate-after'],
      problem: 'counts only together with limit-rate, or a header X-Accel-Limit-Rate of the upstream',
      consequence: 'responses are as fast as their clients take them',
      holds: (values) => (values['limit-rate'] ?? 0) <= 0,
    },
  ],
  translate: (values): LimitRatePolicy | undefined => {
    const bytesPerSecond = Math.max(0, values['limit-rate'] ?? 0) * KILOBYTE;
    const freeBytes = Math.max(0, values['limit-rate-after'] ?? 0) * KILOBYTE;
    return bytesPerSecond + freeBytes > 0 ? { bytesPerSecond, freeBytes } : undefined;
  },
});
