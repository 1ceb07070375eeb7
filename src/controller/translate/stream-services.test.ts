import { expect, test } from 'vitest';
import type { Listener } from '../../model/ports.ts';
import { createObjectStore } from '../store/object-store.ts';
import type { ConfigMapObject, ServiceObject } from '../store/objects.ts';
import { DEFAULT_TRANSLATE_OPTIONS, type TranslateOptions } from './options.ts';
import { readStreamServices } from './stream-services.ts';

const META = { uid: '', order: '', problems: [] };
const REF = { namespace: 'ingress-nginx', name: 'tcp-services' };
const SERVICE: ServiceObject = {
  kind: 'Service',
  namespace: 'db',
  name: 'postgres',
  ...META,
  type: 'ClusterIP',
  clusterIp: '10.96.0.1',
  externalName: '',
  ports: [{ name: 'sql', port: 5432, targetPort: '5432', protocol: 'TCP' }],
  externalIps: [],
  loadBalancer: [],
  topology: 'all',
};

function read(data: ReadonlyMap<string, string>, over: Partial<TranslateOptions> = {}) {
  const store = createObjectStore();
  const configMap: ConfigMapObject = { kind: 'ConfigMap', ...REF, ...META, data };
  store.apply({ kind: 'ConfigMap', type: 'set', object: configMap });
  store.apply({ kind: 'Service', type: 'set', object: SERVICE });
  const options = { ...DEFAULT_TRANSLATE_OPTIONS, tcpServices: REF, ...over } as TranslateOptions;
  const source = { kind: 'Controller', namespace: '', name: 'flags' };
  const placesOf = (listener: Listener) => [{ ...listener, source }];
  return readStreamServices(store.snapshot(), options, placesOf);
}

test('of five thousand entries the first thousand ports are opened, and the rest is told by its first', () => {
  const keys = Array.from({ length: 5_000 }, (_, i) => String(20_000 + i));
  const { listeners, upstreams, findings } = read(new Map(keys.map((key) => [key, 'db/postgres:5432'])));
  expect(listeners.length).toBe(1_000);
  expect(listeners.at(-1)!.port).toBe(20_999);
  expect(upstreams.map(({ id }) => id)).toEqual(['tcp/db/postgres:5432']);
  expect(findings).toEqual([
    expect.objectContaining({
      source: expect.objectContaining({ field: 'data.21000' }),
      value: 'db/postgres:5432',
      problem: 'stands behind 1000 ports, as 4000 entries do',
    }),
  ]);
});

test('the usual spelling of a port is the one that counts', () => {
  const data = new Map([
    ['05432', 'db/postgres:sql'],
    ['5432', 'db/postgres:5432'],
  ]);
  const { streams, findings } = read(data);
  expect(streams.map(({ upstreamId }) => upstreamId)).toEqual(['tcp/db/postgres:5432']);
  expect(findings.map(({ source, problem }) => `${source.field} ${problem}`)).toEqual([
    'data.05432 asks for port 5432, as data.5432 does',
  ]);
});

test('the ports that flags name are the controller’s', () => {
  const reservedPorts = [{ port: 9999, flag: '--validating-webhook' }];
  const { streams, findings } = read(new Map([['9999', 'db/postgres:5432']]), { reservedPorts });
  expect(streams).toEqual([]);
  expect(findings[0]!.problem).toContain('--validating-webhook');
});

test('what is written there is shortened where it is told', () => {
  const { findings } = read(new Map([['6000', `db/${'x'.repeat(10_000)}:1`]]));
  expect(findings[0]!.value.length).toBeLessThan(300);
  expect(findings[0]!.problem.length).toBeLessThan(300);
});
