import { revealBytes } from '../../lib/redacted-bytes.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFakeApi, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import { createObjectStore, type ObjectStore, type StoreImpact } from '../store/object-store.ts';
import type { Kind } from '../store/objects.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { parseApiAccess } from './kubeconfig.ts';
import { createKubeSource, type KubeSource, type KubeSourceDeps } from './source.ts';
import type { ObjectChange } from './store-sink.ts';
import { createSystemTiming } from './timing.ts';

let api: FakeApiServer;
let client: KubeClient;
let store: ObjectStore;
let source: KubeSource | undefined;
let impacts: [StoreImpact, string | undefined][];
let changes: ObjectChange[];
let forbidden: [Kind, boolean][];
const waiting = new Set<() => void>();

beforeEach(async () => {
  api = await startFakeApi();
  client = createKubeClient({ access: parseApiAccess(api.kubeconfig()), userAgent: 'test' });
  store = createObjectStore();
  [impacts, changes, forbidden] = [[], [], []];
});

afterEach(async () => {
  await source?.stop();
  source = undefined;
  await client.close();
  await api.stop();
});

function start(more: Partial<KubeSourceDeps> = {}): KubeSource {
  source = createKubeSource({
    client,
    store,
    timing: createSystemTiming(),
    watchNamespace: '',
    watchNamespaceSelector: '',
    reflectorOptions: { backoffFirstMs: 2, backoffCapMs: 20, forbiddenRetryMs: 20 },
    changed(impact, serviceKey) {
      impacts.push([impact, serviceKey]);
      for (const check of waiting) check();
    },
    observer: {
      failed: () => {},
      recovered: () => {},
      unreadable: () => {},
      forbidden: (kind, is) => void forbidden.push([kind, is]),
      objectChanged: (change) => void changes.push(change),
    },
    ...more,
  });
  source.start();
  return source;
}

/** Resolves when the store answers truthy; asked again on each change. */
function storeHas(question: () => unknown): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!question()) return;
      waiting.delete(check);
      resolve();
    };
    waiting.add(check);
    check();
  });
}

const meta = (name: string, namespace = 'lab') => ({ name, namespace });
const secret = (name: string, value: string, namespace = 'lab') => ({
  kind: 'Secret',
  apiVersion: 'v1',
  metadata: meta(name, namespace),
  data: { key: Buffer.from(value).toString('base64') },
});
const slice = (name: string, service: string, ip: string) => ({
  kind: 'EndpointSlice',
  apiVersion: 'discovery.k8s.io/v1',
  metadata: { ...meta(name), labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  ports: [{ port: 80 }],
  endpoints: [{ addresses: [ip], conditions: { ready: true } }],
});
const service = (name: string) => ({
  kind: 'Service',
  apiVersion: 'v1',
  metadata: meta(name),
  spec: { ports: [{ port: 80 }] },
});
const ingress = (name: string) => ({
  kind: 'Ingress',
  apiVersion: 'networking.k8s.io/v1',
  metadata: meta(name),
  spec: { ingressClassName: 'nginx', rules: [{ host: `${name}.test` }] },
});
const ingressClass = {
  kind: 'IngressClass',
  apiVersion: 'networking.k8s.io/v1',
  metadata: { name: 'nginx' },
  spec: { controller: 'k8s.io/ingress-nginx' },
};

const secretNames = () => [...store.snapshot().secrets.keys()].toSorted();
const text = (name: string) => {
  const value = store.get('Secret', meta(name))?.data.get('key');
  return value === undefined ? '' : revealBytes(value).toString('utf8');
};

test('is synced when every kind is in the store', async () => {
  api.apply([ingressClass, service('web'), slice('web-1', 'web', '10.0.0.1'), ingress('web')]);
  await start().synced;
  const snapshot = store.snapshot();
  expect(snapshot.ingresses.map(({ name }) => name)).toEqual(['web']);
  expect(snapshot.classes.get('nginx')?.controller).toBe('k8s.io/ingress-nginx');
  expect([...snapshot.services.keys()]).toEqual(['lab/web']);
  expect([...snapshot.slicesByService.keys()]).toEqual(['lab/web']);
  expect(api.requests.map(({ resource }) => resource)).not.toContain('namespaces');
  expect(api.requests.map(({ resource }) => resource)).not.toContain('secrets');
});

test('says whose endpoints moved, also when a slice changes its Service', async () => {
  api.apply([service('a'), service('b'), slice('s', 'a', '10.0.0.1')]);
  await start().synced;
  impacts.length = 0;
  api.apply(slice('s', 'a', '10.0.0.2'));
  await storeHas(() => impacts.length === 1);
  api.apply(slice('s', 'b', '10.0.0.2'));
  await storeHas(() => impacts.length === 3);
  expect(impacts).toEqual([
    ['endpoints', 'lab/a'],
    ['endpoints', 'lab/b'],
    ['endpoints', 'lab/a'],
  ]);
});

test('a status written by ourselves is no change of configuration', async () => {
  api.apply([ingressClass, ingress('web')]);
  await start().synced;
  await api.until(() => api.watchCount('ingresses') === 1);
  impacts.length = 0;
  api.apply({ ...ingress('web'), status: { loadBalancer: { ingress: [{ ip: '10.0.0.9' }] } } });
  await storeHas(() => store.get('Ingress', meta('web'))?.status.length === 1);
  expect(impacts).toEqual([['none', undefined]]);
  expect(changes.at(-1)).toMatchObject({ type: 'changed', impact: 'none' });
});

test('goes without IngressClasses where they are forbidden, and takes them up when allowed', async () => {
  const allow = api.forbid({ resource: 'ingressclasses' });
  api.apply([ingressClass, ingress('web')]);
  await start().synced;
  expect(forbidden).toEqual([['IngressClass', true]]);
  expect(store.snapshot().forbiddenKinds.has('IngressClass')).toBe(true);
  expect(store.count('Ingress')).toBe(1);
  allow();
  await storeHas(() => store.snapshot().classes.size === 1);
  expect(store.snapshot().forbiddenKinds.has('IngressClass')).toBe(false);
});

test('reads one namespace only where told to', async () => {
  api.apply([ingress('web'), { ...ingress('other'), metadata: meta('other', 'elsewhere') }]);
  await start({ watchNamespace: 'lab' }).synced;
  expect(store.snapshot().ingresses.map(({ name }) => name)).toEqual(['web']);
  for (const { resource, namespace } of api.requests) {
    expect(namespace).toBe(resource === 'ingressclasses' ? '' : 'lab');
  }
});

test('reads Namespaces only when a selector asks for them', async () => {
  api.apply({ kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'lab', labels: { team: 'a' } } });
  await start({ watchNamespaceSelector: 'team=a' }).synced;
  expect(store.snapshot().namespaces.get('lab')?.labels.get('team')).toBe('a');
});

