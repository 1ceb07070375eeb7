import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSelfSigned } from '../../src/lib/self-signed.ts';
import { grantsOf } from '../fixtures/grants.ts';
import { startFakeApi, type FakeApiServer } from '../fakes/api-server.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

// The whole of `serin controller` as a process of its own, against the API server double, over real sockets.

const folder = mkdtempSync(join(tmpdir(), 'serin-controller-'));
const pods: Server[] = [];
let api: FakeApiServer;
let serin: SerinProcess;

const environment = () => ({
  KUBECONFIG: join(folder, 'kubeconfig'),
  POD_NAME: 'serin-0',
  POD_NAMESPACE: 'ingress-nginx',
});
const ARGS = [
  'controller',
  '--configmap=ingress-nginx/ingress-nginx-controller',
  '--election-id=ingress-nginx-leader',
  '--publish-status-address=192.0.2.10',
  '--workers=2',
  '--post-shutdown-grace-period=0',
];

async function startPod(name: string): Promise<number> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    response.end(`${name} ${incoming.url}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  pods.push(server);
  return (server.address() as AddressInfo).port;
}

const slice = (service: string, port: number) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { namespace: 'a', name: `${service}-1`, labels: { 'kubernetes.io/service-name': service } },
  addressType: 'IPv4',
  ports: [{ name: 'http', port, protocol: 'TCP' }],
  endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
});
const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { namespace: 'a', name },
  spec: { clusterIP: 'None', ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
});
const ingress = (
  name: string,
  host: string,
  backend: string,
  more: { annotations?: object; tls?: object[] } = {},
) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { namespace: 'a', name, annotations: more.annotations ?? {} },
  spec: {
    ingressClassName: 'nginx',
    ...(more.tls === undefined ? {} : { tls: more.tls }),
    rules: [
      {
        host,
        http: {
          paths: [
            {
              path: '/',
              pathType: 'Prefix',
              backend: { service: { name: backend, port: { name: 'http' } } },
            },
          ],
        },
      },
    ],
  },
});
const secret = (name: string, names: string[]) => {
  const { certificate, key } = createSelfSigned(names, Date.now());
  const data = {
    'tls.crt': Buffer.from(certificate).toString('base64'),
    'tls.key': Buffer.from(key).toString('base64'),
  };
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'a', name },
    type: 'kubernetes.io/tls',
    data,
  };
};

async function get(host: string, path = '/'): Promise<string> {
  const { statusCode, body } = await request(`http://127.0.0.1:${serin.httpPort}${path}`, {
    headers: { host },
  });
  return `${statusCode} ${await body.text()}`;
}

