import { expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { affinity } from './affinity.ts';

const DEFAULTS = {
  mode: 'balanced',
  cookieName: 'INGRESSCOOKIE',
  isSameSiteNoneConditional: false,
  isAlwaysSecure: false,
  isChangedOnFailure: false,
};

const cases: [name: string, annotations: Record<string, string>, want: object][] = [
  ['cookie alone', {}, {}],
  ['persistent', { 'affinity-mode': 'persistent' }, { mode: 'persistent' }],
  ['a name', { 'session-cookie-name': 'route' }, { cookieName: 'route' }],
  [
    'life',
    { 'session-cookie-expires': '60', 'session-cookie-max-age': '120s' },
    { expiresSeconds: 60, maxAgeSeconds: 120 },
  ],
  [
    'where it counts',
    { 'session-cookie-path': '/x', 'session-cookie-domain': 'a.test' },
    { path: '/x', domain: 'a.test' },
  ],
  ['SameSite as spelled', { 'session-cookie-samesite': 'Lax' }, { sameSite: 'Lax' }],
  ['secure', { 'session-cookie-secure': 'true' }, { isAlwaysSecure: true }],
  ['secure "false" is not off', { 'session-cookie-secure': 'false' }, {}],
  ['change on failure', { 'session-cookie-change-on-failure': 'true' }, { isChangedOnFailure: true }],
];
for (const [name, annotations, want] of cases) {
  test(name, () => {
    const { policy } = translateWith(affinity, { affinity: 'cookie', ...annotations });
    expect(policy).toEqual({ ...DEFAULTS, ...want });
  });
}

test('without affinity there is none', () => {
  expect(translateWith(affinity, { 'session-cookie-name': 'route' }).policy).toBeUndefined();
});

const refused: Record<string, string>[] = [
  { affinity: 'ip' },
  { 'affinity-mode': 'Balanced' },
  { 'session-cookie-samesite': 'lax' },
  { 'session-cookie-max-age': 'long' },
  { 'session-cookie-secure': 'yes' },
];
for (const annotations of refused) {
  test(`${Object.entries(annotations).join(' ')} costs itself alone`, () => {
    const { policy, refused: found } = translateWith(affinity, { affinity: 'cookie', ...annotations });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(/: default$/);
    expect(policy).toEqual('affinity' in annotations ? undefined : DEFAULTS);
  });
}
