import { expect, test } from 'vitest';
import { fakeHead, fakeRequest, filterOf } from '../kit/testing.ts';
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
