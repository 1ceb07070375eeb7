import { describe, expect, test } from 'vitest';
import { fakeContext, fakeHead, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { rewrite } from './rewrite.ts';

function rewritten(path: string, target: string, requested: string): unknown {
  const filter = filterOf(rewrite, { 'rewrite-target': target }, fakeContext({ path }));
  const request = fakeRequest({ target: requested });
  const answer = filter?.onRequest?.(request);
  return answer ?? request.upstreamTarget;
}

describe('rewrite-target', () => {
  const cases: [name: string, path: string, target: string, requested: string, want: unknown][] = [
    ['a capture', '/something(/|$)(.*)', '/$2', '/something/new', '/new'],
    ['an empty capture', '/something(/|$)(.*)', '/$2', '/something', '/'],
    ['a slash alone', '/something(/|$)(.*)', '/$2', '/something/', '/'],
    ['the query stays', '/something(/|$)(.*)', '/$2', '/something/new?a=b&c', '/new?a=b&c'],
    ['the whole path is replaced', '/api', '/', '/api/v1/users', '/'],
    ['case does not matter', '/api/(.*)', '/$1', '/API/x', '/x'],
    ['a group that is not there is empty', '/api', '/a$2b', '/api', '/ab'],
    ['nothing left is a 500', '/api', '$2', '/api', { status: 500 }],
    ['a target equal to the path changes nothing', '/same', '/same', '/same/x', undefined],
  ];
  for (const [name, path, target, requested, want] of cases) {
    test(name, () => expect(rewritten(path, target, requested)).toEqual(want));
  }

  test('encodes what the normalised path has decoded', () => {
    const filter = filterOf(rewrite, { 'rewrite-target': '/$1' }, fakeContext({ path: '/x/(.*)' }));
    const request = fakeRequest({ target: '/x/a%20b%3Fc%C3%A9', path: '/x/a b?c\u00c3\u00a9', query: 'q=1' });
    filter!.onRequest!(request);
    expect(request.upstreamTarget).toBe('/a%20b%3Fc%C3%A9?q=1');
  });

  test('expands variables beside captures', () =>
    expect(rewritten('/x/(.*)', '/$host/$1', '/x/y')).toBe('/a.test/y'));
});

describe('x-forwarded-prefix', () => {
  test('is sent with captures where a rewrite is in force', () => {
    const annotations = { 'rewrite-target': '/$2', 'x-forwarded-prefix': '/$1' };
    const filter = filterOf(rewrite, annotations, fakeContext({ path: '/(app)/(.*)' }));
    const head = fakeHead();
    filter!.onUpstreamRequest!(head, fakeRequest({ target: '/app/x' }));
    expect(head.get('X-Forwarded-Prefix')).toBe('/app');
  });

  test('without a rewrite-target is a finding', () => {
    expect(translateWith(rewrite, { 'x-forwarded-prefix': '/a' })).toMatchObject({
      policy: undefined,
      vain: [
        'warning metadata.annotations[x-forwarded-prefix]: "/a" counts only together with rewrite-target; no X-Forwarded-Prefix is sent',
      ],
    });
  });
});

test('use-regex alone makes a policy without a target', () => {
  expect(translateWith(rewrite, { 'use-regex': 'true' }).policy).toEqual({ isRegex: true });
});

test('characters outside the class are refused', () => {
  expect(translateWith(rewrite, { 'rewrite-target': '/a?b' }).refused).toEqual([
    'rewrite-target has characters outside letters, digits and - . _ ~ / : $: default',
  ]);
});
