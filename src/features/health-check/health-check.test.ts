import { describe, expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { healthCheck } from './health-check.ts';

const PATH = 'upstream-health-check-path';

describe('health-check', () => {
  const cases: [name: string, annotations: Record<string, string>, want: unknown][] = [
    ['nothing', {}, undefined],
    ['an empty path is none', { [PATH]: '' }, undefined],
    ['nothing without a path', { 'upstream-health-check-interval': '3' }, undefined],
    [
      'a path',
      { [PATH]: '/ready?full=1' },
      { path: '/ready?full=1', scheme: 'http', intervalMs: 5_000, timeoutMs: 1_000 },
    ],
    [
      'all of it',
      {
        [PATH]: '/',
        'upstream-health-check-scheme': 'HTTPS',
        'upstream-health-check-interval': '30',
        'upstream-health-check-timeout': '2',
      },
      { path: '/', scheme: 'https', intervalMs: 30_000, timeoutMs: 2_000 },
    ],
  ];
  for (const [name, annotations, want] of cases) {
    test(name, () =>
      expect(translateWith(healthCheck, annotations)).toEqual(
        expect.objectContaining({ policy: want, messages: [] }),
      ),
    );
  }

  for (const [key, value, problem] of [
    [PATH, 'ready', 'does not begin with a slash'],
    [PATH, '/a b;c', 'has characters outside'],
    ['upstream-health-check-interval', '0', 'is not above 0'],
    ['upstream-health-check-timeout', 'soon', 'is not a whole number of seconds'],
    ['upstream-health-check-scheme', 'tcp', 'is not one of http, https'],
  ] as const) {
    test(`${key}: "${value}" is refused`, () => {
      expect(healthCheck.annotations[key]!.parse(value)).toEqual({
        ok: false,
        problem: expect.stringContaining(problem),
      });
    });
  }
});
