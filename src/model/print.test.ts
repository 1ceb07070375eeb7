import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { hostModel, modelOf, routeModel } from '../../test/fixtures/models.ts';
import type { Model } from './model.ts';
import { printModel } from './print.ts';

const printed = (model: Model) => parse(printModel(model));

test('a route shows what it matches besides its path, and the parts of its backend', () => {
  const host = hostModel('a.test', [routeModel('/x')]);
  const [route] = host.routes;
  const more = {
    ...route!,
    match: { ...route!.match, method: 'GET', headers: [{ name: 'x-v', kind: 'exact', value: '2' }] },
    backend: { kind: 'weighted', parts: [{ upstreamId: 'u', weight: 3 }] },
  } as const;
  const { hosts } = printed(modelOf([{ ...host, routes: [route!, more] }]));
  expect(hosts[0].routes).toMatchObject([
    { path: '/x', pathType: 'prefix', upstreamId: 'test-/x-80' },
    {
      path: '/x',
      method: 'GET',
      headers: [{ name: 'x-v', kind: 'exact', value: '2' }],
      parts: [{ upstreamId: 'u', weight: 3 }],
    },
  ]);
  expect(hosts[0].routes[0]).not.toHaveProperty('method');
});
