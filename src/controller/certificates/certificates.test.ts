import { redactBytes, revealBytes } from '../../lib/redacted-bytes.ts';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { makeAuthority, makeCertificate, makeKeys, secretData } from '../../../test/fixtures/certificates.ts';
import { costlyRsaKey } from '../../../test/fixtures/costly-keys.ts';
import { issueCertificate } from '../../lib/issue-certificate.ts';
import type { SecretObject } from '../store/objects.ts';
import { createCertificateReader } from './certificate-reader.ts';
import { coversHost } from './covers-host.ts';
import { createDefaultCertificate } from './default-certificate.ts';
import { parseCertificate } from './parse-certificate.ts';

const authority = makeAuthority('Root');
const good = makeCertificate(['a.test', '*.b.test', '192.0.2.1'], { issuer: authority });
const data = (certificate?: string, key?: string) =>
  new Map([
    ...(certificate === undefined ? [] : [['tls.crt', redactBytes(Buffer.from(certificate))] as const]),
    ...(key === undefined ? [] : [['tls.key', redactBytes(Buffer.from(key))] as const]),
  ]);

describe('parseCertificate', () => {
  for (const kind of ['rsa', 'ecdsa', 'ed25519'] as const) {
    test(`accepts a key of kind ${kind}`, () => {
      const parsed = parseCertificate(secretData(makeCertificate(['a.test'], { kind })));
      expect(parsed.ok && parsed.facts.publicKeyAlgorithm).toBe(
        { rsa: 'RSA', ecdsa: 'ECDSA', ed25519: 'Ed25519' }[kind],
      );
    });
  }

  test('accepts a key in SEC 1 and one in PKCS #1 form', () => {
    const ecdsa = makeCertificate(['a.test']);
    const sec1 = ecdsa.keys.privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    expect(parseCertificate(data(ecdsa.certificate, sec1)).ok).toBe(true);
    const rsa = makeCertificate(['a.test'], { kind: 'rsa' });
    const pkcs1 = rsa.keys.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
    expect(parseCertificate(data(rsa.certificate, pkcs1)).ok).toBe(true);
  });

  test('states the facts, of the first certificate of a chain', () => {
    const notAfterMs = Date.UTC(2030, 5, 1);
    const leaf = makeCertificate(['A.test', '*.b.test', '192.0.2.1'], { issuer: authority, notAfterMs });
    const chain = `Bag Attributes: as pkcs12 prints them\n${leaf.certificate}${authority.certificate}`;
    const parsed = parseCertificate(data(chain, leaf.key));
    const serial = BigInt(`0x${new X509Certificate(leaf.certificate).serialNumber}`).toString();
    expect(parsed).toMatchObject({
      ok: true,
      certificate: chain.trim(),
      facts: {
        names: ['a.test', '*.b.test', '192.0.2.1'],
        notAfterMs,
        serial,
        issuerCommonName: 'Root',
        issuerOrganization: 'Serin',
      },
    });
  });

  test('the common name counts only without alternative names', () => {
    const bare = parseCertificate(secretData(makeCertificate([], { commonName: 'cn.test' })));
    expect(bare.ok && bare.facts.names).toEqual(['cn.test']);
    const both = parseCertificate(secretData(makeCertificate(['a.test'], { commonName: 'cn.test' })));
    expect(both.ok && both.facts.names).toEqual(['a.test']);
  });

  test('a name cannot smuggle in another one', () => {
    const parsed = parseCertificate(secretData(makeCertificate(['evil.test, DNS:bank.test'])));
    expect(parsed.ok && parsed.facts.names).toEqual(['evil.test, dns:bank.test']);
  });

  test('an expired certificate is still one', () => {
    const expired = makeCertificate(['a.test'], { notBeforeMs: 0, notAfterMs: 86_400_000 });
    expect(parseCertificate(secretData(expired)).ok).toBe(true);
  });

  const encrypted = makeKeys('ecdsa').privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  });
  const weakKeys = generateKeyPairSync('rsa', { modulusLength: 1024 });
  const weak = issueCertificate({
    commonName: 'a.test',
    names: ['a.test'],
    keys: weakKeys,
    notBeforeMs: 0,
    notAfterMs: 1e12,
    serial: Uint8Array.of(1),
  });
  const cut = good.certificate.replace(/\n.{20}/, '\n');
  const cases: readonly { name: string; certificate?: string; key?: string; problem: string | RegExp }[] = [
    { name: 'an empty Secret', problem: 'has neither tls.crt nor tls.key' },
    { name: 'no certificate', key: good.key, problem: 'has no tls.crt' },
    { name: 'an empty key', certificate: good.certificate, key: ' \n', problem: 'has no tls.key' },
    {
      name: 'text that is no PEM',
      certificate: 'hello',
      key: good.key,
      problem: 'has a tls.crt that holds no PEM certificate',
    },
    {
      name: 'a certificate with bytes missing',
      certificate: cut,
      key: good.key,
      problem: /^has a tls\.crt whose certificate 1 of 1 is malformed \(.+\)$/,
    },
    {
      name: 'a chain whose second certificate is malformed',
      certificate: good.certificate + cut,
      key: good.key,
      problem: /^has a tls\.crt whose certificate 2 of 2 is malformed \(.+\)$/,
    },
    {
      name: 'certificate and key changed over',
      certificate: good.key,
      key: good.certificate,
      problem: 'has a tls.crt that holds no PEM certificate',
    },
    {
      name: 'a certificate for a key',
      certificate: good.certificate,
      key: good.certificate,
      problem: 'has a tls.key that holds no PEM private key',
    },
    {
      name: 'a malformed key',
      certificate: good.certificate,
      key: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
      problem: /^has a tls\.key that is malformed \(.+\)$/,
    },
    {
      name: 'a key that would hold a worker for minutes at each handshake',
      certificate: good.certificate,
      key: costlyRsaKey(65_536),
      problem: /^has a tls\.key that has \d+ bytes, and more than 4096 bits take too long$/,
    },
    {
      name: 'an encrypted key',
      certificate: good.certificate,
      key: encrypted.toString(),
      problem: 'has a tls.key that is encrypted',
    },
    {
      name: 'the key of another certificate',
      certificate: good.certificate,
      key: makeCertificate(['a.test'], { hasOwnKey: true }).key,
      problem: 'has a tls.key that does not belong to the certificate in tls.crt',
    },
    {
      name: 'a key of another kind',
      certificate: good.certificate,
      key: makeCertificate(['a.test'], { kind: 'rsa' }).key,
      problem: 'has a tls.key that does not belong to the certificate in tls.crt',
    },
    {
      name: 'a key that OpenSSL finds too weak',
      certificate: weak,
      key: weakKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      problem: 'has a certificate that cannot be served (ee key too small)',
    },
  ];
  for (const { name, certificate, key, problem } of cases) {
    test(`refuses ${name}`, () => {
      const want = typeof problem === 'string' ? problem : expect.stringMatching(problem);
      expect(parseCertificate(data(certificate, key))).toEqual({ ok: false, problem: want });
    });
  }
});

