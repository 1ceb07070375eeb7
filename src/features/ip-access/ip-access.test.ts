import { expect, test } from 'vitest';
import { accessOf, fakeRequest, translateWith } from '../kit/testing.ts';
import { ipAccess } from './ip-access.ts';

const cases: [name: string, annotations: Record<string, string>, client: string, isRefused: boolean][] = [
  ['inside the allow list', { 'allowlist-source-range': '192.0.2.0/24, ::1' }, '192.0.2.9', false],
  ['outside the allow list', { 'allowlist-source-range': '192.0.2.0/24' }, '198.51.100.1', true],
  ['inside the deny list', { 'denylist-source-range': '192.0.2.0/24' }, '192.0.2.9', true],
  ['outside the deny list', { 'denylist-source-range': '192.0.2.0/24' }, '198.51.100.1', false],
  [
    'the deny list comes first',
    { 'allowlist-source-range': '192.0.2.0/24', 'denylist-source-range': '192.0.2.9' },
    '192.0.2.9',
    true,
  ],
  ['IPv6', { 'allowlist-source-range': '2001:db8::/32' }, '2001:db8::1', false],
];
for (const [name, annotations, clientAddress, isRefused] of cases) {
  test(name, () => {
    const answer = accessOf(ipAccess, annotations)?.(fakeRequest({ clientAddress }));
    expect(answer).toEqual(isRefused ? { status: 403 } : undefined);
  });
}

test('a list that cannot be read denies', () => {
  expect(translateWith(ipAccess, { 'allowlist-source-range': '10.0.0.0/33' })).toMatchObject({
    isDenied: true,
    refused: ['allowlist-source-range has the item "10.0.0.0/33", which is no address and no network: deny'],
  });
});

test('an empty list denies', () => {
  expect(translateWith(ipAccess, { 'denylist-source-range': '' }).isDenied).toBe(true);
  const settings = { 'whitelist-source-range': '10.0.0.0/8' };
  expect(translateWith(ipAccess, { 'allowlist-source-range': '' }, { settings }).isDenied).toBe(true);
});

test('the ConfigMap gives lists to routes without', () => {
  const settings = { 'whitelist-source-range': '10.0.0.0/8' };
  expect(translateWith(ipAccess, {}, { settings }).policy).toEqual({ allowed: ['10.0.0.0/8'] });
  expect(translateWith(ipAccess, {}, { settings: { 'block-cidrs': '10.0.0.0/8' } }).policy).toEqual({
    denied: ['10.0.0.0/8'],
  });
  const own = { 'denylist-source-range': '192.0.2.1' };
  expect(translateWith(ipAccess, own, { settings: { 'block-cidrs': '10.0.0.0/8' } }).policy).toEqual({
    denied: ['192.0.2.1'],
  });
});

test('a list of nothing but commas denies', () => {
  expect(translateWith(ipAccess, { 'allowlist-source-range': ',' }).isDenied).toBe(true);
  expect(translateWith(ipAccess, { 'allowlist-source-range': '10.0.0.0/8,' }).isDenied).toBe(true);
});

for (const key of ['whitelist-source-range', 'denylist-source-range', 'block-cidrs']) {
  test(`a list of the ConfigMap that cannot be read denies: ${key}`, () => {
    const { isDenied, messages } = translateWith(ipAccess, {}, { settings: { [key]: '10.0.0.0/8 ::1' } });
    expect(isDenied).toBe(true);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain(`ConfigMap data.${key}`);
  });
}

test('a list of its own makes one of the ConfigMap that cannot be read beside the point', () => {
  const settings = { 'whitelist-source-range': 'nonsense' };
  expect(translateWith(ipAccess, { 'allowlist-source-range': '10.0.0.0/8' }, { settings })).toMatchObject({
    isDenied: false,
    policy: { allowed: ['10.0.0.0/8'] },
  });
});

test('a blank list denies beside a blank alias too; a blank alias alone is nothing', () => {
  const both = { 'allowlist-source-range': '', 'whitelist-source-range': '' };
  expect(translateWith(ipAccess, both).isDenied).toBe(true);
  expect(translateWith(ipAccess, { 'whitelist-source-range': '' }).isDenied).toBe(false);
});