test('watches named Secrets one by one, and drops what is no longer named', async () => {
  api.apply([secret('a', '1'), secret('b', '1'), secret('c', '1')]);
  const started = start();
  await started.synced;
  await started.watchReferences({ secrets: [meta('a'), meta('b'), meta('missing')], configMaps: [] });
  expect(secretNames()).toEqual(['lab/a', 'lab/b']);
  await api.until(() => api.watchCount('secrets') === 3);
  api.apply([secret('a', '2'), secret('missing', '1'), secret('c', '2')]);
  await storeHas(() => text('a') === '2' && text('missing') === '1');
  api.delete('Secret', 'lab', 'b');
  await storeHas(() => store.get('Secret', meta('b')) === undefined);
  await started.watchReferences({ secrets: [meta('missing')], configMaps: [] });
  expect(secretNames()).toEqual(['lab/missing']);
  await api.until(() => api.watchCount('secrets') === 1);
});

test('watches many named Secrets at once and keeps only those in memory', async () => {
  for (let index = 0; index < 10; index++) api.apply(secret(`s${index}`, '1'));
  api.apply({ ...secret('helm', '1'), type: 'helm.sh/release.v1' });
  const started = start({ singlesMax: 3 });
  await started.synced;
  const few = [meta('s0'), meta('s1'), meta('s2')];
  await started.watchReferences({ secrets: few, configMaps: [] });
  await api.until(() => api.watchCount('secrets') === 3);
  await started.watchReferences({ secrets: [...few, meta('s3'), meta('late')], configMaps: [] });
  expect(secretNames()).toEqual(['lab/s0', 'lab/s1', 'lab/s2', 'lab/s3']);
  const wide = () =>
    api.requests.filter(({ resource, namespace }) => resource === 'secrets' && namespace === '');
  await api.until(() => wide().length === 2 && api.watchCount('secrets') === 1);
  expect(wide().map(({ verb, query }) => [verb, query.fieldSelector])).toEqual([
    ['list', 'type!=helm.sh/release.v1'],
    ['watch', 'type!=helm.sh/release.v1'],
  ]);
  // One that the watch has passed over long ago is fetched when it is named.
  await started.watchReferences({ secrets: [...few, meta('s7'), meta('late')], configMaps: [] });
  expect(secretNames()).toEqual(['lab/s0', 'lab/s1', 'lab/s2', 'lab/s7']);
  api.apply([secret('s7', '2'), secret('late', '1'), secret('s9', '2')]);
  await storeHas(() => text('s7') === '2' && text('late') === '1');
  api.delete('Secret', 'lab', 's0');
  await storeHas(() => store.get('Secret', meta('s0')) === undefined);
  expect(secretNames()).toEqual(['lab/late', 'lab/s1', 'lab/s2', 'lab/s7']);
  await api.until(() => api.watchCount('secrets') === 1);
});

