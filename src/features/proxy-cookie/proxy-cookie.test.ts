import { describe, expect, test } from 'vitest';
import { translateWith } from '../kit/testing.ts';
import { proxyCookie, rewriteCookie } from './proxy-cookie.ts';

const POLICY = { domain: { from: 'inside.test', to: 'outside.test' }, path: { from: '/in/', to: '/' } };

describe('proxy-cookie', () => {
  const cases: [name: string, cookie: string, want: string][] = [
    ['a Domain', 'a=b; Domain=inside.test; Secure', 'a=b; Domain=outside.test; Secure'],
    ['a Domain with a dot, in capitals', 'a=b; DOMAIN=.Inside.Test', 'a=b; DOMAIN=outside.test'],
    ['not a domain below it', 'a=b; Domain=x.inside.test', 'a=b; Domain=x.inside.test'],
    ['the beginning of a Path', 'a=b; path=/in/x/; HttpOnly', 'a=b; path=/x/; HttpOnly'],
    ['not another Path', 'a=b; Path=/inner', 'a=b; Path=/inner'],
    ['not the cookie itself', 'domain=inside.test', 'domain=inside.test'],
    ['not what has no value', 'a=b; Path; Domain', 'a=b; Path; Domain'],
    ['both', 'a="x"; Path=/in/; Domain=inside.test', 'a="x"; Path=/; Domain=outside.test'],
  ];
  for (const [name, cookie, want] of cases) {
    test(`rewrites ${name}`, () => expect(rewriteCookie(cookie, POLICY)).toBe(want));
  }

  test('reads both annotations, and the ConfigMap where there are none', () => {
    expect(translateWith(proxyCookie, {}).policy).toBeUndefined();
    expect(translateWith(proxyCookie, { 'proxy-cookie-path': '/a/  /b/' }).policy).toEqual({
      path: { from: '/a/', to: '/b/' },
    });
    const settings = { 'proxy-cookie-domain': 'a.test b.test' };
    expect(translateWith(proxyCookie, {}, { settings }).policy).toEqual({
      domain: { from: 'a.test', to: 'b.test' },
    });
    expect(translateWith(proxyCookie, { 'proxy-cookie-domain': 'off' }, { settings }).policy).toBeUndefined();
  });

  for (const [value, problem] of [
    ['a.test', 'is neither off nor two texts'],
    ['a b c', 'is neither off nor two texts'],
    ['a {b}', 'has characters outside'],
  ] as const) {
    test(`refuses "${value}"`, () => {
      expect(proxyCookie.annotations['proxy-cookie-domain']!.parse(value)).toEqual({
        ok: false,
        problem: expect.stringContaining(problem),
      });
    });
  }
});
