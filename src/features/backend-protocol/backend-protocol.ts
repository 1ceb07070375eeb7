import { parseGoInteger } from '../../lib/go-values.ts';
import type { BackendProtocolPolicy } from '../../model/policy.ts';
import { denyRoutes } from '../kit/deny-routes.ts';
import { defineFeature } from '../kit/feature.ts';
import { oneOf } from '../kit/values.ts';

/** A worker reads no longer heads, whatever the setting. */
const MAX_HEAD_KB = 256;

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
      doc: 'HTTP, HTTPS, AUTO_HTTP (that of the client connection), GRPC (HTTP/2 by prior knowledge) or GRPCS (HTTP/2 over TLS), in any case. FCGI is not served.',
    },
  },
  configMapKeys: {
    'grpc-buffer-size-kb': 'Largest response head of a gRPC upstream in KiB, decoded; 16 where it is less.',
  },
  translate: (values, context): BackendProtocolPolicy => {
    const value = values['backend-protocol'] ?? 'HTTP';
    if (value === 'HTTPS') return { protocol: 'https' };
    if (value === 'AUTO_HTTP') return { protocol: 'auto' };
    if (value === 'GRPC' || value === 'GRPCS') {
      const kilobytes = parseGoInteger(context.setting('grpc-buffer-size-kb') ?? '') ?? 0;
      return {
        protocol: value === 'GRPC' ? 'grpc' : 'grpcs',
        ...(kilobytes > 0 ? { maxResponseHeadBytes: Math.min(kilobytes, MAX_HEAD_KB) * 1024 } : {}),
      };
    }
    if (value !== 'HTTP') {
      denyRoutes(context, 'UnsupportedAnnotation', {
        field: 'metadata.annotations[backend-protocol]',
        value,
        problem: 'is a protocol that Serin does not speak',
        refused: `backend-protocol: ${value}`,
      });
    }
    return { protocol: 'http' };
  },
});
