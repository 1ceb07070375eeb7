import type { BackendProtocolPolicy } from '../../model/policy.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { defineFeature } from '../kit/feature.ts';
import { oneOf } from '../kit/values.ts';

/** How the upstream is spoken to (docs/reference/annotations.md §3.1). */
export const backendProtocol = defineFeature({
  name: 'backend-protocol',
  doc: 'Protocol towards the upstream.',
  scope: 'route',
  needsService: true,
  annotations: {
    'backend-protocol': {
      parse: oneOf(['HTTP', 'HTTPS', 'AUTO_HTTP', 'GRPC', 'GRPCS', 'FCGI'], true),
      risk: 'low',
      onInvalid: 'default',
      fallback: 'HTTP',
      doc: 'HTTP, HTTPS or AUTO_HTTP (that of the client connection), in any case. GRPC, GRPCS and FCGI are not served yet.',
    },
  },
  translate: (values, context): BackendProtocolPolicy => {
    const value = values['backend-protocol'] ?? 'HTTP';
    if (value === 'HTTPS') return { protocol: 'https' };
    if (value === 'AUTO_HTTP') return { protocol: 'auto' };
    if (value !== 'HTTP') {
      denyRoutes(context, 'UnsupportedAnnotation', {
        field: 'metadata.annotations[backend-protocol]',
        value,
        problem: 'is a protocol that Serin does not speak yet',
      });
    }
    return { protocol: 'http' };
  },
});
