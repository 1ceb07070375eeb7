import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';
import { apply, eventually, getJson, kubectl, KUBECONFIG, manifest } from './cluster.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const NAMESPACE = 'ingress-nginx';
const LABELS = {
  'app.kubernetes.io/name': 'ingress-nginx',
  'app.kubernetes.io/instance': 'ingress-nginx',
  'app.kubernetes.io/component': 'controller',
};

/** What of ingress-nginx's published manifest matters to who takes its place. */
const INGRESS_NGINX = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
  {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace: NAMESPACE, name: 'ingress-nginx-controller' },
    spec: {
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          containers: [
            {
              name: 'controller',
              image: 'registry.k8s.io/ingress-nginx/controller:v1.15.1',
              args: ['/nginx-ingress-controller', '--validating-webhook=:8443'],
              ports: [{ name: 'webhook', containerPort: 8443 }],
            },
          ],
        },
      },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { namespace: NAMESPACE, name: 'ingress-nginx-controller-admission' },
    spec: { ports: [{ name: 'https-webhook', port: 443, targetPort: 'webhook' }], selector: LABELS },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'ingress-nginx-admission' },
    webhooks: [
      {
        name: 'validate.nginx.ingress.kubernetes.io',
        admissionReviewVersions: ['v1'],
        clientConfig: {
          service: {
            namespace: NAMESPACE,
            name: 'ingress-nginx-controller-admission',
            path: '/networking/v1/ingresses',
          },
        },
        failurePolicy: 'Fail',
        sideEffects: 'None',
        rules: [
          {
            apiGroups: ['networking.k8s.io'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['ingresses'],
          },
        ],
      },
    ],
  },
];

const certgen = (kubeconfig: string) =>
  execFileSync(process.execPath, [MAIN, 'certgen', `--kubeconfig=${kubeconfig}`], { stdio: 'pipe' });

const createIngress = (name: string, path: string, ...more: string[]) =>
  kubectl(['create', 'ingress', name, '--class=nginx', `--rule=swap.test${path}=web:80`, ...more]);

describe.skipIf(KUBECONFIG === undefined)('over a running ingress-nginx (skipped without KUBECONFIG)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'serin-swap-'));
  let serin: SerinProcess | undefined;
  let forwarder: Server | undefined;
  let caBundle = '';

  const webhook = async () =>
    (await getJson('validatingwebhookconfiguration', 'ingress-nginx-admission')).webhooks[0];

  /** A kubeconfig of a ServiceAccount: what runs with it may do what the manifests grant. */
  async function accountOf(name: string): Promise<string> {
    const token = (await kubectl(['create', 'token', name, '-n', NAMESPACE])).trim();
    const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
    const file = join(folder, name);
    const users = [{ name: config.users[0].name, user: { token } }];
    writeFileSync(file, JSON.stringify({ ...config, users }), { mode: 0o600 });
    return file;
  }

  beforeAll(async () => {
    await apply(...INGRESS_NGINX);
    // In the part of the Jobs of ingress-nginx, whose containers do not run here.
    certgen(KUBECONFIG!);
    ({ caBundle } = (await webhook()).clientConfig);
    await kubectl(['scale', 'deployment/ingress-nginx-controller', '-n', NAMESPACE, '--replicas=3']);
    await kubectl(['apply', '-k', manifest('overlays/baremetal')]);
  });
  afterAll(async () => {
    await serin?.stop();
    forwarder?.close();
    await kubectl(['delete', 'ingress', 'swap', '--ignore-not-found']).catch(() => undefined);
    await kubectl(['delete', 'validatingwebhookconfiguration', 'ingress-nginx-admission']);
    rmSync(folder, { recursive: true, force: true });
  });

  test('the replicas, the CA and the failurePolicy stay', async () => {
    const { spec } = await getJson('deployment', 'ingress-nginx-controller', '-n', NAMESPACE);
    expect([spec.replicas, spec.template.spec.containers[0].image]).toEqual([3, 'serin/serin:0.1.0']);
    expect(await webhook()).toMatchObject({ failurePolicy: 'Fail', clientConfig: { caBundle } });
  });

  test('certgen leaves the certificate that is there, and makes one where there is none, with its own account', async () => {
    const account = await accountOf('ingress-nginx-admission');
    certgen(account);
    expect((await webhook()).clientConfig.caBundle).toBe(caBundle);
    await kubectl(['delete', 'secret', 'ingress-nginx-admission', '-n', NAMESPACE]);
    certgen(account);
    expect((await webhook()).clientConfig.caBundle).not.toBe(caBundle);
  });

  test('an Ingress can be written, a bad one is refused, and warnings reach kubectl', async ({ skip }) => {
    const { data } = await getJson('secret', 'ingress-nginx-admission', '-n', NAMESPACE);
    for (const name of ['cert', 'key']) writeFileSync(join(folder, name), Buffer.from(data[name], 'base64'));
    serin = await startSerin(
      [
        'controller',
        `--kubeconfig=${await accountOf('ingress-nginx')}`,
        '--validating-webhook=127.0.0.1:0',
        `--validating-webhook-certificate=${join(folder, 'cert')}`,
        `--validating-webhook-key=${join(folder, 'key')}`,
        '--workers=1',
        '--post-shutdown-grace-period=0',
      ],
      { POD_NAME: '', POD_NAMESPACE: '' },
    );
    const port = Number(/listening name=webhook port=(\d+)/.exec(serin.stderr())![1]);
    const service = await getJson('service', 'ingress-nginx-controller-admission', '-n', NAMESPACE);
    forwarder = await answerFor(service.spec.clusterIP, port);
    if (forwarder === undefined) return skip('the address of the Service cannot be taken here');

    await eventually('an answer of the webhook', () => createIngress('swap', '/a*'));
    await expect(createIngress('bad', '/a(.*)')).rejects.toThrow(
      'denied the request: spec.rules[0].http.paths[0].path: "/a(.*)" cannot be used with pathType Exact',
    );
    await expect(createIngress('again', '/a*')).rejects.toThrow('is already defined in ingress default/swap');
    expect(await kubectl(['label', 'ingress', 'swap', 'a=b'])).toContain('labeled');
  });
});

/** Stands in for kube-proxy: connections to a Service's address reach a local port. Undefined where that may not be. */
async function answerFor(clusterIp: string, port: number): Promise<Server | undefined> {
  try {
    execFileSync('ip', ['route', 'replace', 'local', `${clusterIp}/32`, 'dev', 'lo'], { stdio: 'pipe' });
  } catch {
    return undefined;
  }
  const server = createServer((socket) => {
    const upstream = connect(port, '127.0.0.1');
    socket.pipe(upstream).pipe(socket);
    socket.on('error', () => upstream.destroy());
    upstream.on('error', () => socket.destroy());
  });
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(443, clusterIp, () => resolve(server));
  });
}
