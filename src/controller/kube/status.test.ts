import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFakeApi, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import { createObjectStore, type ObjectStore } from '../store/object-store.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { parseApiAccess } from './kubeconfig.ts';
import { createKubeSource, type KubeSource } from './source.ts';
import { countOtherPods, findAddresses, type AddressOptions } from './status-addresses.ts';
import { createStatusWriter, type StatusWriter, type StatusWriterDeps } from './status.ts';
import { createSystemTiming } from './timing.ts';

let api: FakeApiServer;
let client: KubeClient;
let store: ObjectStore;
let source: KubeSource;
let writer: StatusWriter | undefined;
let failures: string[];

const POD = { namespace: 'ingress-nginx', name: 'controller-a' };
const OPTIONS: AddressOptions = { publishStatusAddress: '', isInternalReported: false, pod: POD };

beforeEach(async () => {
  api = await startFakeApi();
  client = createKubeClient({ access: parseApiAccess(api.kubeconfig()), userAgent: 'test' });
  store = createObjectStore();
  failures = [];
  api.apply([ingress('web'), ingress('other')]);
  source = createKubeSource({
    client,
    store,
    timing: createSystemTiming(),
    watchNamespace: '',
    watchNamespaceSelector: '',
    changed: () => {},
    observer: {
      failed: () => {},
      recovered: () => {},
      unreadable: () => {},
      forbidden: () => {},
      objectChanged: () => {},
    },
  });
  source.start();
  await source.synced;
});

afterEach(async () => {
  await writer?.stop(false);
  writer = undefined;
  await source.stop();
  await client.close();
  await api.stop();
});

function ingress(name: string) {
  return {
    kind: 'Ingress',
    apiVersion: 'networking.k8s.io/v1',
    metadata: { name, namespace: 'lab', annotations: { keep: 'this' } },
    spec: { rules: [{ host: `${name}.test` }] },
  };
}

function pod(name: string, node: string, more: { ready?: string; phase?: string; labels?: object } = {}) {
  const { ready = 'True', phase = 'Running', labels = { app: 'serin', 'pod-template-hash': name } } = more;
  return {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: { name, namespace: 'ingress-nginx', labels },
    spec: { nodeName: node },
    status: { phase, conditions: [{ type: 'Ready', status: ready }] },
  };
}

function node(name: string, ...addresses: [type: string, address: string][]) {
  const status = { addresses: addresses.map(([type, address]) => ({ type, address })) };
  return { kind: 'Node', apiVersion: 'v1', metadata: { name }, status };
}

function service(spec: object, status: object = {}) {
  return {
    kind: 'Service',
    apiVersion: 'v1',
    metadata: { name: 'svc', namespace: 'ingress-nginx' },
    spec,
    status,
  };
}

const published: AddressOptions = { ...OPTIONS, publishService: { namespace: 'ingress-nginx', name: 'svc' } };

