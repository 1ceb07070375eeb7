import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { issueCertificate } from './issue-certificate.ts';

/** PEM certificate and PKCS #8 key. */
export interface PemPair {
  readonly certificate: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;

/** Makes a self-signed ECDSA (P-256) certificate for `names`, valid from a day ago for a year. */
export function createSelfSigned(names: readonly string[], nowMs: number): PemPair {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x01; // positive, and never with a leading zero byte (X.690 §8.3.2)
  const certificate = issueCertificate({
    commonName: names[0] ?? 'localhost',
    names,
    keys,
    serial,
    notBeforeMs: nowMs - DAY_MS,
    notAfterMs: nowMs + 365 * DAY_MS,
  });
  return { certificate, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}
