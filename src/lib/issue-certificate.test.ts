import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeAuthority, makeCertificate, type KeyKind } from '../../test/fixtures/certificates.ts';
import { issueCertificate } from './issue-certificate.ts';

const kinds: readonly KeyKind[] = ['rsa', 'ecdsa', 'ed25519'];

for (const kind of kinds) {
  test(`a self-signed ${kind} certificate verifies with its own key`, () => {
    const made = makeCertificate(['a.test', '*.b.test', '127.0.0.1', '::1'], {
      kind,
      organization: 'Ünïcode Ltd',
    });
    const certificate = new X509Certificate(made.certificate);
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(made.keys.privateKey)).toBe(true);
    expect(certificate.subject).toBe('O=Ünïcode Ltd\nCN=a.test');
    expect(certificate.subjectAltName).toBe(
      'DNS:a.test, DNS:*.b.test, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
    );
    expect(certificate.ca).toBe(false);
  });

  test(`a leaf of an ${kind} authority verifies with it`, () => {
    const authority = makeAuthority('Root', kind);
    const root = new X509Certificate(authority.certificate);
    const leaf = new X509Certificate(makeCertificate(['a.test'], { issuer: authority }).certificate);
    expect(root.ca).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
  });
}

test('validity and serial are the ones asked for, beyond 2049 too', () => {
  const { keys } = makeCertificate(['a.test']);
  const notBeforeMs = Date.UTC(2030, 0, 2, 3, 4, 5);
  const notAfterMs = Date.UTC(2055, 11, 31, 23, 59, 59);
  const serial = Uint8Array.of(0xff, 1);
  const certificate = new X509Certificate(
    issueCertificate({ commonName: '', names: ['a.test'], keys, notBeforeMs, notAfterMs, serial }),
  );
  expect(certificate.validFromDate.getTime()).toBe(notBeforeMs);
  expect(certificate.validToDate.getTime()).toBe(notAfterMs);
  expect(certificate.serialNumber).toBe('FF01');
  expect(certificate.subject).toBeUndefined();
});
