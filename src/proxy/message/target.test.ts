import { expect, test } from 'vitest';
import { normaliseHost } from './host.ts';
import { createResolvedTarget, resolveTarget } from './target.ts';

const hosts: readonly (readonly [host: string, want: string | undefined])[] = [
  ['a.test', 'a.test'],
  ['A.Test:8080', 'a.test'],
  ['a.test.', 'a.test'],
  ['a.test.:80', 'a.test'],
  ['a_b-c.test', 'a_b-c.test'],
  ['localhost', 'localhost'],
  ['10.0.0.1:80', '10.0.0.1'],
  ['[::1]', '[::1]'],
  ['[FE80::A]:443', '[fe80::a]'],
  ['a.test:', 'a.test'],
  ['', undefined],
  ['.', undefined],
  ['a.test..', undefined],
  ['a.test:0x50', undefined],
  ['a@b', undefined],
  ['[]', undefined],
  ['[1.2.3.4]', undefined],
  ['a'.repeat(600), undefined],
];

for (const [host, want] of hosts) {
  test(`host "${host.slice(0, 20)}" is ${want ?? 'refused'}`, () => expect(normaliseHost(host)).toBe(want));
}

test('an origin form is taken apart and kept as it was sent', () => {
  const into = createResolvedTarget();
  expect(resolveTarget('GET', '/a/%2e./b?x=/..#f', 'A.test:81', into)).toBeUndefined();
  expect(into).toEqual({
    originTarget: '/a/%2e./b?x=/..#f',
    path: '/b',
    query: 'x=/..',
    host: 'a.test',
    hostHeader: 'A.test:81',
  });
});

test('an absolute form is sent on in origin form', () => {
  const into = createResolvedTarget();
  expect(resolveTarget('GET', 'http://a.test?x', 'a.test', into)).toBeUndefined();
  expect(into).toMatchObject({ originTarget: '/?x', path: '/', query: 'x', host: 'a.test' });
});

test('an absolute form names the host of an HTTP/1.0 request without Host', () => {
  const into = createResolvedTarget();
  expect(resolveTarget('GET', 'http://B.test:81/x', undefined, into)).toBeUndefined();
  expect(into).toMatchObject({ originTarget: '/x', host: 'b.test', hostHeader: 'B.test:81' });
});

test('nothing of the request before remains', () => {
  const into = createResolvedTarget();
  resolveTarget('GET', '/a?b', 'a.test', into);
  resolveTarget('GET', '/c', undefined, into);
  expect(into).toEqual({ originTarget: '/c', path: '/c', query: '', host: '', hostHeader: '' });
});

test('a refused host is not remembered, and an empty one is refused at any time', () => {
  const into = createResolvedTarget();
  expect(resolveTarget('GET', '/', '', into)).toBe('bad_host');
  expect(resolveTarget('GET', '/', 'a b', into)).toBe('bad_host');
  expect(resolveTarget('GET', '/', 'a b', into)).toBe('bad_host');
  expect(resolveTarget('GET', '/', 'A.test', into)).toBeUndefined();
  expect(resolveTarget('GET', '/x', 'A.test', into)).toBeUndefined();
  expect(into).toMatchObject({ host: 'a.test', hostHeader: 'A.test', path: '/x' });
});
