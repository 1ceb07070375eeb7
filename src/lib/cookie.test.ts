import { describe, expect, test } from 'vitest';
import { cookieValueOf, toCookieDate, toSetCookie } from './cookie.ts';

describe('a cookie', () => {
  const cases: [name: string, header: string, want: string | undefined][] = [
    ['alone', 'route=a|b', 'a|b'],
    ['among others', 'x=1; route=a; y=2', 'a'],
    ['without blanks', 'x=1;route=a', 'a'],
    ['in another case is another', 'Route=a', undefined],
    ['with an empty value is none', 'route=; x=1', undefined],
    ['whose name another one ends with', 'xroute=a', undefined],
    ['without a value', 'route', undefined],
    ['with = in its value', 'route=a=b', 'a=b'],
    ['twice: the last', 'route=a; route=b', 'b'],
  ];
  for (const [name, header, want] of cases) {
    test(name, () => expect(cookieValueOf(header, 'route')).toBe(want));
  }
});

test('a date as nginx writes it in cookies', () => {
  expect(toCookieDate(1_290_079_655)).toBe('Thu, 18-Nov-10 11:27:35 GMT');
  expect(toCookieDate(-5)).toBe('Thu, 01-Jan-70 00:00:00 GMT');
  expect(toCookieDate(2_145_916_799)).toBe('Thu, 31-Dec-37 23:59:59 GMT');
  expect(toCookieDate(2_145_916_800)).toBe('Fri, 01-Jan-2038 00:00:00 GMT');
  expect(toCookieDate(1e300)).toBe('Fri, 31-Dec-9999 23:59:59 GMT');
});

test('all attributes, in order', () => {
  const attributes = {
    sameSite: 'None',
    isSecure: true,
    path: '/a',
    domain: 'a.test',
    maxAgeSeconds: 0,
    expiresAtSeconds: 1_290_079_655,
  };
  expect(toSetCookie('route', 'v', attributes)).toBe(
    'route=v; Expires=Thu, 18-Nov-10 11:27:35 GMT; Max-Age=0; Domain=a.test; Path=/a; Secure; HttpOnly; SameSite=None',
  );
  expect(toSetCookie('route', 'v', { isSecure: false })).toBe('route=v; HttpOnly');
});
