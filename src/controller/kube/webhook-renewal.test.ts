import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startFakeApi, type FakeApiServer } from '../../../test/fakes/api-server.ts';
import { revealBytes } from '../../lib/redacted-bytes.ts';
import {
  authoritiesIn,
  createWebhookCertificate,
  issuerOf,
  readCertificate,
} from '../certificates/webhook-certificate.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { parseApiAccess } from './kubeconfig.ts';
import { readBundles, readHeldCertificate } from './webhook-objects.ts';
import { createWebhookRenewal, renewalPauseMs, type WebhookRenewal } from './webhook-renewal.ts';

const DAY_MS = 86_400_000;
const LIFE_MS = 365 * DAY_MS;
const START_MS = Date.UTC(2026, 10, 26);
const PAUSE_MS = renewalPauseMs(LIFE_MS);
const NAMES = ['front', 'front.ingress-nginx.svc'];
const secret = { namespace: 'ingress-nginx', name: 'ingress-nginx-admission' };
const CONFIGURATION = 'ingress-nginx-admission';
const service = { namespace: 'ingress-nginx', name: 'front', path: '/networking/v1/ingresses' };
let api: FakeApiServer;
let client: KubeClient;
let nowMs: number;
let isLeader: boolean;
let isServedEverywhere: boolean;
const troubles: string[] = [];
const did: string[] = [];

beforeEach(async () => {
  api = await startFakeApi();
  client = createKubeClient({ access: parseApiAccess(api.kubeconfig()), userAgent: 'test' });
  nowMs = START_MS;
  isLeader = isServedEverywhere = true;
  troubles.length = did.length = 0;
});
afterEach(async () => {
  await client.close();
  await api.stop();
});

function renewal(through: KubeClient = client, isTakenOver = false, names = NAMES): WebhookRenewal {
  return createWebhookRenewal({
    client: through,
    timing: { nowMs: () => nowMs, elapsedMs: () => nowMs, random: () => 0, after: () => () => {} },
    options: { secret, configuration: CONFIGURATION, names, isTakenOver, lifeMs: LIFE_MS },
    isLeader: () => isLeader,
    isServedEverywhere: async () => isServedEverywhere,
    observer: {
      did: (what) => void did.push(what),
      trouble: (message) => void troubles.push(message),
      failed: (error) => void troubles.push(String(error)),
    },
  });
}

/** A certificate so many days old. */
const aged = (days: number, names = NAMES) =>
  createWebhookCertificate(names, START_MS - days * DAY_MS, LIFE_MS);
const putSecret = ({ ca, certificate, key }: ReturnType<typeof aged>, annotations: object) =>
  api.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...secret, annotations },
    data: {
      ca: Buffer.from(ca).toString('base64'),
      cert: Buffer.from(certificate).toString('base64'),
      key: revealBytes(key).toString('base64'),
      other: 'a2VwdA==',
    },
  });
const OURS = { 'serin.dev/renewed-by': 'serin' };
const putConfiguration = (ca: string, more: object = {}) =>
  api.apply({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: CONFIGURATION, ...more },
    webhooks: [
      {
        name: 'ours',
        clientConfig: { service, caBundle: Buffer.from(ca).toString('base64') },
        failurePolicy: 'Fail',
      },
      {
        name: 'another',
        clientConfig: { service: { ...service, name: 'back' }, caBundle: 'YQ==' },
        failurePolicy: 'Ignore',
      },
    ],
  });
const held = () => readHeldCertificate(api.get('Secret', secret.namespace, secret.name) as any, false);
const configuration = () => api.get('ValidatingWebhookConfiguration', '', CONFIGURATION) as any;
const known = () => authoritiesIn(readBundles(configuration(), NAMES)[0]!);
/** Whether the API server would take what is served. */
const isTrusted = () => issuerOf(readCertificate(held().served.certificate)!, known()) !== undefined;

/** Looks until nothing changes any more. */
async function settle(one: WebhookRenewal): Promise<void> {
  for (let looks = 0; looks < 20; looks++, nowMs += PAUSE_MS) await one.look();
}

test('a certificate that is due is renewed, and known all the time; nobody sees the key of the CA', async () => {
  const old = aged(300);
  putSecret(old, OURS);
  putConfiguration(old.ca);
  isServedEverywhere = false;
  const one = renewal();
  await one.look();
  expect(did).toEqual(['a certificate was made', 'the API server knows the authorities of the webhook']);
  expect(held().served.certificate).toBe(old.certificate);
  expect(known()).toHaveLength(2);
  nowMs += 3 * PAUSE_MS;
  await one.look();
  expect(held().served.certificate).not.toBe(old.certificate);
  expect(held().next).toBeUndefined();
  await settle(one);
  expect(known()).toHaveLength(2);
  isServedEverywhere = true;
  await settle(one);
  expect(authoritiesIn(held().served.ca)).toHaveLength(1);
  expect(known().map((ca) => ca.toString())).toEqual([held().served.ca]);
  expect(isTrusted()).toBe(true);
  const { data } = api.get('Secret', secret.namespace, secret.name) as any;
  expect(Object.keys(data).toSorted()).toEqual(['ca', 'cert', 'key', 'other']);
  expect(troubles).toEqual([]);
});

