import type { LoggingPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
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
  translate: (values): LoggingPolicy => ({ isAccessLogged: values['enable-access-log'] ?? true }),
});
