import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { createPipeline } from '../../src/controller/create-pipeline.ts';
import { createPublisher } from '../../src/controller/publish/publisher.ts';
import { createObjectStore } from '../../src/controller/store/object-store.ts';
import type { Kind } from '../../src/controller/store/objects.ts';
import { readObject } from '../../src/controller/store/read-object.ts';
import { DEFAULT_TRANSLATE_OPTIONS } from '../../src/controller/translate/options.ts';
import { features } from '../../src/features/registry.ts';
import { redactBytes, revealBytes } from '../../src/lib/redacted-bytes.ts';
import { printModel } from '../../src/model/print-yaml.ts';
import type { ToWorker } from '../../src/table/messages.ts';
import { FALLBACK_CERTIFICATE } from '../golden/run-case.ts';
import { makeCertificate } from '../fixtures/certificates.ts';
import { ingressOf, webObjects } from '../fixtures/manifests.ts';
import { startSerin } from '../fixtures/serin-process.ts';

/*
 * What Secrets hold is put into every object that the control plane has, and looked for in all of them as text, as base64 and as hex, and in
 * all that a process of its own prints.
 */

const served = makeCertificate(['a.test']);
const shown = makeCertificate(['client.test'], { hasOwnKey: true });
const TICKET_KEY = Buffer.from('a key of tickets, which is 48 bytes long, or so.');
const USERS = 'ann:{PLAIN}password-of-ann\nbob:broken-hash-of-bob\n';
/** Lines in the middle: PEM is cut into lines wherever it goes. */
const lineOf = (pem: string): string => pem.split('\n')[2]!;
const HIDDEN = [
  lineOf(served.key),
  lineOf(shown.key),
  'password-of-ann',
  'broken-hash-of-bob',
  'private-part-of-a-jwk',
  'a key of tickets',
];

const secretOf = (name: string, stringData: Record<string, string>): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { namespace: 'a', name },
  stringData,
});

function secured(): object {
  const ingress = ingressOf('web', 'a.test', '/', {
    'auth-type': 'basic',
    'auth-secret': 'users',
    'backend-protocol': 'HTTPS',
    'proxy-ssl-secret': 'a/client',
  }) as { spec: object };
  return { ...ingress, spec: { ...ingress.spec, tls: [{ hosts: ['a.test'], secretName: 'served' }] } };
}

function tokens(): object {
  const ingress = ingressOf('tokens', 'b.test', '/') as { metadata: { annotations: object } };
  Object.assign(ingress.metadata.annotations, {
    'serin.dev/jwt-issuer': 'https://id.test',
    'serin.dev/jwt-jwks-secret': 'keys',
  });
  return ingress;
}

const OBJECTS = [
  secured(),
  tokens(),
  ...webObjects(80),
  secretOf('served', { 'tls.crt': served.certificate, 'tls.key': served.key }),
  secretOf('client', { 'tls.crt': shown.certificate, 'tls.key': shown.key }),
  secretOf('users', { auth: USERS }),
  secretOf('keys', {
    'jwks.json': JSON.stringify({
      keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'eA', d: 'private-part-of-a-jwk' }],
    }),
  }),
] as ({ readonly kind: Kind } & object)[];

function expectNothingShown(name: string, printed: string): void {
  // Numbers are printed in columns.
  const text = printed.replace(/\s+/g, ' ');
  for (const secret of HIDDEN) {
    const bytes = Buffer.from(secret);
    const begin = [...bytes.subarray(0, 8)];
    const forms = [
      secret,
      bytes.toString('base64').replace(/=+$/, ''),
      bytes.toString('hex'),
      begin.join(','),
      begin.join(', '),
      begin.map((byte) => byte.toString(16).padStart(2, '0')).join(' '),
    ];
    for (const form of forms) expect(text.includes(form), `${name} shows ${secret} as ${form}`).toBe(false);
  }
}

const withMaps = (_: string, value: unknown): unknown =>
  value instanceof Map ? [...value] : value instanceof Set ? [...value] : value;

