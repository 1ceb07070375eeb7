import { redactBytes } from '../../lib/redacted-bytes.ts';
import { once } from 'node:events';
import {
  connect,
  type ConnectionOptions,
  type PeerCertificate,
  type SecureVersion,
  type TLSSocket,
} from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { ECHO } from '../../../test/fixtures/echo.ts';
import { makeAuthority, makeCertificate, type TestCertificate } from '../../../test/fixtures/certificates.ts';
import { THREAD_CLOCKS } from '../../lib/timed-run.ts';
import { DEFAULT_SETTINGS, type TlsSettings } from '../../table/settings.ts';
import type { CertificateEntry } from '../../table/table.ts';
import { type CertificateStore, createCertificateStore } from './certificate-store.ts';
import { createSocketTransport } from '../transport/socket-transport.ts';
import { terminated } from '../../../test/fixtures/terminated.ts';
import { openListeners } from '../../../test/fixtures/open-listeners.ts';
import type { Listeners } from './listeners.ts';

const authority = makeAuthority();
const entry = (id: string, { certificate, key }: TestCertificate): CertificateEntry => ({
  id,
  certificate,
  key: redactBytes(Buffer.from(key)),
});
const exact = entry('exact', makeCertificate(['a.test'], { issuer: authority }));
const wildcard = entry('wildcard', makeCertificate(['*.w.test'], { issuer: authority }));
const rsa = entry('rsa', makeCertificate(['rsa.test'], { issuer: authority, kind: 'rsa' }));
const fallback = entry('fallback', makeCertificate(['fallback.test'], { issuer: authority }));
const names = [
  ['a.test', 'exact'],
  ['*.w.test', 'wildcard'],
  ['x.w.test', 'exact'],
  ['rsa.test', 'rsa'],
] as const;

interface Bench {
  readonly port: number;
  readonly store: CertificateStore;
  readonly problems: readonly string[];
  /** Changes parameters only. */
  setTls(change: Partial<TlsSettings>): void;
}

const listening: Listeners[] = [];
const clients: TLSSocket[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  for (const listeners of listening.splice(0)) await listeners.close();
});

/** A listener; every secure connection echoes. */
async function openBench(change: Partial<TlsSettings> = {}): Promise<Bench> {
  const problems: string[] = [];
  const transport = createSocketTransport();
  const store = createCertificateStore(transport, { ...DEFAULT_SETTINGS.tls, ...change }, (problem) =>
    problems.push(problem),
  );
  store.apply({
    certificates: { set: [exact, wildcard, rsa, fallback], removed: [] },
    tls: { names: terminated(names), defaultCertificateId: 'fallback' },
  });
  let port = 0;
  const listeners = await openListeners([{ kind: 'https', name: 'https', host: '127.0.0.1', port }], {
    transport,
    settings: () => DEFAULT_SETTINGS,
    certificates: store,
    counters: { accepted() {}, closed() {}, requested() {}, reading() {}, writing() {}, waiting() {} },
    serve: (connection) => void (connection.handler = ECHO),
    post: (message) => {
      if (message.kind === 'listening') ({ port } = message);
    },
    now: Date.now,
  });
  listening.push(listeners);
  const setTls = (tls: Partial<TlsSettings>) =>
    store.apply({
      certificates: { set: [], removed: [] },
      settings: { ...DEFAULT_SETTINGS, tls: { ...DEFAULT_SETTINGS.tls, ...tls } },
    });
  return { port, store, problems, setTls };
}

function open(port: number, servername: string, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const client = connect({
    port,
    host: '127.0.0.1',
    servername,
    ca: authority.certificate,
    checkServerIdentity: () => undefined,
    ...options,
  });
  clients.push(client);
  return new Promise((resolve, reject) => {
    client.once('secureConnect', () => {
      // From here on a cut is the test's to notice.
      client.on('error', () => {});
      resolve(client);
    });
    client.once('error', reject);
  });
}

/** Alternative names of the certificate that a client is shown. */
async function shown(port: number, servername: string, options: ConnectionOptions = {}): Promise<string> {
  const client = await open(port, servername, options);
  const certificate: PeerCertificate = client.getPeerCertificate();
  client.destroy();
  return certificate.subjectaltname ?? '';
}

async function echo(client: TLSSocket, text: string): Promise<string> {
  client.write(text);
  const [bytes] = (await once(client, 'data')) as [Buffer];
  return String(bytes);
}