test('without a Secret one is made; it is served when the API server knows its CA', async () => {
  const gone = aged(1);
  putConfiguration(gone.ca);
  const one = renewal();
  await one.look();
  expect(held().served.certificate).toBe('');
  expect(known()).toHaveLength(2);
  await settle(one);
  expect(isTrusted()).toBe(true);
  expect(known()).toHaveLength(1);
});

describe('whoever ends at any write, another goes on, and what is served is known after each', () => {
  const kinds = ['the write is lost', 'its answer is lost'] as const;
  for (const kind of kinds) {
    for (let at = 1; at <= 5; at++) {
      test(`${kind}, write ${at}`, async () => {
        const old = aged(300);
        putSecret(old, OURS);
        putConfiguration(old.ca);
        let writes = 0;
        const crashing: KubeClient = {
          ...client,
          async update(...args) {
            if (++writes < at) return client.update(...args);
            if (writes === at && kind === 'its answer is lost') await client.update(...args);
            throw new Error('the process ended');
          },
        };
        const watched: KubeClient = {
          ...client,
          async update(...args) {
            const answer = await client.update(...args);
            expect(isTrusted()).toBe(true);
            return answer;
          },
        };
        await settle(renewal(crashing));
        expect(writes).toBeGreaterThanOrEqual(at);
        expect(isTrusted()).toBe(true);
        await settle(renewal(watched));
        expect(held().next).toBeUndefined();
        expect(held().served.certificate).not.toBe(old.certificate);
        expect(known().map((ca) => ca.toString())).toEqual([held().served.ca]);
        expect(isTrusted()).toBe(true);
      });
    }
  }
});

test('two that lead for a moment end with one certificate', async () => {
  const old = aged(300);
  putSecret(old, OURS);
  putConfiguration(old.ca);
  const pair = [renewal(), renewal()];
  for (let looks = 0; looks < 20; looks++, nowMs += PAUSE_MS) {
    await Promise.all(pair.map((one) => one.look()));
    expect(isTrusted()).toBe(true);
  }
  expect(known().map((ca) => ca.toString())).toEqual([held().served.ca]);
  expect(troubles).toEqual([]);
});

test('who does not lead asks nothing', async () => {
  isLeader = false;
  await renewal().look();
  expect(api.requests).toEqual([]);
});

test("others' certificate stays as it is, its CA is told, and its end is said once a day", async () => {
  putSecret(aged(340), {});
  putConfiguration('');
  const before = api.get('Secret', secret.namespace, secret.name);
  const one = renewal();
  await settle(one);
  expect(troubles).toHaveLength(1);
  expect(troubles[0]).toContain('ingress-nginx/ingress-nginx-admission, which Serin did not make');
  nowMs += DAY_MS;
  await one.look();
  expect(troubles).toHaveLength(2);
  expect(api.get('Secret', secret.namespace, secret.name)).toEqual(before);
  putSecret(aged(10), {});
  await settle(one);
  expect(isTrusted()).toBe(true);
  expect(troubles).toHaveLength(2);
});

test('one that others made is taken over where that is asked, and cert-manager’s is not', async () => {
  const old = aged(300);
  putConfiguration(old.ca);
  putSecret(old, { 'cert-manager.io/certificate-name': 'x' });
  await settle(renewal(client, true));
  expect(held().served.certificate).toBe(old.certificate);
  putSecret(old, {});
  await settle(renewal(client, true));
  expect(held()).toMatchObject({ isRenewed: true });
  expect(held().served.certificate).not.toBe(old.certificate);
  expect(isTrusted()).toBe(true);
});

test('of the configuration only the caBundle of the own webhook changes, and none where cert-manager writes it', async () => {
  const young = aged(0);
  putSecret(young, OURS);
  putConfiguration('', { annotations: { 'cert-manager.io/inject-ca-from': 'a/b' } });
  const injected = configuration();
  await settle(renewal());
  expect(configuration()).toEqual(injected);
  expect(troubles).toHaveLength(1);
  expect(troubles[0]).toContain('cert-manager writes the caBundles of "ingress-nginx-admission"');
  putConfiguration('', { labels: { a: 'b' } });
  const { metadata, ...before } = configuration();
  await settle(renewal());
  const after = configuration();
  expect(after.metadata.labels).toEqual(metadata.labels);
  const caBundle = Buffer.from(young.ca).toString('base64');
  const [own, another] = before.webhooks;
  expect(after.webhooks).toEqual([{ ...own, clientConfig: { ...own.clientConfig, caBundle } }, another]);
});

