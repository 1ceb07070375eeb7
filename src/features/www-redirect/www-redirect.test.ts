import { describe, expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../../table/settings.ts';
import { fakeContext, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { wwwRedirect } from './www-redirect.ts';

const ON = { 'from-to-www-redirect': 'true' };

describe('from-to-www-redirect', () => {
  test('is off by default, and takes its status from the ConfigMap', () => {
    expect(translateWith(wwwRedirect, {}).policy).toBeUndefined();
    expect(translateWith(wwwRedirect, ON).policy).toEqual({ status: 308 });
    expect(translateWith(wwwRedirect, ON, { settings: { 'http-redirect-code': '301' } }).policy).toEqual({
      status: 301,
    });
    expect(translateWith(wwwRedirect, ON, { settings: { 'http-redirect-code': '200' } }).policy).toEqual({
      status: 308,
    });
  });

  const cases: [
    name: string,
    request: Parameters<typeof fakeRequest>[0],
    trusted: boolean,
    want: string | undefined,
  ][] = [
    ['the host itself', { host: 'a.test' }, false, undefined],
    ['its www. name', { host: 'www.a.test', target: '/x?y=1' }, false, 'http://a.test:80/x?y=1'],
    ['one slash at the end is dropped', { host: 'www.a.test', target: '/x/' }, false, 'http://a.test:80/x'],
    ['the root', { host: 'www.a.test', target: '/' }, false, 'http://a.test:80'],
    [
      'https',
      { host: 'www.a.test', target: '/', scheme: 'https', connectionScheme: 'https', localPort: 8443 },
      false,
      'https://a.test:443',
    ],
    [
      'a forged port',
      { host: 'www.a.test', target: '/', headers: { 'x-forwarded-port': '1' } },
      false,
      'http://a.test:80',
    ],
    [
      'a trusted hop',
      { host: 'www.a.test', target: '/', scheme: 'https', headers: { 'x-forwarded-port': '444' } },
      true,
      'https://a.test:444',
    ],
    [
      'a trusted hop that says https and no port',
      { host: 'www.a.test', target: '/x', scheme: 'https' },
      true,
      'https://a.test:443/x',
    ],
    [
      'the same, in front of a port that is not 80',
      { host: 'www.a.test', target: '/x', scheme: 'https', localPort: 8080 },
      true,
      'https://a.test:443/x',
    ],
    [
      'a trusted hop that came by https for a client of http',
      { host: 'www.a.test', target: '/x', scheme: 'http', connectionScheme: 'https', localPort: 8443 },
      true,
      'http://a.test:80/x',
    ],
    [
      'the port of a PROXY header',
      { host: 'www.a.test', target: '/x', localPort: 8080, proxiedPort: 80 },
      false,
      'http://a.test:80/x',
    ],
    [
      'a scheme that is none for a browser, and a port that is none',
      {
        host: 'www.a.test',
        target: '/x',
        scheme: 'https,http',
        headers: { 'x-forwarded-port': '443, 80' },
      },
      true,
      'http://a.test:80/x',
    ],
  ];
  for (const [name, request, isForwardedTrusted, want] of cases) {
    test(name, () => {
      const context = { ...fakeContext(), settings: { ...DEFAULT_SETTINGS, isForwardedTrusted } };
      const filter = filterOf(wwwRedirect, ON, context)!;
      const answer = filter.onRequest!(fakeRequest({ localPort: 80, ...request }));
      expect(answer).toEqual(want === undefined ? undefined : { status: 308, headers: [['Location', want]] });
    });
  }
});