const protocolOf = async (port: number, options: ConnectionOptions) => {
  const client = await open(port, 'a.test', options);
  return { protocol: client.getProtocol(), cipher: client.getCipher().name };
};

describe('the certificate for a server name', () => {
  const cases: readonly [what: string, servername: string, shows: string][] = [
    ['an exact name', 'a.test', 'DNS:a.test'],
    ['an exact name in capitals', 'A.TEST', 'DNS:a.test'],
    ['an exact name with a final dot', 'a.test.', 'DNS:a.test'],
    ['one label under a wildcard', 'y.w.test', 'DNS:*.w.test'],
    ['an exact name before the wildcard', 'x.w.test', 'DNS:a.test'],
    ['two labels under a wildcard', 'z.y.w.test', 'DNS:fallback.test'],
    ['the name of a wildcard itself', 'w.test', 'DNS:fallback.test'],
    ['an unknown name', 'unknown.test', 'DNS:fallback.test'],
    ['a single label', 'localhost', 'DNS:fallback.test'],
    ['no name', '', 'DNS:fallback.test'],
    ['an RSA certificate', 'rsa.test', 'DNS:rsa.test'],
  ];
  for (const [what, servername, shows] of cases) {
    test(`${what}: ${shows}`, async () => {
      const { port } = await openBench();
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        expect(await shown(port, servername, { maxVersion }), maxVersion).toBe(shows);
      }
    });
  }

  test('the chain is served as given, nothing is added', async () => {
    const middle = makeCertificate([], {
      commonName: 'Middle',
      issuer: authority,
      isAuthority: true,
      hasOwnKey: true,
    });
    const leaf = makeCertificate(['chain.test'], { issuer: middle });
    const { port, store } = await openBench();
    const withChain = {
      id: 'chain',
      certificate: leaf.certificate + middle.certificate,
      key: redactBytes(Buffer.from(leaf.key)),
    };
    store.apply({
      certificates: { set: [withChain, entry('bare', leaf)], removed: [] },
      tls: {
        names: terminated([
          ['chain.test', 'chain'],
          ['bare.test', 'bare'],
        ]),
        defaultCertificateId: 'fallback',
      },
    });
    expect((await open(port, 'chain.test')).authorized).toBe(true);
    await expect(open(port, 'bare.test')).rejects.toMatchObject({ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });
  });

  test('an expired certificate is served', async () => {
    const expired = makeCertificate(['old.test'], {
      issuer: authority,
      notBeforeMs: 0,
      notAfterMs: 86_400_000,
    });
    const { port, store } = await openBench();
    store.apply({
      certificates: { set: [entry('old', expired)], removed: [] },
      tls: { names: terminated([['old.test', 'old']]), defaultCertificateId: 'fallback' },
    });
    expect(await shown(port, 'old.test', { rejectUnauthorized: false })).toBe('DNS:old.test');
    await expect(open(port, 'old.test')).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' });
  });
});