const cases: { name: string; objects: object[]; options: AddressOptions; want: object[] }[] = [
  {
    name: 'publish-status-address: addresses first, then names, each once',
    objects: [],
    options: { ...OPTIONS, publishStatusAddress: 'b.test, 10.0.0.2,10.0.0.1,2001:db8::1,10.0.0.1,' },
    want: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }, { ip: '2001:db8::1' }, { hostname: 'b.test' }],
  },
  {
    name: 'publish-service of type ExternalName',
    objects: [service({ type: 'ExternalName', externalName: 'lb.test' })],
    options: published,
    want: [{ hostname: 'lb.test' }],
  },
  {
    name: 'publish-service of type ClusterIP',
    objects: [service({ type: 'ClusterIP', clusterIP: '10.96.0.9' })],
    options: published,
    want: [{ ip: '10.96.0.9' }],
  },
  {
    name: 'publish-service of type NodePort with external addresses',
    objects: [service({ type: 'NodePort', clusterIP: '10.96.0.9', externalIPs: ['192.0.2.2', '192.0.2.1'] })],
    options: published,
    want: [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }],
  },
  {
    name: 'publish-service of type NodePort without external addresses',
    objects: [service({ type: 'NodePort', clusterIP: '10.96.0.9' })],
    options: published,
    want: [{ ip: '10.96.0.9' }],
  },
  {
    name: 'publish-service of type LoadBalancer',
    objects: [
      service(
        { type: 'LoadBalancer', clusterIP: '10.96.0.9', externalIPs: ['192.0.2.9'] },
        { loadBalancer: { ingress: [{ hostname: 'lb.test' }, { ip: '192.0.2.1' }] } },
      ),
    ],
    options: published,
    want: [{ ip: '192.0.2.1' }, { ip: '192.0.2.9' }, { hostname: 'lb.test' }],
  },
  {
    name: 'nodes of the ready controller Pods: external address, else internal',
    objects: [
      pod('controller-a', 'n1'),
      pod('controller-b', 'n2'),
      pod('controller-c', 'n2'),
      pod('unready', 'n3', { ready: 'False' }),
      pod('stranger', 'n4', { labels: { app: 'web' } }),
      pod('no-node-any-more', 'n5'),
      node('n1', ['InternalIP', '10.0.0.1'], ['ExternalIP', '192.0.2.1']),
      node('n2', ['Hostname', 'n2'], ['InternalIP', '10.0.0.2']),
      node('n3', ['InternalIP', '10.0.0.3']),
      node('n4', ['InternalIP', '10.0.0.4']),
    ],
    options: OPTIONS,
    want: [{ ip: '10.0.0.2' }, { ip: '192.0.2.1' }],
  },
  {
    name: 'the node of the only Pod, which leads before the kubelet has found it ready',
    objects: [pod('controller-a', 'n1', { ready: 'False' }), node('n1', ['InternalIP', '10.0.0.1'])],
    options: OPTIONS,
    want: [{ ip: '10.0.0.1' }],
  },
  {
    name: 'nodes, internal addresses asked for',
    objects: [pod('controller-a', 'n1'), node('n1', ['ExternalIP', '192.0.2.1'], ['InternalIP', '10.0.0.1'])],
    options: { ...OPTIONS, isInternalReported: true },
    want: [{ ip: '10.0.0.1' }],
  },
];

for (const { name, objects, options, want } of cases) {
  test(`addresses: ${name}`, async () => {
    api.apply(objects);
    expect(await findAddresses(options, client)).toEqual(want);
  });
}

