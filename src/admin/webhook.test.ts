import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Agent, request } from 'undici';
import { createSelfSigned } from '../lib/self-signed.ts';
import { keysInFiles, startWebhook, type Webhook } from './webhook.ts';

const folder = mkdtempSync(join(tmpdir(), 'serin-webhook-'));
const { certificate, key } = createSelfSigned(['localhost'], Date.now());
const agent = new Agent({ connect: { ca: certificate, servername: 'localhost' } });
const judged: string[] = [];
const olds: unknown[] = [];
const failures: unknown[] = [];
/** A review of the Ingress `slow` waits for this. */
const slow = Promise.withResolvers<void>();
const slowBegan = Promise.withResolvers<void>();
let webhook: Webhook;

beforeAll(async () => {
  writeFileSync(join(folder, 'cert'), certificate);
  writeFileSync(join(folder, 'key'), key);
  webhook = await startWebhook(
    {
      review: async ({ object, oldObject }) => {
        olds.push(oldObject);
        const { name } = (object as any).metadata;
        if (name === 'slow') {
          slowBegan.resolve();
          await slow.promise;
        }
        return name === 'bad'
          ? { isAllowed: false, isOurs: true, message: 'no good', warnings: [] }
          : { isAllowed: true, isOurs: name !== 'foreign', message: '', warnings: ['careful'] };
      },
      keys: keysInFiles(join(folder, 'cert'), join(folder, 'key')),
      shown: () => {},
      judged: ({ namespace, name, verdict }) => void judged.push(`${namespace}/${name} ${verdict.isAllowed}`),
      failed: (error) => void failures.push(error),
    },
    '127.0.0.1:0',
  );
});
afterAll(async () => {
  await agent.close();
  rmSync(folder, { recursive: true });
});

async function post(body: string): Promise<{ status: number; text: string }> {
  const url = `https://127.0.0.1:${webhook.port}/networking/v1/ingresses`;
  const response = await request(url, { method: 'POST', body, dispatcher: agent });
  return { status: response.statusCode, text: await response.body.text() };
}

async function review(name: string, kind = 'Ingress', operation = 'CREATE', more: object = {}) {
  const { text } = await post(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'u-1',
        namespace: 'a',
        name,
        kind: { group: 'networking.k8s.io', version: 'v1', kind },
        operation,
        object: { metadata: { name } },
        ...more,
      },
    }),
  );
  return JSON.parse(text).response;
}

test('answers with the verdict, the uid and the warnings', async () => {
  expect(await review('good')).toEqual({ uid: 'u-1', allowed: true, warnings: ['careful'] });
  expect(await review('bad')).toEqual({
    uid: 'u-1',
    allowed: false,
    status: { code: 400, message: 'no good' },
  });
  expect(judged).toEqual(['a/good true', 'a/bad false']);
});

test('an update is judged beside what it replaces', async () => {
  olds.length = 0;
  const oldObject = { metadata: { name: 'good', labels: {} } };
  await review('good', 'Ingress', 'UPDATE', { oldObject });
  expect(olds).toEqual([oldObject]);
});

test('dry runs and Ingresses of other classes are answered and not counted', async () => {
  judged.length = 0;
  expect((await review('bad', 'Ingress', 'CREATE', { dryRun: true })).allowed).toBe(false);
  expect((await review('foreign')).allowed).toBe(true);
  expect(judged).toEqual([]);
});

test('lets other kinds and operations pass', async () => {
  expect(await review('bad', 'NetworkPolicy')).toEqual({ uid: 'u-1', allowed: true });
  expect(await review('bad', 'Ingress', 'DELETE')).toEqual({ uid: 'u-1', allowed: true });
});

test('what is no review is an error, and a body of 9 MiB is too large', async () => {
  expect((await post('{')).status).toBe(500);
  expect((await post('{}')).status).toBe(500);
  expect((await post(`"${'x'.repeat(9 * 1024 * 1024)}"`)).status).toBe(413);
  expect((await post('null')).status).toBe(500);
  // Nor does it write into the log, which everybody who reaches the port could fill.
  expect(failures).toEqual([]);
});

test('a certificate that is changed while the webhook starts, and a key that comes later, are shown in the end', async () => {
  const files = { certificateFile: join(folder, 'changed-cert'), keyFile: join(folder, 'changed-key') };
  const next = createSelfSigned(['next.test'], Date.now());
  writeFileSync(files.certificateFile, certificate);
  writeFileSync(files.keyFile, key);
  const problems: unknown[] = [];
  const keys = keysInFiles(files.certificateFile, files.keyFile);
  const ends: string[] = [];
  const shown = ({ validTo }: X509Certificate) => void ends.push(validTo);
  const review = () => expect.unreachable();
  const failed = (error: unknown) => void problems.push(error);
  const changed = await startWebhook({ review, keys, shown, judged: () => {}, failed }, '127.0.0.1:0', 10);
  const shownName = async (): Promise<string | undefined> => {
    const socket = connect({ port: changed.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const names = socket.getPeerCertificate().subjectaltname;
    socket.destroy();
    return names;
  };
  writeFileSync(files.certificateFile, next.certificate);
  await expect.poll(() => problems.length).toBe(1);
  expect(await shownName()).toBe('DNS:localhost');
  writeFileSync(files.keyFile, next.key);
  await expect.poll(shownName).toBe('DNS:next.test');
  expect(problems.length).toBe(1);
  expect(ends).toEqual([certificate, next.certificate].map((pem) => new X509Certificate(pem).validTo));
  await changed.close();
});

test('without keys it starts and takes nothing; it shows them as soon as there are some', async () => {
  const problems: unknown[] = [];
  let found: { cert: Buffer; key: Buffer } | undefined;
  const late = await startWebhook(
    {
      review: () => expect.unreachable(),
      keys: { areOptional: true, read: async () => found },
      shown: () => {},
      judged: () => {},
      failed: (error) => void problems.push(error),
    },
    '127.0.0.1:0',
    10,
  );
  const ask = async () => {
    const options = { method: 'POST', body: '{', dispatcher: agent } as const;
    return (await request(`https://127.0.0.1:${late.port}/`, options)).statusCode;
  };
  await expect(ask()).rejects.toThrow();
  found = { cert: Buffer.from(certificate), key: Buffer.from(key) };
  await expect.poll(() => ask().catch(() => 0)).toBe(500);
  found = undefined;
  expect(await ask()).toBe(500);
  expect(problems).toEqual([]);
  await late.close();
});

test('a review that is under way when the webhook closes is answered, and its connection closed', async () => {
  const answered = review('slow');
  await slowBegan.promise;
  const closed = webhook.close();
  slow.resolve();
  expect(await answered).toMatchObject({ uid: 'u-1', allowed: true });
  await closed;
});
