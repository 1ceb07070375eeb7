import type { RetryCondition, RetryPolicy } from '../../model/policy.ts';
import { parseGoBool } from '../../lib/nginx-values.ts';
import { isGrpcSpoken, NOT_WITH_GRPC } from '../kit/grpc-spoken.ts';
import { defineFeature, type Parser } from '../kit/feature.ts';
import { bool, int, seconds } from '../kit/values.ts';

const CONDITIONS: readonly string[] = [
  'error',
  'timeout',
  'invalid_header',
  'http_500',
  'http_502',
  'http_503',
  'http_504',
  'http_403',
  'http_404',
  'http_429',
  'non_idempotent',
  'off',
];

const conditions: Parser<readonly string[]> = (raw) => {
  const words = raw.split(/\s+/);
  const bad = words.find((word) => !CONDITIONS.includes(word));
  return bad === undefined
    ? { ok: true, value: words }
    : { ok: false, problem: `has the unknown condition ${bad}` };
};

/** When a request is tried again (docs/reference/annotations.md §3.3). */
export const retry = defineFeature({
  name: 'retry',
  doc: 'When and how often a request is tried again.',
  scope: 'route',
  annotations: {
    'proxy-next-upstream': {
      parse: conditions,
      risk: 'medium',
      onInvalid: 'default',
      configMapKey: 'proxy-next-upstream',
      fallback: ['error', 'timeout'],
      doc: 'Conditions of another try, separated by spaces; `off` for none.',
    },
    'proxy-next-upstream-timeout': {
      parse: seconds,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-next-upstream-timeout',
      fallback: 0,
      doc: 'Seconds that all tries may take; 0 is no limit.',
    },
    'proxy-next-upstream-tries': {
      parse: int,
      risk: 'low',
      onInvalid: 'default',
      configMapKey: 'proxy-next-upstream-tries',
      fallback: 3,
      doc: 'Tries, the first included; 0 is no limit.',
      difference:
        'with 1 a kept-alive connection that turned out closed is opened anew to the same endpoint; with 3 or more, endpoints that refuse connections do not count, ten in all at most',
    },
  },
  configMapKeys: {
    'retry-non-idempotent': {
      doc: 'Retry POST, LOCK and PATCH as well once they were sent.',
      parse: bool,
      onInvalid: 'default',
    },
  },
  vain: [
    {
      of: ['proxy-next-upstream', 'proxy-next-upstream-timeout', 'proxy-next-upstream-tries'],
      problem: NOT_WITH_GRPC,
      consequence: 'calls are tried again for error and timeout, three times in all',
      holds: (_, place) => isGrpcSpoken(place),
    },
    {
      of: ['proxy-next-upstream-tries', 'proxy-next-upstream-timeout'],
      problem: 'counts only together with a condition in proxy-next-upstream',
      consequence: 'no request is tried again',
      holds: (values) => !hasCondition(values['proxy-next-upstream']),
    },
    {
      of: ['proxy-next-upstream'],
      problem: 'has no condition that is not switched off',
      consequence: 'no request is tried again',
      holds: ({ 'proxy-next-upstream': words = [] }) => words.length > 1 && words.includes('off'),
    },
    {
      of: ['proxy-next-upstream'],
      problem: 'has no condition beside non_idempotent',
      consequence: 'no request is tried again',
      holds: ({ 'proxy-next-upstream': words = [] }) => words.every((word) => word === 'non_idempotent'),
    },
    {
      of: ['proxy-next-upstream', 'proxy-next-upstream-timeout'],
      problem: 'does not count with one try',
      consequence: 'no request is tried again',
      holds: (values) =>
        values['proxy-next-upstream-tries'] === 1 && values['proxy-next-upstream']?.includes('off') !== true,
    },
  ],
  translate: (values, context): RetryPolicy => {
    const words = values['proxy-next-upstream'] ?? [];
    const isOff = words.includes('off');
    return {
      conditions: isOff ? [] : (words.filter((word) => word !== 'non_idempotent') as RetryCondition[]),
      isNonIdempotentRetried:
        words.includes('non_idempotent') ||
        parseGoBool(context.setting('retry-non-idempotent') ?? '') === true,
      tries: Math.max(values['proxy-next-upstream-tries'] ?? 3, 0),
      timeoutMs: values['proxy-next-upstream-timeout'] ?? 0,
    };
  },
});

function hasCondition(words: readonly string[] = []): boolean {
  return !words.includes('off') && words.some((word) => word !== 'non_idempotent');
}