test('a named object outside of the watched namespace is watched by itself', async () => {
  api.apply([secret('a', '1'), secret('default-tls', '1', 'certs')]);
  const started = start({ watchNamespace: 'lab', singlesMax: 0 });
  await started.synced;
  const secrets = [meta('a'), meta('default-tls', 'certs')];
  await started.watchReferences({ secrets, configMaps: [] });
  expect(secretNames()).toEqual(['certs/default-tls', 'lab/a']);
});

test('a Secret that may not be read holds nothing up', async () => {
  api.apply(secret('a', '1'));
  api.forbid({ resource: 'secrets', namespace: 'hidden' });
  const started = start();
  await started.synced;
  const secrets = [meta('a'), meta('x', 'hidden')];
  await started.watchReferences({ secrets, configMaps: [] });
  expect(secretNames()).toEqual(['lab/a']);
});

test('waits a bounded time for named objects when the server is silent', async () => {
  const started = start({ loadTimeoutMs: 30 });
  await started.synced;
  api.hang();
  await started.watchReferences({ secrets: [meta('a')], configMaps: [meta('b')] });
  expect(secretNames()).toEqual([]);
  api.resume();
});

test('reads Endpoints only of Services that have no slices', async () => {
  const endpoints = (name: string, ip: string) => ({
    kind: 'Endpoints',
    apiVersion: 'v1',
    metadata: meta(name),
    subsets: [{ addresses: [{ ip }], ports: [{ port: 80 }] }],
  });
  api.apply([service('sliced'), slice('s', 'sliced', '10.0.0.1'), endpoints('sliced', '10.0.0.1')]);
  api.apply([service('plain'), endpoints('plain', '10.0.0.2')]);
  const started = start({ endpointsAfterMs: 1 });
  await started.synced;
  await storeHas(() => store.count('Endpoints') === 1);
  expect(store.get('Endpoints', meta('plain'))?.subsets[0]?.addresses).toEqual(['10.0.0.2']);
  impacts.length = 0;
  api.apply(endpoints('plain', '10.0.0.3'));
  await storeHas(() => impacts.length > 0);
  expect(impacts).toEqual([['endpoints', 'lab/plain']]);
  api.apply(slice('p', 'plain', '10.0.0.4'));
  await storeHas(() => store.count('Endpoints') === 0);
  const asked = api.requests.filter(({ resource }) => resource === 'endpoints');
  expect(new Set(asked.map(({ query }) => query.fieldSelector))).toEqual(new Set(['metadata.name=plain']));
});

test('two outages later the store is the cluster again, and never lost anything', async () => {
  api.apply([ingressClass, service('web'), ingress('web'), secret('a', '1')]);
  const cut = Promise.withResolvers<void>();
  const started = start({
    reflectorOptions: { backoffFirstMs: 2, backoffCapMs: 20, stallMs: 60 },
    observer: {
      failed: (_, { error }) => String(error).includes('silent') && cut.resolve(),
      recovered: () => {},
      unreadable: () => {},
      forbidden: () => {},
      objectChanged: (change) => void changes.push(change),
    },
  });
  await started.synced;
  await started.watchReferences({ secrets: [meta('a')], configMaps: [] });
  changes.length = 0;
  await api.goDown();
  api.apply([ingress('second'), secret('a', '2')]);
  api.compact();
  await api.comeUp();
  await storeHas(() => store.count('Ingress') === 2 && text('a') === '2');
  api.hang();
  api.apply(service('third'));
  await cut.promise;
  api.resume();
  await storeHas(() => store.count('Service') === 2);
  expect(changes.filter(({ type }) => type === 'deleted')).toEqual([]);
  expect(changes.map(({ kind, type, ref }) => `${kind} ${type} ${ref.name}`).toSorted()).toEqual([
    'Ingress added second',
    'Secret changed a',
    'Service added third',
  ]);
});
