import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* Flags and ConfigMap keys that are the same for all Ingresses, from a manifest to the wire. */

const folder = mkdtempSync(join(tmpdir(), 'serin-settings-'));
const backends: Server[] = [];
const objects: object[] = [];
let serin: SerinProcess;

async function service(name: string): Promise<void> {
  const server = createServer((seen, response) =>
    response.end(JSON.stringify({ name, headers: seen.headers })),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  backends.push(server);
  const { port } = server.address() as AddressInfo;
  objects.push(
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'a', name },
      spec: { ports: [{ port: 80 }] },
    },
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { namespace: 'a', name, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ port }],
      endpoints: [{ addresses: ['127.0.0.1'] }],
    },
  );
}

function ingress(
  name: string,
  paths: readonly (readonly [path: string, service: string])[],
  annotations: Record<string, string> = {},
  className: object = { ingressClassName: 'nginx' },
  host = 'a.test',
): void {
  const keys = Object.entries(annotations).map(([key, value]) => [
    `nginx.ingress.kubernetes.io/${key}`,
    value,
  ]);
  const rules = paths.map(([path, to]) => ({
    path,
    pathType: 'Prefix',
    backend: { service: { name: to, port: { number: 80 } } },
  }));
  objects.push({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: 'a', name, annotations: Object.fromEntries(keys) },
    spec: { ...className, rules: [{ host, http: { paths: rules } }] },
  });
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

function ask(path: string, host = 'a.test'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { host, connection: 'keep-alive' };
    const sent = request({ host: '127.0.0.1', port: serin.httpPort, path, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text }));
    });
    sent.on('error', reject);
    sent.end();
  });
}

beforeAll(async () => {
  await service('web');
  await service('beta');
  ingress('main', [
    ['/x', 'web'],
    ['/y', 'web'],
    ['/slash/', 'web'],
  ]);
  ingress('canary', [['/x', 'beta']], { canary: 'true', 'canary-weight': '100' });
  ingress('classless', [['/', 'web']], {}, {}, 'classless.test');
  objects.push(
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'nginx' },
      spec: { controller: 'k8s.io/ingress-nginx' },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { namespace: 'a', name: 'nobody' },
      spec: { ports: [{ port: 80 }] },
    },
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace: 'a', name: 'settings' },
      data: {
        'keep-alive': '0',
        'upstream-keepalive-connections': '0',
        'relative-redirects': 'true',
        'bind-address': '127.0.0.1',
      },
    },
  );
  writeFileSync(join(folder, 'all.yaml'), objects.map((object) => stringify(object)).join('---\n'));
  serin = await startSerin([
    'serve',
    `--manifests=${folder}`,
    '--configmap=a/settings',
    '--canary-scope=upstream',
    '--default-backend-service=a/nobody',
    '--workers=1',
    '--listen=::',
  ]);
}, 60_000);

afterAll(async () => {
  await serin?.stop();
  for (const server of backends) server.close();
  rmSync(folder, { recursive: true });
});

test('with --canary-scope=upstream a canary takes the other paths of the Service port, too', async () => {
  expect(JSON.parse((await ask('/x')).text)).toMatchObject({ name: 'beta' });
  expect(JSON.parse((await ask('/y')).text)).toMatchObject({ name: 'beta' });
});

test('upstream-keepalive-connections 0 asks the upstream to close', async () => {
  expect(JSON.parse((await ask('/x')).text)).toMatchObject({ headers: { connection: 'close' } });
});

test('keep-alive 0 closes the connection of the client', async () => {
  expect((await ask('/x')).headers.connection).toBe('close');
  expect((await ask('/none')).headers.connection).toBe('close');
});

test('bind-address is where the ports are open, and nowhere else', async () => {
  expect((await ask('/none')).status).toBe(404);
  const elsewhere = connect(serin.httpPort, '127.0.0.2');
  const [error] = (await once(elsewhere, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNREFUSED');
});

test('relative-redirects counts for the redirect that adds a slash', async () => {
  const { status, headers } = await ask('/slash?a=b');
  expect([status, headers.location]).toEqual([301, '/slash/?a=b']);
});

test('a default backend without endpoints is the built-in 404', async () => {
  expect((await ask('/none')).status).toBe(404);
  expect((await ask('/', 'unknown.test')).status).toBe(404);
});

test('serve leaves an Ingress without a class alone, as the controller does', async () => {
  expect((await ask('/', 'classless.test')).status).toBe(404);
});
