import type { BodyPolicy } from '../../model/policy.ts';
import { isGrpcSpoken, NOT_WITH_GRPC } from '../kit/grpc-spoken.ts';
import { defineFeature, type Parser } from '../kit/feature.ts';
import { parseNginxSize } from '../../lib/nginx-values.ts';
import { int, onOff, oneOf, size } from '../kit/values.ts';

const inert = 'Taken for compatibility: Serin streams responses through bounded buffers of its own.';

/** A size; with the units b and g too, which ingress-nginx lets pass without applying them, since refusing it costs the whole Ingress. */
const bufferSize: Parser<number | 'none'> = (raw) => {
  const bytes = parseNginxSize(raw);
  if (bytes !== undefined && !/g$/i.test(raw)) return { ok: true, value: bytes };
  return /^\d+[bg]$/i.test(raw)
    ? { ok: true, value: 'none' }
    : { ok: false, problem: 'is not a size such as 8k or 1m' };
};

/** Sizes and buffering of bodies and heads (docs/reference/annotations.md §3.7). */
export const body = defineFeature({
  name: 'body',
  doc: 'Limits and buffering of request bodies and response heads.',
  scope: 'route',
  annotations: {
    'proxy-body-size': {
      parse: size,
      risk: 'medium',
      onInvalid: 'default',
      configMapKey: 'proxy-body-size',
      fallback: 1_048_576,
      doc: 'Largest request body; a larger one is a 413; 0 is unlimited.',
    },
    'proxy-request-buffering': {
      parse: onOff,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-request-buffering',
      fallback: true,
      doc: 'Whether the request body is read before the upstream is contacted.',
      difference: 'with off, up to 1m is kept until the response begins, so that another try can send it',
    },
    'proxy-buffer-size': {
      parse: size,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-buffer-size',
      fallback: 4_096,
      doc: 'Largest response head; a larger one is a 502.',
    },
    'proxy-http-version': {
      parse: oneOf(['1.0', '1.1']),
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-http-version',
      fallback: '1.1',
      doc: 'Protocol towards the upstream; 1.0 has neither keep-alive nor upgrades.',
    },
    'connection-proxy-header': {
      parse: oneOf(['close', 'keep-alive']),
      risk: 'low',
      onInvalid: 'drop',
      doc: 'Forces the Connection header towards the upstream (and breaks WebSockets).',
    },
    'client-body-buffer-size': {
      parse: bufferSize,
      risk: 'low',
      onInvalid: 'drop',
      configMapKey: 'client-body-buffer-size',
      doc: 'So much of a buffered request body is held in memory, a longer one on disk; without it 1m.',
      difference:
        '1m instead of 8k where it is not set; memory and disk for bodies are bounded for all together',
    },
    'proxy-buffering': {
      parse: onOff,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-buffering',
      fallback: false,
      doc: inert,
      isInert: true,
    },
    'proxy-buffers-number': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-buffers-number',
      doc: inert,
      isInert: true,
    },
    'proxy-busy-buffers-size': {
      parse: size,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-busy-buffers-size',
      doc: inert,
      isInert: true,
    },
    'proxy-max-temp-file-size': {
      parse: size,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-max-temp-file-size',
      doc: inert,
      isInert: true,
    },
  },
  vain: [
    {
      of: [
        'proxy-request-buffering',
        'client-body-buffer-size',
        'proxy-buffer-size',
        'proxy-http-version',
        'connection-proxy-header',
      ],
      problem: NOT_WITH_GRPC,
      consequence: 'bodies are passed on as they come, in HTTP/2',
      holds: (_, place) => isGrpcSpoken(place),
    },
    {
      of: ['connection-proxy-header'],
      problem: 'does not count with proxy-http-version 1.0, which keeps no connections',
      consequence: 'connections are closed behind each response',
      holds: (values) =>
        values['proxy-http-version'] === '1.0' && values['connection-proxy-header'] === 'keep-alive',
    },
  ],
  translate: (values): BodyPolicy => ({
    maxBodyBytes: values['proxy-body-size'] ?? 1_048_576,
    isRequestBuffered: values['proxy-request-buffering'] ?? true,
    ...(typeof values['client-body-buffer-size'] === 'number'
      ? { maxBufferedBytes: values['client-body-buffer-size'] }
      : {}),
    maxResponseHeadBytes: values['proxy-buffer-size'] ?? 4_096,
    upstreamHttpMinor: values['proxy-http-version'] === '1.0' ? 0 : 1,
    ...(values['connection-proxy-header'] === undefined
      ? {}
      : { connectionHeader: values['connection-proxy-header'] }),
  }),
});
