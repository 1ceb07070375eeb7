import { expect, test } from 'vitest';
import { fakeContext, fakeHead, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { cors } from './cors.ts';

function headersFor(annotations: Record<string, string>, origin: string | undefined): Record<string, string> {
  const head = Object.assign(fakeHead(), { status: 200, isLocal: false });
  const headers: Record<string, string> = origin === undefined ? {} : { origin };
  filterOf(cors, { 'enable-cors': 'true', ...annotations })!.onResponse!(head, fakeRequest({ headers }));
  return Object.fromEntries(head.headers);
}

test('by default every origin is let in, with credentials', () => {
  expect(headersFor({}, undefined)).toEqual({
    'access-control-allow-origin': '*',
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'GET, PUT, POST, DELETE, PATCH, OPTIONS',
    'access-control-allow-headers':
      'DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization',
    'access-control-max-age': '1728000',
  });
});

const list = { 'cors-allow-origin': 'https://a.test, https://*.b.test:8443' };
const origins: [origin: string | undefined, isEchoed: boolean][] = [
  ['https://a.test', true],
  ['HTTPS://A.TEST', true],
  ['https://x.b.test:8443', true],
  ['https://x.y.b.test:8443', false],
  ['https://aXtest', false],
  ['https://evil.test/https://a.test', false],
  [undefined, false],
];
for (const [origin, isEchoed] of origins) {
  test(`origin ${origin} is ${isEchoed ? 'echoed' : 'not let in'}`, () => {
    expect(headersFor(list, origin)['access-control-allow-origin']).toBe(isEchoed ? origin : undefined);
  });
}

test('a matching OPTIONS is answered 204, another one goes to the upstream', () => {
  const filter = filterOf(cors, { 'enable-cors': 'true', ...list })!;
  const ask = (method: string, origin: string) =>
    filter.onRequest!(fakeRequest({ method, headers: { origin } }));
  expect(ask('OPTIONS', 'https://a.test')).toEqual({ status: 204 });
  expect(ask('OPTIONS', 'https://c.test')).toBeUndefined();
  expect(ask('GET', 'https://a.test')).toBeUndefined();
});

test('without enable-cors there is nothing', () => {
  expect(filterOf(cors, { 'cors-allow-origin': 'https://a.test' })).toBeUndefined();
});

test('items that are no origins are left out, with a finding', () => {
  const annotations = { 'enable-cors': 'true', 'cors-allow-origin': 'a.test, https://b.test' };
  expect(translateWith(cors, annotations)).toMatchObject({
    policy: { origins: ['https://b.test'] },
    messages: [
      'metadata.annotations[cors-allow-origin]: "a.test" is not scheme://host[:port]; the other items count',
    ],
  });
});

test('a list without one origin lets none in', () => {
  const only = { 'cors-allow-origin': 'a.test' };
  expect(headersFor(only, 'https://a.test')).toEqual({});
  expect(translateWith(cors, { 'enable-cors': 'true', ...only }).messages[0]).toContain(
    'no origin is let in',
  );
});

test('a list with characters that no origin has is refused', () => {
  const { refused, policy } = translateWith(cors, {
    'enable-cors': 'true',
    'cors-allow-origin': 'https://a;b',
  });
  expect(refused).toHaveLength(1);
  expect(policy?.origins).toBe('*');
});

test('a denied route sends none of it', () => {
  const context = fakeContext();
  const denied = { ...context, route: { ...context.route!, deniedStatus: 503 as const } };
  expect(filterOf(cors, { 'enable-cors': 'true' }, denied)).toBeUndefined();
});
