import { expect, test } from 'vitest';
import { fakeContext, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { redirect } from './redirect.ts';

const to = (location: string, status: number) => ({ status, headers: [['Location', location]] });

const cases: [name: string, annotations: Record<string, string>, want: unknown][] = [
  ['permanent', { 'permanent-redirect': 'https://b.test/x' }, to('https://b.test/x', 301)],
  [
    'permanent with a code',
    { 'permanent-redirect': 'https://b.test', 'permanent-redirect-code': '308' },
    to('https://b.test', 308),
  ],
  [
    'permanent with a code out of range',
    { 'permanent-redirect': 'https://b.test', 'permanent-redirect-code': '200' },
    to('https://b.test', 301),
  ],
  [
    '300 has no Location',
    { 'permanent-redirect': 'https://b.test', 'permanent-redirect-code': '300' },
    { status: 300, headers: [] },
  ],
  ['temporal', { 'temporal-redirect': 'https://b.test' }, to('https://b.test', 302)],
  [
    'temporal does not take 308',
    { 'temporal-redirect': 'https://b.test', 'temporal-redirect-code': '308' },
    to('https://b.test', 302),
  ],
  [
    'temporal wins',
    { 'temporal-redirect': 'http://t.test', 'permanent-redirect': 'http://p.test' },
    to('http://t.test', 302),
  ],
  ['a path becomes absolute', { 'permanent-redirect': '/x' }, to('http://a.test/x', 301)],
  [
    'a path stays relative when asked',
    { 'permanent-redirect': '/x', 'relative-redirects': 'true' },
    to('/x', 301),
  ],
];
for (const [name, annotations, want] of cases) {
  test(name, () => {
    const request = fakeRequest({ target: '/any?q=1', hostHeader: 'a.test:8080' });
    expect(filterOf(redirect, annotations)?.onRequest?.(request)).toEqual(want);
  });
}

test('an empty redirect makes the group void, with a finding', () => {
  const { policy, messages } = translateWith(redirect, {
    'permanent-redirect': '',
    'temporal-redirect': 'http://b.test',
  });
  expect(policy).toBeUndefined();
  expect(messages).toEqual(['metadata.annotations[permanent-redirect]: is empty; no redirect is made']);
});

test('a temporal redirect needs a scheme', () => {
  const { policy, messages } = translateWith(redirect, { 'temporal-redirect': '/x' });
  expect(policy).toBeUndefined();
  expect(messages).toEqual([
    'metadata.annotations[temporal-redirect]: "/x" does not begin with http; no redirect is made',
  ]);
});

test('variables and captures are filled in, where validation lets them through', () => {
  const policy = { location: 'https://b.test/$1$request_uri', status: 301, isRelative: false };
  const request = fakeRequest({ target: '/x?y=1', capture: () => 'c' });
  expect(redirect.createFilter!(policy, fakeContext())!.onRequest!(request)).toEqual(
    to('https://b.test/c/x?y=1', 301),
  );
  expect(translateWith(redirect, { 'permanent-redirect': 'https://b.test/$1' }).refused).toHaveLength(1);
});
