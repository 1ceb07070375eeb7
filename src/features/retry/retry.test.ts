import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { retry } from './retry.ts';

const DEFAULTS = { conditions: ['error', 'timeout'], isNonIdempotentRetried: false, tries: 3, timeoutMs: 0 };

const cases: [name: string, annotations: Record<string, string>, want: object][] = [
  ['nothing set', {}, {}],
  ['off wins over what stands beside it', { 'proxy-next-upstream': 'error off' }, { conditions: [] }],
  ['statuses', { 'proxy-next-upstream': 'http_502  http_503' }, { conditions: ['http_502', 'http_503'] }],
  [
    'non_idempotent is no condition of its own',
    { 'proxy-next-upstream': 'error non_idempotent' },
    { conditions: ['error'], isNonIdempotentRetried: true },
  ],
  ['0 tries are no limit', { 'proxy-next-upstream-tries': '0' }, { tries: 0 }],
  ['a budget in seconds', { 'proxy-next-upstream-timeout': '7' }, { timeoutMs: 7_000 }],
];
for (const [name, annotations, want] of cases) {
  test(name, () => expect(translateWith(retry, annotations).policy).toEqual({ ...DEFAULTS, ...want }));
}

test('an unknown condition costs the annotation alone', () => {
  expect(translateWith(retry, { 'proxy-next-upstream': 'error http_501' })).toMatchObject({
    policy: DEFAULTS,
    refused: ['proxy-next-upstream has the unknown condition http_501: default'],
  });
});

test('the ConfigMap lets POST be retried', () => {
  const settings = { 'retry-non-idempotent': 'true' };
  expect(translateWith(retry, {}, { settings }).policy?.isNonIdempotentRetried).toBe(true);
});
