import { expect, test } from 'vitest';
import { fakeContext, fakeRequest, filterOf, translateWith } from '../kit/testing.ts';
import { globalAuth } from './global-auth.ts';

const settings = { 'global-auth-url': 'http://auth.test/check' };
const answer = (annotations: Record<string, string>, path = '/', more = settings) =>
  filterOf(globalAuth, annotations, fakeContext({ path }), { settings: more })?.onRequest?.(fakeRequest());

test('closes what nobody can authenticate, and says so', () => {
  expect(answer({})).toEqual({ status: 503 });
  expect(translateWith(globalAuth, {}, { settings }).messages).toEqual([
    'ConfigMap data.global-auth-url: "http://auth.test/check" asks for external authentication, which is not supported; nobody is let in: the routes of the Ingress answer 503',
  ]);
});

test('a value that is no boolean exempts nothing', () =>
  expect(answer({ 'enable-global-auth': 'no' })).toEqual({ status: 503 }));
test('an exempt Ingress is open', () => expect(answer({ 'enable-global-auth': 'false' })).toBeUndefined());
test('the ACME challenge is open', () => expect(answer({}, '/.well-known/acme-challenge/x')).toBeUndefined());
test('without the key all is open', () => expect(translateWith(globalAuth, {}).policy).toBeUndefined());
