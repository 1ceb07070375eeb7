import { expect, test } from 'vitest';
import { features } from '../features/registry.ts';
import { editsBetween } from '../lib/edited-list.ts';
import type { CertificateModel } from '../model/model.ts';
import { createPipeline } from './create-pipeline.ts';
import type { Built } from './pipeline.ts';
import { diffTables } from './publish/table-diff.ts';
import { createObjectStore, type ObjectStore } from './store/object-store.ts';
import type { IngressObject, Kind } from './store/objects.ts';
import { readObject } from './store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from './translate/options.ts';

const PREFIX = 'nginx.ingress.kubernetes.io';
const SERVICES = 4;

interface Shop {
  readonly store: ObjectStore;
  /** How often anything was read of Ingresses since this was last asked. */
  takeReads(): number;
  put(kind: Kind, raw: object): void;
  build(): Built;
}

/** A cluster of so many Ingresses of one host each, all with these annotations, every read of which is counted. */
function openShop(size: number, annotationsOf: (index: number) => Record<string, string>): Shop {
  let reads = 0;
  const store = createObjectStore();
  const counted = (object: IngressObject): IngressObject =>
    new Proxy(object, {
      get(target, key) {
        reads++;
        return Reflect.get(target, key) as unknown;
      },
    });
  const put = (kind: Kind, raw: object): void => {
    const read = readObject(kind, raw);
    if (!read.ok) throw new Error(read.problem.problem);
    const object = kind === 'Ingress' ? counted(read.object as IngressObject) : read.object;
    store.apply({ kind, type: 'set', object });
  };
  for (let index = 0; index < SERVICES; index++) put('Service', serviceOf(index));
  for (let index = 0; index < size; index++) put('Ingress', ingressOf(index, '/', annotationsOf(index)));
  const pipeline = createPipeline({
    options: {
      ...DEFAULT_TRANSLATE_OPTIONS,
      isWithoutClassServed: true,
      fallbackCertificate: { id: 'fallback' } as CertificateModel,
    },
    features,
    settingsFlags: { httpsPort: 443, healthPath: '/healthz', undefinedHosts: 'all', ticketKeys: [] } as never,
    lookUpName: () => [],
    nowMs: () => 0,
  });
  let generation = 0;
  return {
    store,
    put,
    build: () => pipeline.build(store.snapshot(), ++generation),
    takeReads() {
      const taken = reads;
      reads = 0;
      return taken;
    },
  };
}

function serviceOf(index: number): object {
  return {
    metadata: { namespace: 'shop', name: `service-${index}` },
    spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 8000 }] },
  };
}

function ingressOf(index: number, path: string, annotations: Record<string, string>): object {
  const backend = { service: { name: `service-${index % SERVICES}`, port: { number: 80 } } };
  return {
    metadata: {
      namespace: 'shop',
      name: `ingress-${index}`,
      uid: `uid-${index}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`${PREFIX}/${key}`, value]),
      ),
    },
    spec: {
      rules: [{ host: `host-${index}.test`, http: { paths: [{ path, pathType: 'Prefix', backend }] } }],
    },
  };
}

/** Reads of Ingresses that one changed Ingress costs in a cluster of this size, with what else holds of it checked. */
function readsOfOneChange(size: number, annotationsOf: (index: number) => Record<string, string>): number {
  const shop = openShop(size, annotationsOf);
  const before = shop.build();
  shop.takeReads();
  shop.put('Ingress', ingressOf(7, '/changed', annotationsOf(7)));
  const after = shop.build();
  const delta = diffTables(before.table, after.table);
  const reads = shop.takeReads();
  expect(delta?.hosts.set.map(({ name }) => name)).toEqual(['host-7.test']);
  expect(delta?.upstreams).toEqual({ set: [], removed: [] });
  const edits = {
    served: editsBetween(before.served, after.served)?.length,
    hosts: editsBetween(before.model.hosts, after.model.hosts)?.length,
    upstreams: editsBetween(before.model.upstreams, after.model.upstreams)?.length,
    compiled: editsBetween(before.table.hosts, after.table.hosts)?.length,
  };
  expect(edits).toEqual({ served: 1, hosts: 1, upstreams: 0, compiled: 1 });
  return reads;
}

/** Finding a place in a sorted list of twice the length reads two more times or so, of each list. */
const READS_OF_A_DOUBLING = 60;

for (const { name, annotationsOf } of [
  { name: 'plain Ingresses', annotationsOf: () => ({}) },
  {
    name: 'Ingresses with an alias each',
    annotationsOf: (index: number) => ({ 'server-alias': `a-${index}.test` }),
  },
  { name: 'Ingresses with their www twin', annotationsOf: () => ({ 'from-to-www-redirect': 'true' }) },
  { name: 'Ingresses with something wrong', annotationsOf: () => ({ 'proxy-read-timeout': 'x' }) },
  {
    name: 'Ingresses that ask one Service for authentication',
    annotationsOf: () => ({ 'auth-url': 'http://service-1.shop.svc.cluster.local/check' }),
  },
])
  test(`a changed Ingress costs no look at the others: ${name}`, () => {
    const few = readsOfOneChange(100, annotationsOf);
    const many = readsOfOneChange(400, annotationsOf);
    expect(many - few).toBeLessThanOrEqual(2 * READS_OF_A_DOUBLING);
  });

test('an Ingress that comes, and one that goes, cost no look at the others', () => {
  const readsOf = (size: number): number => {
    const shop = openShop(size, (index) => ({ 'server-alias': `a-${index}.test` }));
    let built = shop.build();
    shop.takeReads();
    const expectHosts = (set: readonly string[], removed: readonly string[]) => {
      const next = shop.build();
      const delta = diffTables(built.table, next.table);
      expect(delta?.hosts.set.map(({ name }) => name)).toEqual(set);
      expect(delta?.hosts.removed).toEqual(removed);
      built = next;
    };
    shop.put('Ingress', ingressOf(size, '/', {}));
    expectHosts([`host-${size}.test`], []);
    shop.store.apply({ kind: 'Ingress', type: 'delete', object: { namespace: 'shop', name: 'ingress-3' } });
    expectHosts([], ['host-3.test']);
    expect(built.served).toHaveLength(size);
    return shop.takeReads();
  };
  expect(readsOf(400) - readsOf(100)).toBeLessThanOrEqual(4 * READS_OF_A_DOUBLING);
});

test('new endpoints cost no look at any Ingress', () => {
  const shop = openShop(50, () => ({}));
  shop.build();
  shop.takeReads();
  shop.put('EndpointSlice', {
    metadata: {
      namespace: 'shop',
      name: 'service-1-a',
      labels: { 'kubernetes.io/service-name': 'service-1' },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8000, protocol: 'TCP' }],
    endpoints: [{ addresses: ['192.0.2.1'], conditions: { ready: true } }],
  });
  shop.store.snapshot();
  expect(shop.takeReads()).toBe(0);
});
