import { X509Certificate } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startFakeApi, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import { redactBytes, revealBytes } from '../../lib/redacted-bytes.ts';
import { createSelfSigned } from '../../lib/self-signed.ts';
import {
  createWebhookCertificate,
  problemOfWebhookCertificate,
} from '../certificates/webhook-certificate.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { parseApiAccess } from './kubeconfig.ts';
import { ensureWebhookCertificate, setWebhookAuthority } from './webhook-setup.ts';

const NAMES = ['ingress-nginx-controller-admission', 'ingress-nginx-controller-admission.ingress-nginx.svc'];
const NOW_MS = Date.UTC(2026, 10, 26);
const secret = { namespace: 'ingress-nginx', name: 'ingress-nginx-admission' };
let api: FakeApiServer;
let client: KubeClient;

beforeEach(async () => {
  api = await startFakeApi();
  client = createKubeClient({ access: parseApiAccess(api.kubeconfig()), userAgent: 'test' });
});
afterEach(async () => {
  await client.close();
  await api.stop();
});

const ensure = () => ensureWebhookCertificate({ client, secret, names: NAMES, nowMs: NOW_MS });
const held = (): Record<string, string> => {
  const data = (api.get('Secret', secret.namespace, secret.name) as any)?.data ?? {};
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value as string, 'base64').toString()]),
  );
};
const put = (data: Record<string, string>) =>
  api.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: secret,
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  });
const fromOthers = (names = NAMES, atMs = NOW_MS) => {
  const { ca, certificate, key } = createWebhookCertificate(names, atMs);
  return { ca, cert: certificate, key: revealBytes(key).toString() };
};

test('without a Secret one is made, with a certificate of its CA for the names of the Service', async () => {
  const { ca, madeBecause } = await ensure();
  expect(madeBecause).toBe('there is no Secret');
  expect(Object.keys(held()).toSorted()).toEqual(['ca', 'cert', 'key']);
  expect(held()['ca']).toBe(ca);
  const certificate = new X509Certificate(held()['cert']!);
  expect(certificate.subjectAltName).toBe(NAMES.map((name) => `DNS:${name}`).join(', '));
  expect(certificate.verify(new X509Certificate(ca).publicKey)).toBe(true);
});

test('the certificate that ingress-nginx left behind stays, and so does one of ours', async () => {
  put(fromOthers());
  const before = held();
  expect(await ensure()).toEqual({ ca: before['ca'] });
  expect(await ensure()).toEqual({ ca: before['ca'] });
  expect(held()).toEqual(before);
});

const bad: [name: string, data: Record<string, string>, because: string][] = [
  ['is empty', {}, 'ca, cert or key cannot be read'],
  [
    'is for another name',
    fromOthers(['other.svc']),
    'the certificate is not for ingress-nginx-controller-admission',
  ],
  ['is of another CA', { ...fromOthers(), ca: fromOthers().ca }, 'the certificate is not of the CA'],
  [
    'has the key of another',
    { ...fromOthers(), key: fromOthers().key },
    'the key is not that of the certificate',
  ],
  ['has run out', fromOthers(NAMES, Date.UTC(1925, 0, 1)), 'the certificate ends'],
];
for (const [name, data, because] of bad) {
  test(`a certificate that ${name} is made anew, and the CA before stays known`, async () => {
    put({ ...data, other: 'kept' });
    const { ca, madeBecause } = await ensure();
    expect(madeBecause).toContain(because);
    const { ca: made, cert, key, other } = held();
    expect(other).toBe('kept');
    expect(ca).toBe(`${made}${data['ca'] ?? ''}`);
    expect(
      problemOfWebhookCertificate(
        { ca: made!, certificate: cert!, key: redactBytes(Buffer.from(key!)) },
        NAMES,
        NOW_MS,
      ),
    ).toBeUndefined();
  });
}

test('while one takes the place of another, with the CAs of both, it stays', async () => {
  const [old, next] = [fromOthers(), fromOthers()];
  put({ ...old, ca: next.ca + old.ca, 'next-cert': next.cert, 'next-key': next.key });
  const before = held();
  expect(await ensure()).toEqual({ ca: next.ca + old.ca });
  expect(held()).toEqual(before);
});

test('what takes the place of another certificate is announced before, with the CA of that', async () => {
  const old = fromOthers(['other.svc']);
  put(old);
  let announced = '';
  const announce = async (ca: string) => {
    announced = ca;
    expect(held()).toEqual(old);
  };
  await ensureWebhookCertificate({ client, secret, names: NAMES, nowMs: NOW_MS, announce });
  expect(announced).toBe(`${held()['ca']}${old.ca}`);
});

test('what Serin made is marked as its own, and what it found is not', async () => {
  const mark = () => (api.get('Secret', secret.namespace, secret.name) as any).metadata.annotations;
  put(fromOthers());
  await ensure();
  expect(mark()).toBeUndefined();
  put({});
  await ensure();
  expect(mark()).toEqual({ 'serin.dev/renewed-by': 'serin' });
});

test('of two that make it at once, both end with the same CA', async () => {
  const [one, other] = await Promise.all([ensure(), ensure()]);
  expect(new X509Certificate(one.ca).fingerprint).toBe(new X509Certificate(other.ca).fingerprint);
});

test('the CA and the failurePolicy reach every webhook of the configuration, and nothing else changes', async () => {
  const { certificate } = createSelfSigned(['x'], NOW_MS);
  const clientConfig = {
    service: { namespace: 'ingress-nginx', name: 'x', path: '/networking/v1/ingresses' },
  };
  api.apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: 'ingress-nginx-admission' },
    webhooks: [
      { name: 'a', clientConfig, failurePolicy: 'Ignore' },
      { name: 'b', clientConfig, failurePolicy: 'Ignore' },
    ],
  });
  await setWebhookAuthority(client, 'ingress-nginx-admission', certificate, '');
  const caBundle = Buffer.from(certificate).toString('base64');
  const webhooks = () =>
    (api.get('ValidatingWebhookConfiguration', '', 'ingress-nginx-admission') as any).webhooks;
  expect(webhooks()).toEqual([
    { name: 'a', clientConfig: { ...clientConfig, caBundle }, failurePolicy: 'Ignore' },
    { name: 'b', clientConfig: { ...clientConfig, caBundle }, failurePolicy: 'Ignore' },
  ]);
  await setWebhookAuthority(client, 'ingress-nginx-admission', certificate, 'Fail');
  expect(webhooks().map((webhook: any) => webhook.failurePolicy)).toEqual(['Fail', 'Fail']);
});

test('a configuration that is not there is an error', async () => {
  await expect(setWebhookAuthority(client, 'nowhere', 'x', '')).rejects.toThrow('not found');
});
