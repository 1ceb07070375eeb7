import { expect, test } from 'vitest';
import { fakeHead, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { proxyRedirect } from './proxy-redirect.ts';

function rewritten(from: string, to: string, headers: Record<string, string>, isLocal = false) {
  const head = Object.assign(fakeHead(headers), { status: 302, isLocal });
  const filter = filterOf(proxyRedirect, { 'proxy-redirect-from': from, 'proxy-redirect-to': to })!;
  filter.onResponse!(head, fakeRequest({ hostHeader: 'a.test:8080' }));
  return Object.fromEntries(head.headers);
}

const inner = 'http://inner.test/';
const cases: [name: string, to: string, headers: Record<string, string>, want: Record<string, string>][] = [
  ['Location', 'https://b.test/', { location: `${inner}x?y` }, { location: 'https://b.test/x?y' }],
  ['Location to a path', '/app/', { location: `${inner}x` }, { location: 'http://a.test/app/x' }],
  ['Location of another host', '/', { location: 'http://c.test/' }, { location: 'http://c.test/' }],
  ['case counts', '/', { location: 'http://INNER.test/' }, { location: 'http://INNER.test/' }],
  ['Refresh', '/app/', { refresh: `5; URL=${inner}x` }, { refresh: '5; URL=/app/x' }],
  ['Refresh without url', '/app/', { refresh: '5' }, { refresh: '5' }],
  ['neither', '/app/', { server: 'x' }, { server: 'x' }],
];
for (const [name, to, headers, want] of cases) {
  test(name, () => expect(rewritten(inner, to, headers)).toEqual(want));
}

test('redirects that the proxy makes stay', () => {
  expect(rewritten(inner, '/', { location: inner }, true)).toEqual({ location: inner });
});

for (const from of ['off', 'default']) {
  test(`from ${from} leaves responses alone`, () => {
    const annotations = { 'proxy-redirect-from': from, 'proxy-redirect-to': 'off' };
    expect(translateWith(proxyRedirect, annotations)).toMatchObject({
      policy: undefined,
      messages: [],
      vain: [],
    });
  });
}

test('one without the other is a finding', () => {
  expect(translateWith(proxyRedirect, { 'proxy-redirect-from': inner }).vain).toEqual([
    'warning metadata.annotations[proxy-redirect-from]: "http://inner.test/" counts only together with proxy-redirect-to; redirects of the upstream stay as they are',
  ]);
  expect(translateWith(proxyRedirect, { 'proxy-redirect-to': '/x' }).vain).toHaveLength(1);
});

test('the ConfigMap gives both', () => {
  const settings = { 'proxy-redirect-from': inner, 'proxy-redirect-to': '/' };
  expect(translateWith(proxyRedirect, {}, { settings }).policy).toEqual({ from: inner, to: '/' });
});