test('counts other Pods that live, of any revision and of any release', async () => {
  const release = (version: string) => ({
    app: 'serin',
    'app.kubernetes.io/version': version,
    'helm.sh/chart': version,
  });
  api.apply([
    pod('controller-a', 'n1', { labels: release('1.15.1') }),
    pod('next-release', 'n1', { labels: release('0.1.0') }),
    pod('next-revision', 'n1', { phase: 'Pending' }),
    pod('done', 'n1', { phase: 'Succeeded' }),
    {
      ...pod('leaving', 'n1'),
      metadata: { ...pod('leaving', 'n1').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    },
    pod('stranger', 'n1', { labels: { app: 'web' } }),
  ]);
  expect(await countOtherPods(POD, client)).toBe(2);
});

function write(more: Partial<StatusWriterDeps> = {}): StatusWriter {
  writer = createStatusWriter({
    client,
    store,
    timing: createSystemTiming(),
    intervalMs: 60_000,
    isLeader: () => true,
    findAddresses: async () => [{ ip: '192.0.2.1' }],
    countOtherPods: async () => 0,
    observer: { wrote: () => {}, failed: (what) => void failures.push(what) },
    ...more,
  });
  writer.start();
  return writer;
}

const WEB = { namespace: 'lab', name: 'web' };
const statusOf = (name: string) => api.get('Ingress', 'lab', name)?.status?.loadBalancer?.ingress;
const updates = () => api.requests.filter(({ verb }) => verb === 'update');

test('writes the status of served Ingresses at once, of no others, and changes nothing else', async () => {
  write().serve([WEB]);
  await api.until(() => statusOf('web'));
  expect(statusOf('web')).toEqual([{ ip: '192.0.2.1' }]);
  expect(statusOf('other')).toBeUndefined();
  expect(api.get('Ingress', 'lab', 'web')).toMatchObject({
    metadata: { generation: 1, annotations: { keep: 'this' } },
    spec: { rules: [{ host: 'web.test' }] },
  });
});

test('does not write what is there already, in whatever order', async () => {
  const status = { loadBalancer: { ingress: [{ hostname: 'a.test' }, { ip: '192.0.2.1' }] } };
  api.apply({ ...ingress('web'), status });
  await api.until(() => store.get('Ingress', WEB)?.status.length === 2);
  const asked = Promise.withResolvers<void>();
  const found = [{ ip: '192.0.2.1' }, { hostname: 'a.test' }];
  const version = api.get('Ingress', 'lab', 'web')?.metadata.resourceVersion;
  write({
    async findAddresses() {
      asked.resolve();
      return found;
    },
  }).serve([WEB]);
  await asked.promise;
  await writer?.stop(false);
  expect(updates()).toEqual([]);
  expect(api.get('Ingress', 'lab', 'web')?.metadata.resourceVersion).toBe(version);
});

test('writes nothing unless it leads, and all when it begins to', async () => {
  let isLeader = false;
  const started = write({ isLeader: () => isLeader });
  started.serve([WEB]);
  expect(updates()).toEqual([]);
  isLeader = true;
  started.check();
  await api.until(() => statusOf('web'));
});

test('puts right what others wrote, at the next check', async () => {
  write({ intervalMs: 50 }).serve([WEB]);
  await api.until(() => statusOf('web'));
  api.apply({ ...ingress('web'), status: { loadBalancer: { ingress: [{ ip: '203.0.113.7' }] } } });
  await api.until(() => statusOf('web')?.[0].ip === '192.0.2.1');
});

test('writes at once what somebody took away, also before its own writing has come back', async () => {
  const started = write();
  started.serve([WEB]);
  await api.until(() => statusOf('web'));
  api.apply({ ...ingress('web'), status: { loadBalancer: {} } });
  expect(statusOf('web')).toBeUndefined();
  started.emptied(WEB);
  await api.until(() => statusOf('web'));
});

test('follows an address that changes', async () => {
  let ip = '192.0.2.1';
  const started = write({ findAddresses: async () => [{ ip }] });
  started.serve([WEB]);
  await api.until(() => statusOf('web'));
  ip = '192.0.2.2';
  started.check();
  await api.until(() => statusOf('web')?.[0].ip === '192.0.2.2');
});

test('keeps what is there while the addresses are unknown', async () => {
  const told = Promise.withResolvers<void>();
  write({
    findAddresses: () => Promise.reject(new Error('no')),
    observer: { wrote: () => {}, failed: () => told.resolve() },
  }).serve([WEB]);
  await told.promise;
  expect(updates()).toEqual([]);
});

test('tries again when the object has changed in between', async () => {
  const racing: KubeClient = {
    ...client,
    async get(resource, ref, signal) {
      const object = await client.get(resource, ref, signal);
      if (updates().length === 0) {
        api.apply({ ...ingress('web'), metadata: { ...ingress('web').metadata, labels: { raced: 'yes' } } });
      }
      return object;
    },
  };
  write({ client: racing }).serve([WEB]);
  await api.until(() => statusOf('web'));
  expect(updates().map(({ status }) => status)).toEqual([409, 200]);
  expect(api.get('Ingress', 'lab', 'web')?.metadata.labels).toEqual({ raced: 'yes' });
});

test('takes the status back when it is the last Pod', async () => {
  const started = write();
  started.serve([WEB]);
  await api.until(() => store.get('Ingress', WEB)?.status.length === 1);
  await started.stop(true);
  expect(api.get('Ingress', 'lab', 'web')?.status).toEqual({ loadBalancer: {} });
  expect(failures).toEqual([]);
});

const kept: { name: string; more: Partial<StatusWriterDeps>; isTakingBack: boolean }[] = [
  { name: 'another Pod lives', more: { countOtherPods: async () => 1 }, isTakingBack: true },
  { name: 'it is told not to', more: {}, isTakingBack: false },
  {
    name: 'there is more than one address',
    more: { findAddresses: async () => [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }] },
    isTakingBack: true,
  },
];

for (const { name, more, isTakingBack } of kept) {
  test(`leaves the status when ${name}`, async () => {
    const started = write(more);
    started.serve([WEB]);
    await api.until(() => (store.get('Ingress', WEB)?.status.length ?? 0) > 0);
    await started.stop(isTakingBack);
    expect(statusOf('web')?.[0]).toEqual({ ip: '192.0.2.1' });
  });
}