describe('a change', () => {
  test('rotates a certificate under an open connection', async () => {
    const { port, store } = await openBench();
    const before = await open(port, 'a.test');
    const rotated = {
      ...entry('exact', makeCertificate(['a.test', 'new.test'], { issuer: authority, hasOwnKey: true })),
    };
    store.apply({ certificates: { set: [rotated], removed: [] } });
    expect(await shown(port, 'a.test')).toBe('DNS:a.test, DNS:new.test');
    expect(await echo(before, 'still here')).toBe('still here');
  });

  test('rotates the default certificate, for clients without a name too', async () => {
    const { port, store } = await openBench();
    const before = await open(port, '');
    const next = entry('next', makeCertificate(['next.test'], { issuer: authority, hasOwnKey: true }));
    store.apply({
      certificates: { set: [next], removed: ['fallback'] },
      tls: { names: terminated(names), defaultCertificateId: 'next' },
    });
    expect(await shown(port, '')).toBe('DNS:next.test');
    expect(await shown(port, 'unknown.test')).toBe('DNS:next.test');
    expect(await echo(before, 'still here')).toBe('still here');
  });

  test('a name that went gets the default certificate', async () => {
    const { port, store } = await openBench();
    expect(await shown(port, 'a.test')).toBe('DNS:a.test');
    store.apply({
      certificates: { set: [], removed: ['exact'] },
      tls: { names: terminated([['rsa.test', 'rsa']]), defaultCertificateId: 'fallback' },
    });
    expect(await shown(port, 'a.test')).toBe('DNS:fallback.test');
  });

  test('a broken certificate gets the default one, is reported once, and disturbs no other', async () => {
    const { port, store, problems } = await openBench();
    const broken = [
      { id: 'text', certificate: 'hello', key: redactBytes(Buffer.from('hello')) },
      { id: 'mismatch', certificate: exact.certificate, key: rsa.key },
    ];
    store.apply({
      certificates: { set: broken, removed: [] },
      tls: {
        names: terminated([
          ...names,
          ['text.test', 'text'],
          ['mismatch.test', 'mismatch'],
          ['missing.test', 'no such id'],
        ]),
        defaultCertificateId: 'fallback',
      },
    });
    for (const name of ['text.test', 'mismatch.test', 'missing.test', 'text.test', 'mismatch.test']) {
      expect(await shown(port, name), name).toBe('DNS:fallback.test');
    }
    expect(await shown(port, 'a.test')).toBe('DNS:a.test');
    expect(problems).toEqual([
      expect.stringMatching(/^certificate text cannot be used: .+; the default one is served$/),
      expect.stringMatching(/^certificate mismatch cannot be used: .+; the default one is served$/),
    ]);
  });

  test('a default certificate that is broken leaves the one before it in place', async () => {
    const { port, store, problems } = await openBench();
    store.apply({
      certificates: {
        set: [{ id: 'broken', certificate: 'x', key: redactBytes(Buffer.from('x')) }],
        removed: [],
      },
      tls: { names: terminated(names), defaultCertificateId: 'broken' },
    });
    expect(await shown(port, '')).toBe('DNS:fallback.test');
    expect(problems).toHaveLength(1);
  });

  test('parameters that the default certificate is too weak for leave it serving as before', async () => {
    const { port, problems, setTls } = await openBench();
    setTls({ ciphers: 'ALL:@SECLEVEL=5' });
    expect(await shown(port, '')).toBe('DNS:fallback.test');
    expect(problems).toEqual([
      expect.stringMatching(/^certificate fallback cannot be used: /),
      expect.stringMatching(/^TLS parameters cannot be used with the default certificate: /),
    ]);
  });

  test('parameters that OpenSSL refuses leave the ones before in force', async () => {
    const { port, problems, setTls } = await openBench();
    setTls({ ciphers: 'NO-SUCH-CIPHER' });
    setTls({ ecdhCurve: 'no-such-curve' });
    expect(problems).toEqual([
      expect.stringContaining('TLS parameters cannot be used'),
      expect.stringContaining('TLS parameters cannot be used'),
    ]);
    expect(await shown(port, 'a.test')).toBe('DNS:a.test');
  });
});