/** Asks until the answer is as wanted; the bound of the test ends it. */
async function until<T>(ask: () => T | Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

beforeAll(async () => {
  api = await startFakeApi();
  writeFileSync(join(folder, 'kubeconfig'), api.kubeconfig());
  api.apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  });
  const labels = { 'app.kubernetes.io/name': 'ingress-nginx', 'app.kubernetes.io/component': 'controller' };
  api.apply({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'ingress-nginx', name: 'serin-0', labels },
    spec: { nodeName: 'node-0' },
    status: { phase: 'Running' },
  });
  api.apply([service('web'), slice('web', await startPod('web'))]);
  api.apply([service('other'), slice('other', await startPod('other'))]);
  api.apply([ingress('web', 'web.test', 'web')]);
  serin = await startSerin(ARGS, environment());
});
afterAll(async () => {
  await serin?.stop();
  await api?.stop();
  for (const pod of pods) {
    pod.closeAllConnections();
    pod.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

test('serves what the API server has, and tells in Events, status and Lease', async () => {
  expect(await get('web.test', '/x')).toBe('200 web /x');
  await until(
    () => api.events('Ingress', 'a', 'web'),
    (events) => events.some((event: any) => event.reason === 'Sync'),
  );
  const status = await until(
    () => (api.get('Ingress', 'a', 'web') as any).status?.loadBalancer?.ingress,
    (found) => found !== undefined,
  );
  expect(status).toEqual([{ ip: '192.0.2.10' }]);
  expect((api.get('Lease', 'ingress-nginx', 'ingress-nginx-leader') as any).spec.holderIdentity).toBe(
    'serin-0',
  );
});

test('a status that another controller took away as it ended is written again at once, not a minute later', async () => {
  const addresses = () => (api.get('Ingress', 'a', 'web') as any).status.loadBalancer.ingress;
  api.apply({ ...(api.get('Ingress', 'a', 'web') as object), status: { loadBalancer: {} } });
  expect(addresses()).toBeUndefined();
  await until(addresses, (found) => found?.[0].ip === '192.0.2.10');
});

test('orphan_ingress follows the endpoints, which come and go without a new table', async () => {
  const orphaned = async () => {
    const { body } = await request(`http://127.0.0.1:${serin.healthPort}/metrics`);
    const line =
      /^nginx_ingress_controller_orphan_ingress\{.*ingress="lonely".*type="no-endpoint".*\} (\d)$/m;
    return line.exec(await body.text())?.[1];
  };
  const pod = await startPod('lonely');
  api.apply([service('lonely'), slice('lonely', pod), ingress('lonely', 'lonely.test', 'lonely')]);
  await until(orphaned, (value) => value === '0');
  api.apply({ ...slice('lonely', pod), endpoints: [] });
  await until(orphaned, (value) => value === '1');
  api.apply(slice('lonely', pod));
  await until(orphaned, (value) => value === '0');
  api.delete('Ingress', 'a', 'lonely');
});

test('a new, a changed and a deleted Ingress are followed', async () => {
  api.apply(ingress('new', 'new.test', 'web'));
  await until(
    () => get('new.test'),
    (answer) => answer === '200 web /',
  );
  api.apply(ingress('new', 'new.test', 'other'));
  await until(
    () => get('new.test'),
    (answer) => answer === '200 other /',
  );
  api.delete('Ingress', 'a', 'new');
  await until(
    () => get('new.test'),
    (answer) => answer.startsWith('404'),
  );
});

test('endpoints are followed without a translation', async () => {
  const port = await startPod('moved');
  api.apply(slice('web', port));
  await until(
    () => get('web.test'),
    (answer) => answer === '200 moved /',
  );
});

test('a Service whose endpoints go answers 503 and comes back', async () => {
  api.apply({ ...slice('other', 1), endpoints: [] });
  api.apply(ingress('empty', 'empty.test', 'other'));
  await until(
    () => get('empty.test'),
    (answer) => answer.startsWith('503'),
  );
  api.apply(slice('other', await startPod('back')));
  await until(
    () => get('empty.test'),
    (answer) => answer === '200 back /',
  );
});

test('a certificate is loaded with its Ingress, and rotated', async () => {
  const served = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect(
        { port: serin.httpsPort, host: '127.0.0.1', servername: 'tls.test', rejectUnauthorized: false },
        () => {
          resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
          socket.destroy();
        },
      );
      socket.on('error', reject);
    });
  const fallback = await served();
  api.apply(secret('cert', ['tls.test']));
  api.apply(ingress('tls', 'tls.test', 'web', { tls: [{ hosts: ['tls.test'], secretName: 'cert' }] }));
  const first = await until(served, (serial) => serial !== fallback);
  expect(api.events('Ingress', 'a', 'tls').filter((event: any) => event.reason === 'MissingSecret')).toEqual(
    [],
  );
  api.apply(secret('cert', ['tls.test']));
  await until(served, (serial) => serial !== first && serial !== fallback);
});

test('the ConfigMap is followed', async () => {
  api.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'ingress-nginx', name: 'ingress-nginx-controller' },
    data: { 'force-ssl-redirect': 'true' },
  });
  await until(
    () => get('web.test'),
    (answer) => answer.startsWith('308'),
  );
  api.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'ingress-nginx', name: 'ingress-nginx-controller' },
    data: {},
  });
  await until(
    () => get('web.test'),
    (answer) => answer.startsWith('200'),
  );
});

test('a finding is a Warning Event, once', async () => {
  api.apply(
    ingress('odd', 'odd.test', 'nowhere', {
      annotations: { 'nginx.ingress.kubernetes.io/proxy-read-timeout': 'soon' },
    }),
  );
  const events = await until(
    () => api.events('Ingress', 'a', 'odd') as any[],
    (found) =>
      ['InvalidAnnotation', 'MissingService'].every((reason) =>
        found.some((event) => event.reason === reason),
      ),
  );
  const [invalid] = events.filter((event) => event.reason === 'InvalidAnnotation');
  expect(invalid).toMatchObject({ type: 'Warning', count: 1 });
  expect(invalid.message).toContain('"soon" is not a whole number of seconds; its default is used');
});

test('an API server that goes away changes nothing, and what changed meanwhile is served when it is back', async () => {
  await api.goDown();
  expect(await get('web.test')).toMatch(/^200/);
  api.apply(ingress('meanwhile', 'meanwhile.test', 'web'));
  await api.comeUp();
  await until(
    () => get('meanwhile.test'),
    (answer) => answer.startsWith('200'),
  );
});

test('a Service that a flag names must exist', async () => {
  const started = startSerin([...ARGS, '--default-backend-service=a/nowhere'], environment());
  await expect(started).rejects.toThrow('no service with name nowhere found in namespace a');
});

test('a clean exit takes the status back', async () => {
  expect(await serin.stop()).toBe(0);
  expect((api.get('Ingress', 'a', 'web') as any).status?.loadBalancer?.ingress ?? []).toEqual([]);
});

test('nothing was asked of the API server that rbac.yaml does not grant', () => {
  const granted = new Set(grantsOf('rbac.yaml').map(({ resource, verb }) => `${verb} ${resource}`));
  // The double names a subresource by its resource; Ingresses themselves are never written.
  granted.add('update ingresses');
  const asked = new Set(api.requests.map(({ verb, resource }) => `${verb} ${resource}`));
  expect([...asked].filter((one) => !granted.has(one))).toEqual([]);
});