function expectHidden(name: string, value: unknown): void {
  const options = { depth: Infinity, maxArrayLength: null, maxStringLength: null, showHidden: true };
  expectNothingShown(`${name}, inspected`, inspect(value, options));
  expectNothingShown(`${name}, as JSON`, JSON.stringify(value, withMaps) ?? '');
}

test('the reader of this test sees texts, bytes and numbers, wherever they stand', () => {
  const secret = HIDDEN[2]!;
  for (const value of [
    secret,
    { key: `a ${secret}` },
    new Map([['a', Buffer.from(secret)]]),
    [new Uint8Array(Buffer.from(secret))],
    new Error('no', { cause: { password: secret } }),
    new Set([Buffer.from(secret).toString('base64')]),
  ]) {
    expect(() => expectHidden('this', value)).toThrow(`shows ${secret}`);
  }
});

test('neither store nor model nor table nor a message to a worker shows what a Secret holds, and workers get it all the same', async () => {
  const store = createObjectStore();
  for (const raw of OBJECTS) {
    const read = readObject(raw.kind, raw);
    if (!read.ok) throw new Error(read.problem.problem);
    store.apply({ kind: raw.kind, type: 'set', object: read.object } as Parameters<typeof store.apply>[0]);
  }
  const settings = readObject('ConfigMap', {
    metadata: { namespace: 'a', name: 'settings' },
    data: { 'ssl-session-tickets': 'true' },
  });
  if (settings.ok) store.apply({ kind: 'ConfigMap', type: 'set', object: settings.object });
  const pipeline = createPipeline({
    options: {
      ...DEFAULT_TRANSLATE_OPTIONS,
      configMap: { namespace: 'a', name: 'settings' },
      isWithoutClassServed: true,
      fallbackCertificate: FALLBACK_CERTIFICATE,
    },
    features,
    settingsFlags: {
      httpsPort: 443,
      healthPath: '/healthz',
      undefinedHosts: 'uncounted',
      ticketKeys: [redactBytes(TICKET_KEY)],
    },
    lookUpName: () => [],
    nowMs: () => Date.UTC(2026, 10, 23),
  });
  const snapshot = store.snapshot();
  const built = pipeline.build(snapshot, 1);
  const messages: ToWorker[] = [];
  const publisher = createPublisher({ workerCount: 1, ready: () => {}, report: () => {} });
  const port = { index: 0, post: (message: ToWorker) => void messages.push(structuredClone(message)) };
  publisher.started(port);
  void publisher.publish(built.table, []);
  while (messages.length === 0) await Promise.resolve();

  expectHidden('the snapshot', snapshot);
  expectHidden('what was built', built);
  expectHidden('the messages', messages);
  expectNothingShown('the printed model', printModel(built.model));
  expectHidden('an error', new Error('no', { cause: { snapshot, built, messages } }));

  const { certificates, tls } = built.table;
  const own = certificates.find(({ id }) => id !== FALLBACK_CERTIFICATE.id)!;
  expect(revealBytes(structuredClone(own).key).toString()).toContain(lineOf(served.key));
  expect(tls.names).toHaveLength(1);
  expect(built.findings.map(({ reason }) => reason)).toEqual(['InvalidPassword']);
});

test('nothing that a process prints shows it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'serin-secrets-'));
  writeFileSync(join(folder, 'all.yaml'), OBJECTS.map((object) => stringify(object)).join('---\n'));
  const serin = await startSerin(['serve', `--manifests=${folder}`, '--watch-ingress-without-class']);
  try {
    const paths = [
      '/metrics',
      ...['findings', 'generation', 'table', 'model', 'routes'].map((name) => `/api/${name}`),
    ];
    for (const path of paths) {
      const page = await fetch(`http://127.0.0.1:${serin.healthPort}${path}`);
      expectNothingShown(path, await page.text());
    }
  } finally {
    await serin.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  expect(serin.stderr()).toContain('is in no format that is known');
  expectNothingShown('standard output', serin.stdout());
  expectNothingShown('standard error', serin.stderr());
});
