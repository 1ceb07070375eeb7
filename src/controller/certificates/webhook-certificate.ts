import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { issueCertificate, type KeyPair } from '../../lib/issue-certificate.ts';

/** What the webhook serves with, and the authority that its clients hold it against; all PEM. */
export interface WebhookCertificate {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
/** As long as kube-webhook-certgen's: the Jobs that could renew it run only when somebody applies the manifests. */
const LIFE_MS = 36_500 * DAY_MS;
const RENEWED_BEFORE_MS = 30 * DAY_MS;

/** Makes an authority that is used once, and a certificate of it for `names`. */
export function createWebhookCertificate(names: readonly string[], nowMs: number): WebhookCertificate {
  const authority = createKeys();
  const keys = createKeys();
  const life = { notBeforeMs: nowMs - DAY_MS, notAfterMs: nowMs + LIFE_MS };
  const ca = issueCertificate({
    commonName: 'Serin admission webhook CA',
    names: [],
    keys: authority,
    serial: createSerial(),
    isAuthority: true,
    ...life,
  });
  const certificate = issueCertificate({
    commonName: '',
    organization: 'Serin',
    names,
    keys,
    serial: createSerial(),
    issuer: { certificate: ca, privateKey: authority.privateKey },
    ...life,
  });
  return { ca, certificate, key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** Why a certificate will not do for `names`; undefined: it will. */
export function problemOfWebhookCertificate(
  { ca, certificate, key }: WebhookCertificate,
  names: readonly string[],
  nowMs: number,
): string | undefined {
  let authority: X509Certificate;
  let server: X509Certificate;
  try {
    authority = new X509Certificate(ca);
    server = new X509Certificate(certificate);
    if (!server.checkPrivateKey(createPrivateKey(key))) return 'the key is not that of the certificate';
  } catch {
    return 'ca, cert or key cannot be read';
  }
  if (!server.checkIssued(authority) || !server.verify(authority.publicKey))
    return 'the certificate is not of the CA';
  const missing = names.find((name) => server.checkHost(name) === undefined);
  if (missing !== undefined) return `the certificate is not for ${missing}`;
  const endsMs = Math.min(Date.parse(server.validTo), Date.parse(authority.validTo));
  return endsMs < nowMs + RENEWED_BEFORE_MS ? `the certificate ends ${server.validTo}` : undefined;
}

/** Whether a text is a certificate that can be read. */
export function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== undefined;
  } catch {
    return false;
  }
}

function createKeys(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

/** Positive, and never with a leading zero byte (X.690 §8.3.2). */
function createSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  return serial;
}
