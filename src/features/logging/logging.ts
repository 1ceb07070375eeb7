import type { LoggingPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { parseGoBool } from '../../lib/nginx-values.ts';
import { bool } from '../kit/values.ts';

/** Whether a route is logged (docs/reference/annotations.md §10). */
export const logging = defineFeature({
  name: 'logging',
  doc: 'Access log of a route.',
  scope: 'route',
  annotations: {
    'enable-access-log': {
      parse: bool,
      risk: 'low',
      onInvalid: 'default',
      fallback: true,
      doc: '`false`: no access log line.',
    },
  },
  vain: [
    {
      of: ['enable-access-log'],
      problem: 'does not count with the ConfigMap key disable-access-log: "true"',
      consequence: 'nothing is logged',
      isFallbackTold: true,
      holds: (values, place) =>
        values['enable-access-log'] === true &&
        parseGoBool(place.setting('disable-access-log') ?? '') === true,
    },
  ],
  translate: (values): LoggingPolicy => ({ isAccessLogged: values['enable-access-log'] ?? true }),
});
