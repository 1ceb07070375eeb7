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

describe('a rewrite-target that is a redirect, as nginx 1.22 answers it', () => {
  const cases: readonly (readonly [requested: string, location: string])[] = [
    ['/a/b?x=1', 'https://new.test/a/b?x=1'],
    ['/a%20b', 'https://new.test/a%20b'],
    ['/a%2Fb', 'https://new.test/a/b'],
    ['/a+b', 'https://new.test/a+b'],
    ['/a&b', 'https://new.test/a&b'],
    ['/a%2Bb%26c', 'https://new.test/a+b&c'],
    ['/a%3Fb+c&d', 'https://new.test/a?b%2Bc%26d'],
    ['/a%3Fb%20c?x=1', 'https://new.test/a?b%20c?x=1'],
    ['/%C3%A9', 'https://new.test/%C3%A9'],
    ['/a%25b', 'https://new.test/a%25b'],
    ['/a%23b', 'https://new.test/a%23b'],
    ['/a;b=c', 'https://new.test/a;b=c'],
    ['/a%22%3C%3E%5C%5E%60%7B%7C%7D', 'https://new.test/a%22<>\\^`{|}'],
    ['/a%7e', 'https://new.test/a~'],
  ];
  for (const [requested, location] of cases) {
    test(requested, () => {
      const [path = ''] = requested.split('?');
      const decoded = Buffer.from(decodeURIComponent(path), 'utf8').toString('latin1');
      const filter = filterOf(
        rewrite,
        { 'rewrite-target': 'https://new.test/$1' },
        fakeContext({ path: '/(.*)' }),
      );
      const answer = filter!.onRequest!(fakeRequest({ target: requested, path: decoded }));
      expect(answer).toEqual({ status: 302, headers: [['Location', location]] });
    });
  }

  const targets: readonly (readonly [target: string, want: unknown])[] = [
    ['http://new.test/$1', 'http://new.test/y'],
    ['$scheme://new.test/$1', 'http://new.test/y'],
    ['https://$host.new.test/', 'https://a.test.new.test/'],
    ['HTTPS://new.test/$1', undefined],
    ['https:/new.test/$1', undefined],
  ];
  for (const [target, want] of targets) {
    test(target, () => {
      const answer = rewritten('/x/(.*)', target, '/x/y') as { headers?: string[][] } | undefined;
      expect(answer?.headers?.[0]?.[1]).toBe(want);
    });
  }

  test('is no finding, and another scheme is one', () => {
    const messagesOf = (target: string) =>
      translateWith(rewrite, { 'rewrite-target': target }).messages.length;
    expect(messagesOf('https://new.test/$1')).toBe(0);
    expect(messagesOf('$scheme://new.test/$1')).toBe(0);
    expect(messagesOf('ftp://new.test/$1')).toBe(1);
  });

  test('a decoded line break does not end the line, by capture or by variable', () => {
    const context = fakeContext({ path: '/([^z]*)' });
    const filter = filterOf(rewrite, { 'rewrite-target': 'https://new.test/$1$uri' }, context);
    const answer = filter!.onRequest!(fakeRequest({ target: '/a%0d%0ab', path: '/a\r\nb' }));
    expect(answer).toEqual({ status: 302, headers: [['Location', 'https://new.test/a%0D%0Ab/a%0D%0Ab']] });
  });
});

describe('a rewrite-target with arguments (validation off)', () => {
  const cases: readonly (readonly [target: string, requested: string, want: unknown])[] = [
    ['/in?p=$1', '/x/y', '/in?p=y'],
    ['/in?p=$1', '/x/y?q=1', '/in?p=y&q=1'],
    ['/in?p=$1?', '/x/y?q=1', '/in?p=y'],
    ['/in?', '/x/y?q=1', '/in'],
    ['/in?p=$1', '/x/a+b&c', '/in?p=a%2Bb%26c'],
    [
      'https://new.test/?u=$1',
      '/x/a+b&c?z=1',
      { status: 302, headers: [['Location', 'https://new.test/?u=a%2Bb%26c&z=1']] },
    ],
  ];
  for (const [target, requested, want] of cases) {
    test(`${target} for ${requested}`, () => {
      const filter = rewrite.createFilter!({ target, isRegex: true }, fakeContext({ path: '/x/(.*)' }))!;
      const request = fakeRequest({ target: requested });
      expect(filter.onRequest!(request) ?? request.upstreamTarget).toEqual(want);
    });
  }
});

describe('x-forwarded-prefix', () => {
  test('has named groups of the path', () => {
    const annotations = { 'rewrite-target': '/$rest', 'x-forwarded-prefix': '/$app' };
    const filter = filterOf(rewrite, annotations, fakeContext({ path: '/(?<app>[a-z]+)/(?<rest>.*)' }));
    const request = fakeRequest({ target: '/shop/x' });
    const head = fakeHead();
    filter!.onRequest!(request);
    filter!.onUpstreamRequest!(head, request);
    expect([request.upstreamTarget, request.rewrittenPath]).toEqual(['/x', '/x']);
    expect(head.get('X-Forwarded-Prefix')).toBe('/shop');
    const told = (groups: string[]) => translateWith(rewrite, annotations, { groups }).messages;
    expect(told(['app', 'rest'])).toEqual([]);
    expect(told(['rest'])).toEqual([
      'metadata.annotations[x-forwarded-prefix]: "/$app" has variables that Serin does not know: $app; they are filled in with nothing',
    ]);
  });

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
