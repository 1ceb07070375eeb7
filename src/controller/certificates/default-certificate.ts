import { redactBytes } from '../../lib/redacted-bytes.ts';
import { generateKeyPair, randomBytes, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { issueCertificate } from '../../lib/issue-certificate.ts';
import type { CertificateModel } from '../../model/model.ts';
import { parseCertificate } from './parse-certificate.ts';

const DAY_MS = 86_400_000;

/**
 * Makes the certificate that is served where no other is, as ingress-nginx makes it (docs/reference/routing.md §7.3): RSA-2048, for
 * `ingress.local`, valid 365 days from `nowMs`. Takes 0.1 s, on a thread of its own.
 */
export async function createDefaultCertificate(nowMs: number): Promise<CertificateModel> {
  const keys = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const certificate = issueCertificate({
    commonName: 'Kubernetes Ingress Controller Fake Certificate',
    organization: 'Acme Co',
    names: ['ingress.local'],
    keys,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + 365 * DAY_MS,
    // The first bit clear, so that the number is positive, and the first byte not zero.
    serial: randomBytes(16).map((byte, index) => (index === 0 ? (byte & 0x7f) | 0x40 : byte)),
  });
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const parsed = parseCertificate(
    new Map([
      ['tls.crt', redactBytes(Buffer.from(certificate))],
      ['tls.key', redactBytes(Buffer.from(key))],
    ]),
  );
  if (!parsed.ok) throw new Error(`the generated certificate ${parsed.problem}`);
  const id = new X509Certificate(certificate).fingerprint256.replaceAll(':', '').slice(0, 32).toLowerCase();
  const source = { kind: 'Secret', namespace: '', name: '' };
  return { id, certificate, key: parsed.key, facts: parsed.facts, source };
}
