import type { TimeoutsPolicy } from '../../model/policy.ts';
import { defineFeature } from '../kit/feature.ts';
import { seconds } from '../kit/values.ts';

/** Waits towards the upstream (docs/reference/annotations.md §3.7). */
export const timeouts = defineFeature({
  name: 'timeouts',
  doc: 'How long Serin waits for an upstream.',
  scope: 'route',
  annotations: {
    'proxy-connect-timeout': {
      parse: seconds,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-connect-timeout',
      fallback: 5_000,
      doc: 'Seconds for TCP and TLS connect; then the next try, finally 504.',
    },
    'proxy-send-timeout': {
      parse: seconds,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-send-timeout',
      fallback: 60_000,
      doc: 'Longest gap in seconds between two writes to the upstream.',
    },
    'proxy-read-timeout': {
      parse: seconds,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-read-timeout',
      fallback: 60_000,
      doc: 'Longest gap in seconds between two reads from the upstream; also ends silent WebSockets.',
    },
  },
  translate: (values): TimeoutsPolicy => ({
    connectTimeoutMs: values['proxy-connect-timeout'] ?? 5_000,
    sendTimeoutMs: values['proxy-send-timeout'] ?? 60_000,
    readTimeoutMs: values['proxy-read-timeout'] ?? 60_000,
  }),
});