test('names that no webhook leads to are said, and nothing else is served', async () => {
  const old = aged(300, ['elsewhere.svc']);
  putSecret(old, OURS);
  putConfiguration(old.ca);
  await settle(renewal(client, false, ['elsewhere.svc']));
  expect(held().served.certificate).toBe(old.certificate);
  expect(troubles).toEqual([
    'no webhook of "ingress-nginx-admission" leads to one of elsewhere.svc (--validating-webhook-host)',
  ]);
});

test('an address is a name, too; one that no certificate can be for is said, and none is made', async () => {
  const url = 'https://10.0.0.9:8443/';
  const webhooks = [{ name: 'ours', clientConfig: { url } }];
  const kind = 'ValidatingWebhookConfiguration';
  const apiVersion = 'admissionregistration.k8s.io/v1';
  api.apply({ apiVersion, kind, metadata: { name: CONFIGURATION }, webhooks });
  await settle(renewal(client, false, ['10.0.0.9']));
  const [{ clientConfig }] = configuration().webhooks;
  expect(clientConfig).toEqual({ url, caBundle: Buffer.from(held().served.ca).toString('base64') });
  expect(did.filter((what) => what === 'a certificate was made')).toHaveLength(1);
  did.length = 0;
  await settle(renewal(client, false, ['10.0.0.9', 'ü.svc']));
  expect(did).toEqual([]);
  expect(troubles).toHaveLength(1);
  expect(troubles[0]).toContain('none can be made for 10.0.0.9, ü.svc');
});

describe('what is forbidden', () => {
  const remedy =
    'serin certgen --namespace=ingress-nginx --secret-name=ingress-nginx-admission --webhook-name=ingress-nginx-admission --host=front,front.ingress-nginx.svc';

  test('the configuration may not be written: the old certificate stays until it may, and it is said how', async () => {
    const old = aged(300);
    putSecret(old, OURS);
    putConfiguration(old.ca);
    const allow = api.forbid({ verb: 'update', resource: 'validatingwebhookconfigurations' });
    const one = renewal();
    await settle(one);
    expect(held().served.certificate).toBe(old.certificate);
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toContain(
      'updating validatingwebhookconfigurations "ingress-nginx-admission" is forbidden',
    );
    expect(troubles[0]).toContain(remedy);
    allow();
    await settle(one);
    expect(held().served.certificate).not.toBe(old.certificate);
    expect(isTrusted()).toBe(true);
  });

  test('it is written by hand: then the next is served', async () => {
    const old = aged(300);
    putSecret(old, OURS);
    putConfiguration(old.ca);
    api.forbid({ verb: 'update', resource: 'validatingwebhookconfigurations' });
    const one = renewal();
    await settle(one);
    putConfiguration(held().served.ca);
    await settle(one);
    expect(held().served.certificate).not.toBe(old.certificate);
    expect(isTrusted()).toBe(true);
  });

  test('it may not even be read: the old certificate stays to its last day', async () => {
    const old = aged(300);
    putSecret(old, OURS);
    putConfiguration(old.ca);
    api.forbid({ resource: 'validatingwebhookconfigurations' });
    const one = renewal();
    await settle(one);
    expect(held().served.certificate).toBe(old.certificate);
    expect(troubles[0]).toContain(
      'reading validatingwebhookconfigurations "ingress-nginx-admission" is forbidden',
    );
    nowMs = START_MS + 64.5 * DAY_MS;
    await settle(one);
    expect(held().served.certificate).not.toBe(old.certificate);
  });

  for (const [verb, word] of [
    ['get', 'reading'],
    ['update', 'updating'],
    ['create', 'creating'],
  ] as const) {
    test(`the Secret: ${verb}`, async () => {
      if (verb !== 'create') putSecret(aged(300), OURS);
      putConfiguration('');
      api.forbid({ verb, resource: 'secrets' });
      await settle(renewal());
      expect(troubles).toHaveLength(1);
      expect(troubles[0]).toContain(
        `${word} secrets "ingress-nginx-admission" in ingress-nginx is forbidden`,
      );
      expect(troubles[0]).toContain(remedy);
    });
  }
});

test('an API server that fails is said once, and what was begun goes on', async () => {
  const old = aged(300);
  putSecret(old, OURS);
  putConfiguration(old.ca);
  const one = renewal();
  api.failNext(3, 500);
  for (let looks = 0; looks < 3; looks++) await one.look();
  expect(troubles).toHaveLength(1);
  await settle(one);
  expect(held().served.certificate).not.toBe(old.certificate);
});
