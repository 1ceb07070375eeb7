import { describe, expect, test } from 'vitest';
import type { Policies } from '../model/policy.ts';
import { proxyRedirect } from './proxy-redirect/proxy-redirect.ts';
import { redirect } from './redirect/redirect.ts';
import { sslRedirect } from './ssl-redirect/ssl-redirect.ts';
import { locationFormOf, toLocation } from './kit/location-form.ts';
import { fakeContext, fakeHead, fakeRequest, translateWith } from './kit/testing.ts';

const relative = translateWith(redirect, { 'relative-redirects': 'true' }).policy!;
const withPort = translateWith(sslRedirect, {
  'ssl-redirect': 'false',
  'use-port-in-redirects': 'true',
}).policy!;

describe('the Location of a redirect that the proxy makes', () => {
  const cases: [
    name: string,
    policies: Policies,
    localPort: number,
    scheme: 'http' | 'https',
    want: string,
  ][] = [
    ['is absolute', {}, 8080, 'http', 'http://a.test/x'],
    ['is relative', { redirect: relative }, 8080, 'http', '/x'],
    ['has the port', { 'ssl-redirect': withPort }, 8080, 'http', 'http://a.test:8080/x'],
    ['has no port 80 over http', { 'ssl-redirect': withPort }, 80, 'http', 'http://a.test/x'],
    ['has no port 443 over https', { 'ssl-redirect': withPort }, 443, 'https', 'https://a.test/x'],
    ['has port 80 over https', { 'ssl-redirect': withPort }, 80, 'https', 'https://a.test:80/x'],
  ];
  for (const [name, policies, localPort, connectionScheme, want] of cases) {
    test(name, () => {
      const request = fakeRequest({ localPort, connectionScheme });
      expect(toLocation('/x', locationFormOf(policies), request)).toBe(want);
    });
  }
});

test('what makes no redirect of its own makes no filter', () => {
  expect(redirect.createFilter!(relative, fakeContext())).toBeUndefined();
  expect(
    sslRedirect.createFilter!(withPort, fakeContext({ host: { hasCertificate: true } })),
  ).toBeUndefined();
});

test('proxy-redirect-to goes by it', () => {
  const context = fakeContext();
  const route = { ...context.route!, policies: { redirect: relative } };
  const filter = proxyRedirect.createFilter!({ from: 'http://b.test/', to: '/' }, { ...context, route })!;
  const head = Object.assign(fakeHead({ location: 'http://b.test/x' }), { status: 302, isLocal: false });
  filter.onResponse!(head, fakeRequest());
  expect(head.get('location')).toBe('/x');
});
