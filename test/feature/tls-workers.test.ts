import { redactBytes } from '../../src/lib/redacted-bytes.ts';
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type SecureVersion } from 'node:tls';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { FromWorker } from '../../src/table/messages.ts';
import { DEFAULT_SETTINGS } from '../../src/table/settings.ts';
import { makeAuthority, makeCertificate } from '../fixtures/certificates.ts';
import { makeDhParameters } from '../fixtures/dh-parameters.ts';
import { terminated } from '../fixtures/terminated.ts';
import type { ListenerWorkerStart } from '../fixtures/listener-worker.ts';

const authority = makeAuthority();
const ecdsa = makeCertificate(['ecdsa.test'], { issuer: authority });
const rsa = makeCertificate(['rsa.test'], { issuer: authority, kind: 'rsa' });
const workers: Worker[] = [];
let port = 0;

/** Workers with the same ticket keys on one port: the first one chooses it. */
beforeAll(async () => {
  const tls = {
    ...DEFAULT_SETTINGS.tls,
    ticketKeys: [redactBytes(randomBytes(48))],
    dhParameters: makeDhParameters(),
  };
  for (let index = 0; index < 2; index++) {
    const start: ListenerWorkerStart = {
      index,
      port,
      settings: { tls },
      change: {
        certificates: {
          set: [
            { id: 'ecdsa', certificate: ecdsa.certificate, key: redactBytes(Buffer.from(ecdsa.key)) },
            { id: 'rsa', certificate: rsa.certificate, key: redactBytes(Buffer.from(rsa.key)) },
          ],
          removed: [],
        },
        tls: {
          names: terminated([
            ['ecdsa.test', 'ecdsa'],
            ['rsa.test', 'rsa'],
          ]),
          defaultCertificateId: 'ecdsa',
        },
      },
    };
    const worker = new Worker(new URL('../fixtures/listener-worker.ts', import.meta.url), {
      workerData: start,
    });
    workers.push(worker);
    const [message] = (await once(worker, 'message')) as [FromWorker];
    if (message.kind !== 'listening') throw new Error(JSON.stringify(message));
    port = message.port;
  }
});
afterAll(async () => {
  for (const worker of workers) await worker.terminate();
});

interface Visit {
  readonly worker: string;
  readonly session: Buffer | undefined;
  readonly isResumed: boolean;
}

function visit(servername: string, maxVersion: SecureVersion, session?: Buffer): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const client = connect({
      port,
      host: '127.0.0.1',
      servername,
      maxVersion,
      session,
      ca: authority.certificate,
    });
    let worker = '';
    let newest: Buffer | undefined;
    let isResumed = false;
    client.on('secureConnect', () => (isResumed = client.isSessionReused()));
    client.on('session', (ticket) => (newest = ticket));
    client.on('data', (bytes) => (worker += String(bytes)));
    client.on('error', reject);
    client.on('close', () => resolve({ worker, session: newest, isResumed }));
  });
}

test('workers share a port, and the kernel spreads connections over them', async () => {
  const seen = new Set<string>();
  for (let tries = 0; tries < 200 && seen.size < 2; tries++)
    seen.add((await visit('ecdsa.test', 'TLSv1.3')).worker);
  expect([...seen].toSorted()).toEqual(['0', '1']);
});

describe('a session is resumed by a worker that did not begin it', () => {
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const name of ['ecdsa.test', 'rsa.test']) {
      test(`${version}, ${name}`, async () => {
        const first = await visit(name, version);
        expect(first).toMatchObject({ isResumed: false, session: expect.any(Buffer) });
        let { session } = first;
        const resumedBy = new Set<string>();
        for (let tries = 0; tries < 200 && resumedBy.size < 2; tries++) {
          const again = await visit(name, version, session);
          expect(again.isResumed).toBe(true);
          resumedBy.add(again.worker);
          session = again.session ?? session;
        }
        expect([...resumedBy].toSorted()).toEqual(['0', '1']);
      });
    }
  }
});

test('a DHE suite of TLS 1.2 is spoken with the group that is set', async () => {
  const client = connect({
    port,
    host: '127.0.0.1',
    servername: 'rsa.test',
    maxVersion: 'TLSv1.2',
    ciphers: 'DHE-RSA-AES128-GCM-SHA256',
    ca: authority.certificate,
  });
  await once(client, 'secureConnect');
  expect(client.getCipher().name).toBe('DHE-RSA-AES128-GCM-SHA256');
  expect(client.getEphemeralKeyInfo()).toMatchObject({ type: 'DH', size: 2048 });
  client.destroy();
});

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

describe.skipIf(!hasOpenssl)('openssl agrees (skipped where it is not installed)', () => {
  for (const version of ['tls1_2', 'tls1_3']) {
    test(`-sess_out, -sess_in, ${version}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'serin-'));
      try {
        const file = join(folder, 'session.pem');
        const ca = join(folder, 'ca.pem');
        await writeFile(ca, authority.certificate);
        const options = ['s_client', '-connect', `127.0.0.1:${port}`, `-${version}`, '-CAfile', ca];
        const run = (name: string, ...more: string[]) =>
          promisify(execFile)('openssl', [...options, '-servername', name, '-ign_eof', ...more]);
        expect((await run('rsa.test', '-sess_out', file)).stdout).toMatch(/New, TLSv1\.\d, Cipher is/);
        for (let tries = 0; tries < 6; tries++) {
          expect((await run('rsa.test', '-sess_in', file)).stdout).toMatch(/Reused, TLSv1\.\d, Cipher is/);
        }
        // The ticket of one host is none of another's.
        for (let tries = 0; tries < 5; tries++) {
          expect((await run('ecdsa.test', '-sess_in', file)).stdout).toMatch(/New, TLSv1\.\d, Cipher is/);
        }
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  }
});
