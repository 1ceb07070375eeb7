import { describe, expect, test } from 'vitest';
import { fakeContext, filterOf, translateWith } from '../kit/testing.ts';
import { externalAuth } from './external-auth.ts';

const settings = { 'global-auth-url': 'https://auth.test/check' };
const of = (annotations: Record<string, string>, more: Record<string, string> = {}) =>
  translateWith(externalAuth, annotations, { settings: { ...settings, ...more } });

describe('global-auth-url', () => {
  test('is asked for all routes', () => {
    const { policy, messages } = of({});
    expect(policy).toMatchObject({
      isTls: true,
      target: '/check',
      responseHeaders: [],
      isCookieAlwaysSet: false,
    });
    expect(messages).toEqual([]);
  });

  test('with all that belongs to it', () => {
    const { policy } = of(
      {},
      {
        'global-auth-method': 'HEAD',
        'global-auth-signin': 'https://in.test/?a=b',
        'global-auth-signin-redirect-param': 'to',
        'global-auth-response-headers': 'X-User, b c,,X-Mail',
        'global-auth-request-redirect': 'https://b.test',
        'global-auth-cache-key': '$http_cookie',
        'global-auth-cache-duration': '200 1m',
        'global-auth-always-set-cookie': 'true',
        'no-auth-locations': '/open, /more',
      },
    );
    expect(policy).toMatchObject({
      method: 'HEAD',
      signIn: 'https://in.test/?a=b&to=$pass_access_scheme://$http_host$escaped_request_uri',
      responseHeaders: ['X-User', 'X-Mail'],
      requestRedirect: 'https://b.test',
      caching: { by: '$http_cookie', durations: [{ statuses: [200], ms: 60_000 }] },
      isCookieAlwaysSet: true,
      exempt: ['/open', '/more'],
    });
  });

  test('an own auth-url takes its place, with nothing of it left', () => {
    const more = { 'global-auth-signin': 'https://in.test/', 'global-auth-response-headers': 'X-User' };
    const { policy } = of({ 'auth-url': 'http://own.test/' }, more);
    expect(policy).toEqual(translateWith(externalAuth, { 'auth-url': 'http://own.test/' }).policy);
  });

  test('an Ingress may be exempt, a value that is no boolean exempts nothing', () => {
    expect(of({ 'enable-global-auth': 'false' }).policy).toBeUndefined();
    expect(of({ 'enable-global-auth': 'no' }).policy).toBeDefined();
    expect(of({ 'enable-global-auth': 'false', 'auth-url': 'http://own.test/' }).policy).toBeDefined();
  });

  test('that is no URL opens nothing', () => {
    const { policy, isDenied, messages } = of({}, { 'global-auth-url': 'auth.test' });
    expect([policy, isDenied]).toEqual([undefined, true]);
    expect(messages).toEqual([
      'ConfigMap data.global-auth-url: "auth.test" is no http or https URL; the routes of the Ingress answer 503',
    ]);
  });

  test('what else cannot be read has its default, and is told on the ConfigMap, not on every Ingress', () => {
    const { policy, messages } = of({}, { 'global-auth-method': 'SAY', 'global-auth-cache-duration': 'x' });
    expect(policy?.method).toBeUndefined();
    expect(messages).toEqual([]);
  });

  test('without the key all is open', () => expect(translateWith(externalAuth, {}).policy).toBeUndefined());
});

describe('no-auth-locations', () => {
  const isAsked = (
    path: string,
    more: Record<string, string> = {},
    annotations: Record<string, string> = {},
  ) => {
    const context = fakeContext({ path, subrequest: () => ({ ask: () => Promise.reject(new Error()) }) });
    return filterOf(externalAuth, annotations, context, { settings: { ...settings, ...more } }) !== undefined;
  };

  test('are open, by the beginning of the path of the Ingress', () => {
    expect(isAsked('/')).toBe(true);
    expect(isAsked('/.well-known/acme-challenge/x')).toBe(false);
    expect(isAsked('/.well-known/acme-challenge/x', {}, { 'auth-url': 'http://own.test/' })).toBe(false);
    expect(isAsked('/open/x', { 'no-auth-locations': '/open' })).toBe(false);
    expect(isAsked('/.well-known/acme-challenge/x', { 'no-auth-locations': '/open' })).toBe(true);
  });
});