describe('parameters', () => {
  test('versions, changed while listening, for clients with and without a name', async () => {
    const { port, setTls } = await openBench();
    const old: ConnectionOptions = { maxVersion: 'TLSv1.2' };
    expect((await protocolOf(port, old)).protocol).toBe('TLSv1.2');
    expect((await protocolOf(port, {})).protocol).toBe('TLSv1.3');
    setTls({ minVersion: 'TLSv1.3' });
    await expect(open(port, 'a.test', old)).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
    await expect(open(port, '', old)).rejects.toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
    setTls({ maxVersion: 'TLSv1.2' });
    expect((await protocolOf(port, {})).protocol).toBe('TLSv1.2');
  });

  test('TLS 1.1 is refused', async () => {
    const { port } = await openBench();
    const options = {
      minVersion: 'TLSv1' as SecureVersion,
      maxVersion: 'TLSv1.1' as SecureVersion,
      ciphers: 'ALL@SECLEVEL=0',
    };
    await expect(open(port, 'a.test', options)).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    });
  });

  test('the order of our ciphers decides, not that of the client', async () => {
    const { port, setTls } = await openBench();
    const client = {
      maxVersion: 'TLSv1.2' as SecureVersion,
      ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256',
    };
    expect((await protocolOf(port, client)).cipher).toBe('ECDHE-ECDSA-AES128-GCM-SHA256');
    setTls({ ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' });
    expect((await protocolOf(port, client)).cipher).toBe('ECDHE-ECDSA-AES256-GCM-SHA384');
    expect((await protocolOf(port, {})).cipher).toBe('TLS_AES_256_GCM_SHA384');
  });

  test('a client without a common cipher is refused', async () => {
    const { port } = await openBench();
    const options = { maxVersion: 'TLSv1.2' as SecureVersion, ciphers: 'AES128-SHA' };
    await expect(open(port, 'a.test', options)).rejects.toMatchObject({
      code: 'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    });
  });

  test('curves', async () => {
    const { port, setTls } = await openBench();
    setTls({ ecdhCurve: 'P-384' });
    const client = await open(port, 'a.test', { ecdhCurve: 'X25519:P-384' });
    expect(client.getEphemeralKeyInfo()).toMatchObject({ name: 'secp384r1' });
  });

  for (const [what, tls, isResumed] of [
    ['with ticket keys', { ticketKeys: [redactBytes(Buffer.alloc(48, 1))] }, true],
    ['with an 80-byte key, as nginx takes it', { ticketKeys: [redactBytes(Buffer.alloc(80, 1))] }, true],
    ['without ticket keys', {}, false],
    ['switched off', { isSessionReused: false, ticketKeys: [redactBytes(Buffer.alloc(48, 1))] }, false],
  ] as const) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      test(`sessions ${what}, ${maxVersion}: ${isResumed ? 'resumed' : 'not resumed'} elsewhere`, async () => {
        const [first, second] = [await openBench(tls), await openBench(tls)];
        const client = await open(first.port, 'a.test', { maxVersion });
        const sessions: Buffer[] = [];
        client.on('session', (session) => sessions.push(session));
        await echo(client, 'x');
        const session = maxVersion === 'TLSv1.2' ? client.getSession() : sessions[0];
        const again = await open(second.port, 'a.test', { maxVersion, session });
        expect(again.isSessionReused()).toBe(isResumed);
      });
    }
  }
});

describe('a session resumes under the name that it began under, and no other (RFC 6066 §3)', () => {
  const ticketKeys = [redactBytes(Buffer.alloc(48, 1))];
  const pairs: readonly [began: string, resumed: string, isResumed: boolean][] = [
    ['a.test', 'a.test', true],
    ['a.test', 'rsa.test', false],
    ['rsa.test', 'a.test', false],
    // These two have one certificate.
    ['a.test', 'x.w.test', false],
    ['y.w.test', 'x.w.test', false],
    ['a.test', '', false],
    ['', 'a.test', false],
    ['', '', true],
    ['unknown.test', 'other.test', false],
    ['unknown.test', '', false],
  ];
  for (const [began, resumed, isResumed] of pairs) {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      test(`${maxVersion}: of "${began}" under "${resumed}": ${isResumed ? 'resumed' : 'a full handshake'}`, async () => {
        const { port } = await openBench({ ticketKeys });
        const client = await open(port, began, { maxVersion });
        const sessions: Buffer[] = [];
        client.on('session', (session) => sessions.push(session));
        await echo(client, 'x');
        const session = maxVersion === 'TLSv1.2' ? client.getSession() : sessions[0];
        const again = await open(port, resumed, { maxVersion, session });
        expect(again.isSessionReused()).toBe(isResumed);
        expect(await echo(again, 'y')).toBe('y');
      });
    }
  }
});

test('10,000 certificates are taken in, and changed, within 10 ms of the event loop each', async () => {
  const { port, store } = await openBench();
  const many = Array.from({ length: 10_000 }, (_, index) => ({ ...exact, id: `many-${index}` }));
  const manyNames = many.map(({ id }, index) => [`host-${index}.test`, id] as const);
  const took = (change: Parameters<CertificateStore['apply']>[0]) => {
    const startMs = THREAD_CLOCKS.cpuMs();
    store.apply(change);
    return THREAD_CLOCKS.cpuMs() - startMs;
  };
  const tls = { names: terminated(manyNames), defaultCertificateId: 'fallback' };
  const times = [took({ certificates: { set: many, removed: [] }, tls })];
  for (let round = 0; round < 5; round++) {
    times.push(took({ certificates: { set: [{ ...many[7]! }], removed: ['many-8'] }, tls }));
  }
  // Of the thread's own time, as the machine may be busy. What counts is that no certificate is parsed, which would take 2 s.
  expect(times.toSorted((a, b) => a - b)[2]).toBeLessThan(10);
  expect(times[0]).toBeLessThan(200);
  expect(await shown(port, 'host-9999.test')).toBe('DNS:a.test');
  expect(await shown(port, 'host-8.test')).toBe('DNS:fallback.test');
});
