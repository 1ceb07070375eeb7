import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createWebhookCertificate } from '../../src/controller/certificates/webhook-certificate.ts';
import { revealBytes } from '../../src/lib/redacted-bytes.ts';
import { startFakeApi, type FakeApiServer } from '../fakes/api-server.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

// A whole controller that renews the certificate of its webhook, asked all the while as the API server would ask.

const DAY_MS = 86_400_000;
const NAMESPACE = 'ingress-nginx';
const OBJECT = 'ingress-nginx-admission';
const NAME = `ingress-nginx-controller-admission.${NAMESPACE}.svc`;
const folder = mkdtempSync(join(tmpdir(), 'serin-webhook-certificate-'));
const old = createWebhookCertificate(
  ['ingress-nginx-controller-admission', NAME],
  Date.now() - 300 * DAY_MS,
  365 * DAY_MS,
);
const toBase64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
let api: FakeApiServer;
let serin: SerinProcess;
let port: string;

beforeAll(async () => {
  api = await startFakeApi();
  writeFileSync(join(folder, 'kubeconfig'), api.kubeconfig());
  api.apply([
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: NAMESPACE, name: 'serin-0' },
      status: { phase: 'Running', podIP: '127.0.0.1' },
    },
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        namespace: NAMESPACE,
        name: OBJECT,
        annotations: { 'serin.dev/renewed-by': 'serin' },
      },
      data: {
        ca: toBase64(old.ca),
        cert: toBase64(old.certificate),
        key: toBase64(revealBytes(old.key)),
      },
    },
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: OBJECT },
      webhooks: [
        {
          name: 'a.test',
          clientConfig: {
            service: { namespace: NAMESPACE, name: 'ingress-nginx-controller-admission' },
            caBundle: toBase64(old.ca),
          },
        },
      ],
    },
  ]);
  serin = await startSerin(
    [
      'controller',
      `--kubeconfig=${join(folder, 'kubeconfig')}`,
      '--validating-webhook=127.0.0.1:0',
      '--validating-webhook-rotation=own',
      '--validating-webhook-certificate-life=10s',
      '--workers=1',
      '--post-shutdown-grace-period=0',
    ],
    { POD_NAME: 'serin-0', POD_NAMESPACE: NAMESPACE },
  );
  port = /listening name=webhook .*?port=(\d+)/.exec(serin.stderr())![1]!;
});
afterAll(async () => {
  await serin?.stop();
  await api?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const bundle = (): string => {
  const { webhooks } = api.get('ValidatingWebhookConfiguration', '', OBJECT) as any;
  return Buffer.from(webhooks[0].clientConfig.caBundle, 'base64').toString();
};

/** Reaches the webhook over a connection of its own, with the CAs that are known now; again where those changed on the way. */
async function ask(): Promise<number> {
  const ca = bundle();
  const agent = new Agent({ connect: { ca, servername: NAME } });
  try {
    return (await request(`https://127.0.0.1:${port}/`, { dispatcher: agent })).statusCode;
  } catch (error) {
    if (ca === bundle()) throw error;
    return await ask();
  } finally {
    await agent.destroy();
  }
}

test('what the replica shows is known at every moment of a renewal, and in the end the new CA alone', async () => {
  let asked = 0;
  for (; ; asked++) {
    // It is no review: that the webhook was reached is all that is asked here.
    expect(await ask()).toBe(500);
    if (!bundle().includes(old.ca)) break;
  }
  expect(asked).toBeGreaterThan(10);
  const { data } = api.get('Secret', NAMESPACE, OBJECT) as any;
  expect(Object.keys(data).toSorted()).toEqual(['ca', 'cert', 'key']);
  expect(data.cert).not.toBe(toBase64(old.certificate));
  const { body } = await request(`http://127.0.0.1:${serin.healthPort}/metrics`);
  const line = (await body.text()).split('\n').find((one) => one.startsWith('serin_webhook_certificate'));
  const shown = new X509Certificate(Buffer.from(data.cert, 'base64'));
  expect(Number(line?.split(' ').at(-1))).toBe(shown.validToDate.getTime() / 1_000);
  expect(serin.stderr()).toContain('two thirds of its life are over');
  expect(serin.stderr()).not.toContain('PRIVATE KEY');
});
