import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFakeApi, type FakeApiServer } from '../fakes/api-server.ts';
import { startSerin } from '../fixtures/serin-process.ts';

// `serin controller` on somebody's own machine, and `serin serve` with what may be wrong about its arguments.

const folder = mkdtempSync(join(tmpdir(), 'serin-outside-'));
const kubeconfig = join(folder, 'kubeconfig');
const NOBODY = { KUBECONFIG: '', POD_NAME: '', POD_NAMESPACE: '', KUBERNETES_SERVICE_HOST: '' };
let api: FakeApiServer;

beforeAll(async () => {
  api = await startFakeApi();
  writeFileSync(kubeconfig, api.kubeconfig());
  api.apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  });
  api.apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: {
      namespace: 'a',
      name: 'web',
      annotations: { 'nginx.ingress.kubernetes.io/permanent-redirect': 'https://new.test/' },
    },
    spec: {
      ingressClassName: 'nginx',
      rules: [
        {
          host: 'web.test',
          http: {
            paths: [
              { path: '/', pathType: 'Prefix', backend: { service: { name: 'web', port: { number: 80 } } } },
            ],
          },
        },
      ],
    },
  });
});
afterAll(async () => {
  await api?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a kubeconfig is enough: without a Pod there is no status, no Event and no Lease, said once', async () => {
  const serin = await startSerin(
    [
      'controller',
      `--kubeconfig=${kubeconfig}`,
      '--publish-status-address=192.0.2.10',
      '--election-ttl=-1s',
      '-v=5',
      '--post-shutdown-grace-period=0',
      '--workers=1',
      '--enable-metrics',
      'false',
    ],
    NOBODY,
  );
  const { statusCode } = await request(`http://127.0.0.1:${serin.httpPort}/`, {
    headers: { host: 'web.test' },
  });
  expect(statusCode).toBe(301);
  expect(await serin.stop()).toBe(0);
  expect((api.get('Ingress', 'a', 'web') as any).status?.loadBalancer?.ingress ?? []).toEqual([]);
  expect(api.events('Ingress', 'a', 'web')).toEqual([]);
  expect(api.list('Lease')).toEqual([]);
  expect(serin.stderr().match(/POD_NAME and POD_NAMESPACE are not set/g)).toHaveLength(1);
  expect(serin.stderr()).toContain('"false" is no flag and is ignored');
});

test('in a Pod the environment must name it', async () => {
  const inPod = { ...NOBODY, KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: '1' };
  await expect(startSerin(['controller'], inPod)).rejects.toThrow(
    'POD_NAME and POD_NAMESPACE are needed in a Pod',
  );
});

test('serve ends with an error where a path does not exist, and names it', async () => {
  const missing = join(folder, 'nowhere.yaml');
  for (const args of [[`--manifests=${missing}`], [missing]]) {
    await expect(startSerin(['serve', ...args])).rejects.toThrow(`"${missing}" does not exist`);
  }
});
