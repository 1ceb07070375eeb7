import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { makeCertificate } from '../fixtures/certificates.ts';
import { ingressOf } from '../fixtures/manifests.ts';
import { startSerin, type SerinProcess } from '../fixtures/serin-process.ts';

/* Ciphers of single hosts, which share one certificate, from a manifest to the handshake. */

const AES128 = 'ECDHE-ECDSA-AES128-GCM-SHA256';
const AES256 = 'ECDHE-ECDSA-AES256-GCM-SHA384';
const CHACHA = 'ECDHE-ECDSA-CHACHA20-POLY1305';
const HOSTS = ['usual', 'own', 'theirs', 'high'].map((name) => `${name}.test`);

const manifests = mkdtempSync(join(tmpdir(), 'serin-ciphers-'));
let serin: SerinProcess;

function write(name: string, annotations: Readonly<Record<string, string>>, hasTls = true): void {
  const ingress = ingressOf(name, `${name}.test`, '/', annotations) as { spec: object };
  const tls = hasTls ? { tls: [{ hosts: [`${name}.test`], secretName: 'shared' }] } : {};
  writeFileSync(
    join(manifests, `${name}.yaml`),
    stringify({ ...ingress, spec: { ...ingress.spec, ...tls } }),
  );
}

beforeAll(async () => {
  const { certificate, key } = makeCertificate(HOSTS);
  const settings = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'a', name: 'settings' },
    data: { 'ssl-session-tickets': 'true' },
  };
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { namespace: 'a', name: 'shared' },
    stringData: { 'tls.crt': certificate, 'tls.key': key },
  };
  writeFileSync(
    join(manifests, 'objects.yaml'),
    [settings, secret].map((object) => stringify(object)).join('---\n'),
  );
  write('usual', {});
  write('own', { 'ssl-ciphers': CHACHA });
  write('theirs', { 'ssl-prefer-server-ciphers': 'false' });
  write('high', { 'ssl-ciphers': 'ALL:@SECLEVEL=5' });
  write('bare', { 'ssl-ciphers': 'ECDHE-RSA-AES256-GCM-SHA384' }, false);
  serin = await startSerin([
    'serve',
    manifests,
    '--configmap=a/settings',
    '--watch-ingress-without-class',
    '--workers=1',
  ]);
});

afterAll(async () => {
  await serin.stop();
  rmSync(manifests, { recursive: true });
});

async function shake(servername: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({
    host: '127.0.0.1',
    port: serin.httpsPort,
    servername,
    rejectUnauthorized: false,
    maxVersion: 'TLSv1.2',
    ...options,
  });
  await once(socket, 'secureConnect');
  return socket;
}

async function cipherOf(servername: string, ciphers?: string): Promise<string> {
  const socket = await shake(servername, ciphers === undefined ? {} : { ciphers });
  const { name } = socket.getCipher();
  socket.destroy();
  return name;
}

async function isResumed(servername: string, session: Buffer | undefined): Promise<boolean> {
  const socket = await shake(servername, { session });
  const isReused = socket.isSessionReused();
  socket.destroy();
  return isReused;
}

describe('ssl-ciphers', () => {
  test('is its host’s alone', async () => {
    const offered = `${AES128}:${CHACHA}`;
    expect([await cipherOf('usual.test', offered), await cipherOf('own.test', offered)]).toEqual([
      AES128,
      CHACHA,
    ]);
    await expect(cipherOf('own.test', AES128)).rejects.toMatchObject({
      code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    });
  });

  test('counts on a host without a certificate of its own', async () => {
    expect(await cipherOf('bare.test')).toBe('ECDHE-RSA-AES256-GCM-SHA384');
    expect(await cipherOf('stranger.test')).toBe('ECDHE-RSA-AES128-GCM-SHA256');
  });

  test('that does not do with a certificate leaves it to all its hosts, and is told once', async () => {
    expect(await cipherOf('high.test')).toBe(AES128);
    expect(await cipherOf('high.test')).toBe(AES128);
    expect(await cipherOf('usual.test')).toBe(AES128);
    const told = serin
      .stderr()
      .split('\n')
      .filter((line) => line.includes('ciphers of high.test cannot be used with its certificate'));
    expect(told).toHaveLength(1);
  });

  test('of another host does not resume a session, that of its own does, until they change', async () => {
    const socket = await shake('own.test');
    const session = socket.getSession();
    socket.destroy();
    expect(await isResumed('own.test', session)).toBe(true);
    expect(await isResumed('usual.test', session)).toBe(false);
    await serin.afterTable(() => write('own', { 'ssl-ciphers': `${AES256}:${CHACHA}` }));
    expect(await isResumed('own.test', session)).toBe(false);
    expect(await cipherOf('own.test')).toBe(AES256);
  });
});

test('ssl-prefer-server-ciphers: false leaves the order to the client', async () => {
  const offered = `${AES256}:${AES128}`;
  expect(await cipherOf('usual.test', offered)).toBe(AES128);
  expect(await cipherOf('theirs.test', offered)).toBe(AES256);
});