describe('coversHost', () => {
  const cases: readonly [names: readonly string[], host: string, isCovered: boolean][] = [
    [['a.test'], 'a.test', true],
    [['A.test'], 'a.TEST', true],
    [['a.test'], 'b.test', false],
    [[], 'a.test', false],
    [['*.a.test'], 'x.a.test', true],
    [['*.a.test'], 'x.y.a.test', false],
    [['*.a.test'], 'a.test', false],
    [['*.a.test'], '*.a.test', true],
    [['x.a.test'], '*.a.test', false],
    [['*.*.test'], 'x.y.test', false],
    [['*.test'], '*.a.test', false],
    [['*'], 'test', false],
    [['x*.a.test'], 'xy.a.test', false],
  ];
  for (const [names, host, isCovered] of cases) {
    test(`${names.join(' ') || 'no name'} and ${host}: ${isCovered}`, () => {
      expect(coversHost(names, host)).toBe(isCovered);
    });
  }
});

const secret = (name: string, content = secretData(good)): SecretObject => ({
  kind: 'Secret',
  type: 'kubernetes.io/tls',
  namespace: 'lab',
  name,
  uid: '',
  order: '',
  problems: [],
  data: content,
});

describe('createCertificateReader', () => {
  test('parses a content once, and an object that came anew by its digest', () => {
    const reader = createCertificateReader();
    const object = secret('one');
    const first = reader.read(object);
    expect(reader.read(object)).toBe(first);
    const again = reader.read(secret('one', secretData(good)));
    if (!first.ok || !again.ok) throw new Error('refused');
    expect(again).toEqual(first);
    expect(again.certificate.facts).toBe(first.certificate.facts);
  });

  test('names the Secret, and gives one id to one content', () => {
    const reader = createCertificateReader();
    const results = [
      reader.read(secret('one')),
      reader.read(secret('two')),
      reader.read(secret('three', secretData(makeCertificate(['c.test'])))),
    ];
    const models = results.map((result) => (result.ok ? result.certificate : undefined));
    expect(models.map((model) => model?.source.name)).toEqual(['one', 'two', 'three']);
    expect(models[0]?.id).toBe(models[1]?.id);
    expect(models[0]?.id).not.toBe(models[2]?.id);
  });
});

test('the default certificate is the one ingress-nginx makes', async () => {
  const nowMs = Date.UTC(2026, 10, 23, 12);
  const { certificate, key, facts, id } = await createDefaultCertificate(nowMs);
  const parsed = new X509Certificate(certificate);
  expect(parsed.subject).toBe('O=Acme Co\nCN=Kubernetes Ingress Controller Fake Certificate');
  expect(parsed.publicKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048 });
  expect(parsed.verify(parsed.publicKey)).toBe(true);
  expect(facts).toMatchObject({
    names: ['ingress.local'],
    publicKeyAlgorithm: 'RSA',
    notBeforeMs: nowMs,
    notAfterMs: nowMs + 365 * 86_400_000,
  });
  expect(BigInt(facts.serial)).toBeGreaterThan(2n ** 120n);
  expect(parseCertificate(data(certificate, revealBytes(key).toString())).ok).toBe(true);
  expect(id).toMatch(/^[0-9a-f]{32}$/);
});
