import { expect, test } from 'vitest';
import { fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { appRoot } from './app-root.ts';

const filter = filterOf(appRoot, { 'app-root': '/app1' })!;

test('the bare root is redirected, the query dropped, the port kept', () => {
  const request = fakeRequest({ target: '/?a=b', hostHeader: 'a.test:8080', scheme: 'https' });
  expect(filter.onRequest!(request)).toEqual({
    status: 302,
    headers: [['Location', 'http://a.test:8080/app1']],
  });
});

test('any other path is not', () => expect(filter.onRequest!(fakeRequest({ target: '/x' }))).toBeUndefined());

test('an absolute URL is refused', () => {
  expect(translateWith(appRoot, { 'app-root': 'https://b.test/x' }).refused).toEqual([
    'app-root is an absolute URL: default',
  ]);
});

test('variables are filled in', () => {
  const request = fakeRequest({ target: '/?to=x' });
  expect(filterOf(appRoot, { 'app-root': '/$arg_to' })!.onRequest!(request)).toEqual({
    status: 302,
    headers: [['Location', 'http://a.test/x']],
  });
});
