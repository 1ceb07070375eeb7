import { expect, test } from 'vitest';
import { features } from '../../features/registry.ts';
import type { CertificateModel } from '../../model/model.ts';
import { createObjectStore, type ObjectStore } from '../store/object-store.ts';
import type { Kind } from '../store/objects.ts';
import { readObject } from '../store/read-object.ts';
import { resolveEndpoints } from './endpoints.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from './options.ts';
import { translate } from './translate.ts';

/* Objects as large as the API server takes them. */

function put(store: ObjectStore, kind: Kind, raw: unknown): void {
  const read = readObject(kind, raw);
  if (!read.ok) throw new Error(read.problem.problem);
  store.apply({ kind, type: 'set', object: read.object });
}

function storeOf(paths: readonly string[]): ObjectStore {
  const store = createObjectStore();
  put(store, 'Service', {
    metadata: { name: 'web', namespace: 'shop' },
    spec: { clusterIP: '10.9.0.1', ports: [{ port: 80, targetPort: 8080 }] },
  });
  put(store, 'Ingress', {
    metadata: { name: 'web', namespace: 'shop' },
    spec: {
      rules: [
        {
          host: 'a.test',
          http: {
            paths: paths.map((path) => ({
              path,
              pathType: 'Prefix',
              backend: { service: { name: 'web', port: { number: 80 } } },
            })),
          },
        },
      ],
    },
  });
  return store;
}

function translated(store: ObjectStore) {
  const options = {
    ...DEFAULT_TRANSLATE_OPTIONS,
    isWithoutClassServed: true,
    fallbackCertificate: { id: 'fallback' } as CertificateModel,
  };
  return translate(store.snapshot(), options, features, 0);
}

const routesOf = (store: ObjectStore): readonly string[] => {
  const { model, findings } = translated(store);
  expect(findings).toEqual([]);
  return model.hosts.find(({ name }) => name === 'a.test')!.routes.map(({ path }) => path);
};

test('an Ingress with 1,000 paths has 1,000 routes', () => {
  const paths = Array.from({ length: 1_000 }, (_, i) => `/path-${i}`);
  const routes = routesOf(storeOf(paths));
  expect(new Set(routes)).toEqual(new Set(['/', ...paths]));
});

test('an Ingress of 1 MiB, in paths as long as they may be, is served whole', () => {
  const paths = Array.from({ length: 250 }, (_, i) => `/${`${i}`.padStart(4_095, 'x')}`);
  expect(routesOf(storeOf(paths))).toHaveLength(251);
});

test('a Service with 100,000 endpoints, in slices of 100, has all of them, and follows a slice that goes', () => {
  const store = storeOf(['/']);
  const name = (slice: number): string => `web-${slice}`;
  for (let slice = 0; slice < 1_000; slice++) {
    put(store, 'EndpointSlice', {
      metadata: {
        name: name(slice),
        namespace: 'shop',
        labels: { 'kubernetes.io/service-name': 'web' },
      },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: Array.from({ length: 100 }, (_, i) => ({
        addresses: [`10.${slice >> 8}.${slice & 255}.${i}`],
        conditions: { ready: true },
      })),
    });
  }
  const upstream = translated(store).model.upstreams.find(({ service }) => service === 'web')!;
  const addresses = () =>
    new Set(resolveEndpoints(store.snapshot(), upstream, () => []).map(({ address }) => address));
  expect(addresses().size).toBe(100_000);
  store.apply({ kind: 'EndpointSlice', type: 'delete', object: { namespace: 'shop', name: name(999) } });
  expect(addresses().size).toBe(99_900);
});
