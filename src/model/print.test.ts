import { parse } from 'yaml';
import { expect, test } from 'vitest';
import { hostModel, modelOf, routeModel } from '../../test/fixtures/models.ts';
import type { Model } from './model.ts';
import { DEFAULT_LISTENERS } from './ports.ts';
import { printModel } from './print-yaml.ts';

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

test('the usual ports are not shown, others are, with streams and names that are passed through', () => {
  const source = { kind: 'Controller', namespace: '', name: 'flags' };
  const usual = DEFAULT_LISTENERS.map((listener) => ({ ...listener, source }));
  expect(printed(modelOf([], [], { listeners: usual }))).not.toHaveProperty('listeners');
  const model = modelOf([], [], {
    listeners: [...usual, { kind: 'tcp', name: 'tcp-5432', host: '::', port: 5432, source }],
    streams: [
      {
        kind: 'tcp',
        listener: 'tcp-5432',
        upstreamId: 'shop-db-5432',
        isProxyProtocolRead: true,
        isProxyProtocolSent: false,
        source,
      },
    ],
    tlsNames: [
      { kind: 'terminate', name: 'a.test', certificateId: 'c' },
      { kind: 'passthrough', name: 'b.test' },
    ],
  });
  expect(printed(model)).toMatchObject({
    listeners: [{ name: 'http' }, { name: 'https' }, { kind: 'tcp', port: 5432, source: 'Controller flags' }],
    streams: [{ kind: 'tcp', listener: 'tcp-5432', upstreamId: 'shop-db-5432', isProxyProtocolRead: true }],
    tlsNames: [{ kind: 'passthrough', name: 'b.test' }],
  });
});

test('what clients must show is told, the certificates by their kind', () => {
  const ca = '-----BEGIN CERTIFICATE-----\nx';
  const policies = {
    'auth-tls': { id: 'x', ca, verify: 'on', depth: 1, isCertificatePassed: false },
  } as const;
  const { hosts } = printed(modelOf([hostModel('a.test', [], { policies })]));
  expect(hosts[0].policies['auth-tls']).toMatchObject({ ca: '(certificate)', verify: 'on', depth: 1 });
});
