import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWebhookCertificate } from '../../src/controller/certificates/webhook-certificate.ts';
import { revealBytes } from '../../src/lib/redacted-bytes.ts';
import { startFakeApi, type FakeApiServer } from '../fakes/api-server.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

// The admission webhook of a whole controller, with a certificate as `serin certgen` makes it.

const folder = mkdtempSync(join(tmpdir(), 'serin-webhook-'));
const NAME = 'ingress-nginx-controller-admission.ingress-nginx.svc';
const { ca, certificate, key } = createWebhookCertificate([NAME], Date.now());
const agent = new Agent({ connect: { ca, servername: NAME } });
let api: FakeApiServer;
let serin: SerinProcess;
let port: string;

beforeAll(async () => {
  api = await startFakeApi();
  writeFileSync(join(folder, 'kubeconfig'), api.kubeconfig());
  writeFileSync(join(folder, 'cert'), certificate);
  writeFileSync(join(folder, 'key'), revealBytes(key));
  api.apply({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'nginx' },
    spec: { controller: 'k8s.io/ingress-nginx' },
  });
  api.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace: 'a', name: 'there' }, data: {} });
  serin = await startSerin([
    'controller',
    `--kubeconfig=${join(folder, 'kubeconfig')}`,
    '--validating-webhook=127.0.0.1:0',
    `--validating-webhook-certificate=${join(folder, 'cert')}`,
    `--validating-webhook-key=${join(folder, 'key')}`,
    '--workers=1',
    '--post-shutdown-grace-period=2',
  ]);
  port = /listening name=webhook .*?port=(\d+)/.exec(serin.stderr())![1]!;
});
afterAll(async () => {
  await serin?.stop();
  await agent.close();
  await api?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function review(secretName: string, more: object = {}, pathType = 'Prefix') {
  const backend = { service: { name: 'web', port: { number: 80 } } };
  const object = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: 'a', name: 'web' },
    spec: {
      ingressClassName: 'nginx',
      tls: [{ hosts: ['a.test'], secretName }],
      rules: [{ host: 'a.test', http: { paths: [{ path: '/(x)', pathType, backend }] } }],
    },
  };
  const { body } = await request(`https://127.0.0.1:${port}/networking/v1/ingresses`, {
    method: 'POST',
    dispatcher: agent,
    body: JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u',
        namespace: 'a',
        name: 'web',
        kind: { group: 'networking.k8s.io', version: 'v1', kind: 'Ingress' },
        operation: 'CREATE',
        object,
        ...more,
      },
    }),
  });
  return ((await body.json()) as any).response as { allowed: boolean; warnings?: string[] };
}

const samples = async () => {
  const { body } = await request(`http://127.0.0.1:${serin.healthPort}/metrics`);
  const lines = (await body.text()).split('\n');
  return lines.filter((line) => /^nginx_ingress_controller_(admission|check)_/.test(line));
};

test('a dry run leaves no sample, a review the six gauges and a count', async () => {
  await review('nowhere', { dryRun: true }, 'ImplementationSpecific');
  expect(await samples()).toEqual([]);
  expect((await review('nowhere', {}, 'ImplementationSpecific')).allowed).toBe(true);
  const found = await samples();
  const names = found.map((line) => line.slice('nginx_ingress_controller_'.length, line.indexOf('{')));
  expect(names.toSorted()).toEqual([
    'admission_config_size',
    'admission_render_duration',
    'admission_render_ingresses',
    'admission_roundtrip_duration',
    'admission_tested_duration',
    'admission_tested_ingresses',
    'check_success',
  ]);
  const valueOf = (name: string) =>
    Number(
      found
        .find((line) => line.includes(name))!
        .split(' ')
        .at(-1),
    );
  expect(valueOf('admission_tested_ingresses')).toBe(1);
  expect(valueOf('admission_config_size')).toBeGreaterThan(100);
  expect(valueOf('admission_roundtrip_duration')).toBeGreaterThan(0);
});

test('a Secret that no Ingress names yet is asked for, and only a missing one is a warning', async () => {
  const missing = await review('nowhere', {}, 'ImplementationSpecific');
  expect(missing.warnings?.join()).toContain('"nowhere" is not a Secret in namespace a');
  const there = await review('there', {}, 'ImplementationSpecific');
  expect(there.warnings?.join()).not.toContain('is not a Secret');
  expect(there.warnings?.join()).toContain('"web" ');
});

test('a refusal is counted as an error', async () => {
  expect((await review('there')).allowed).toBe(false);
  expect((await samples()).join('\n')).toMatch(/check_errors\{.*namespace="a",ingress="web".*\} 1/);
});

test('reviews are answered to the end: the API server sends some until it knows that this Pod goes', async () => {
  serin.child.kill('SIGTERM');
  await serin.waitFor('all workers have drained');
  const { allowed, warnings } = await review('there', {}, 'ImplementationSpecific');
  expect(allowed).toBe(true);
  expect(warnings?.join()).not.toContain('is not a Secret');
  expect(await serin.stop()).toBe(0);
});
