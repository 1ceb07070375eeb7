import { describe, expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import { findingMessage } from '../../model/finding.ts';
import { readObject } from '../store/read-object.ts';
import { readAnnotationSettings } from './annotation-settings.ts';

function findingsOf(data: Record<string, string>) {
  const read = readObject('ConfigMap', { metadata: { name: 'c', namespace: 'n' }, data });
  if (!read.ok) throw new Error('unread');
  return readAnnotationSettings(read.object, features).findings;
}

describe('a key that a feature reads, with a value that it cannot read, is told on the ConfigMap', () => {
  const DEFAULT = 'the default is used';
  const CLOSED = 'routes that it counts for answer 503';
  const cases: [key: string, value: string, problem: string, consequence: string][] = [
    ['http-redirect-code', '999', 'is not one of 301, 302, 307, 308', DEFAULT],
    ['retry-non-idempotent', 'yes', 'is not a boolean', DEFAULT],
    ['allow-cross-namespace-resources', 'yes', 'is not a boolean', DEFAULT],
    ['global-auth-method', 'SAY', 'is not one of GET, HEAD', DEFAULT],
    ['global-auth-cache-duration', 'x', 'has the item "x"', DEFAULT],
    ['global-auth-always-set-cookie', 'on', 'is not a boolean', DEFAULT],
    ['global-auth-url', 'auth.test', 'is no http or https URL', CLOSED],
    ['whitelist-source-range', '10.0.0.0/99', 'has the item "10.0.0.0/99"', CLOSED],
    ['denylist-source-range', 'a', 'has the item "a"', CLOSED],
    ['block-cidrs', 'a', 'has the item "a"', CLOSED],
    ['block-user-agents', 'a, ~(', 'has the item "~("', CLOSED],
    ['block-referers', '~(', 'has the item "~("', CLOSED],
  ];
  for (const [key, value, problem, consequence] of cases) {
    test(`${key}: ${value}`, () => {
      const [finding, ...more] = findingsOf({ [key]: value });
      expect(more).toEqual([]);
      expect(finding).toMatchObject({
        reason: 'InvalidSetting',
        severity: consequence === CLOSED ? 'error' : 'warning',
        source: { kind: 'ConfigMap', namespace: 'n', name: 'c', field: `data.${key}` },
        value,
        consequence,
      });
      expect(findingMessage(finding!)).toContain(`data.${key}: "${value}" ${problem}`);
    });
  }

  test('and one that it can read is not', () =>
    expect(
      findingsOf({
        'http-redirect-code': '301',
        'retry-non-idempotent': 'true',
        'global-auth-url': 'https://$host/x',
        'global-auth-method': 'HEAD',
        'whitelist-source-range': '10.0.0.0/8, ::1',
        'block-user-agents': '~*bot, curl',
        'block-referers': '',
      }),
    ).toEqual([]));
});
