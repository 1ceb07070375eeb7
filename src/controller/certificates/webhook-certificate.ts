import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { issueCertificate, type KeyPair } from '../../lib/issue-certificate.ts';
import { redactBytes, revealBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';

/** What the webhook serves with; PEM. */
export interface WebhookPair {
  readonly certificate: string;
  readonly key: RedactedBytes;
}

/** With the authorities that its clients hold it against: one, or more while one takes the place of another. */
export interface WebhookCertificate extends WebhookPair {
  readonly ca: string;
}

const DAY_MS = 86_400_000;
/** As long as kube-webhook-certgen's: the Jobs that could renew it run only when somebody applies the manifests. */
export const LONGEST_LIFE_MS = 36_500 * DAY_MS;
const RENEWED_BEFORE_MS = 30 * DAY_MS;
/** Of a life, so that clocks may differ and a short one is not over before it is renewed. */
const BACKDATED_PART = 1 / 10;
const LAST_PART = 1 / 12;
/** More than any renewal leaves behind; what a Secret holds is somebody else's text. */
const MAX_AUTHORITIES = 16;

/** Makes an authority that is used once, and a certificate of it for `names`. */
export function createWebhookCertificate(
  names: readonly string[],
  nowMs: number,
  lifeMs: number = LONGEST_LIFE_MS,
): WebhookCertificate {
  const authority = createKeys();
  const keys = createKeys();
  const life = { notBeforeMs: nowMs - backdatedByMs(lifeMs), notAfterMs: nowMs + lifeMs };
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
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { ca, certificate, key: redactBytes(Buffer.from(key)) };
}

/** Why a certificate will not do for `names`; undefined: it will. */
export function problemOfWebhookCertificate(
  { ca, certificate, key }: WebhookCertificate,
  names: readonly string[],
  nowMs: number,
): string | undefined {
  const server = readCertificate(certificate);
  const authorities = authoritiesIn(ca);
  if (server === undefined || authorities.length === 0) return 'ca, cert or key cannot be read';
  try {
    if (!server.checkPrivateKey(createPrivateKey(revealBytes(key))))
      return 'the key is not that of the certificate';
  } catch {
    return 'ca, cert or key cannot be read';
  }
  const issuer = issuerOf(server, authorities);
  if (issuer === undefined) return 'the certificate is not of the CA';
  const missing = names.find((name) => !isFor(server, name));
  if (missing !== undefined) return `the certificate is not for ${missing}`;
  const lastMs = Math.min(RENEWED_BEFORE_MS, spanOf(server) * LAST_PART);
  const endsMs = Math.min(server.validToDate.getTime(), issuer.validToDate.getTime());
  return endsMs < nowMs + lastMs ? `the certificate ends ${server.validTo}` : undefined;
}

/** The first certificate of a text; undefined: there is none that can be read. */
export function readCertificate(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** The certificates of a bundle that can be read, each once. */
export function authoritiesIn(pem: string): readonly X509Certificate[] {
  const found = new Map<string, X509Certificate>();
  for (const part of pem.split('-----END CERTIFICATE-----').slice(0, MAX_AUTHORITIES)) {
    const body = part.slice(part.lastIndexOf('-----BEGIN CERTIFICATE-----'));
    const one = readCertificate(`${body}-----END CERTIFICATE-----\n`);
    if (one !== undefined) found.set(one.fingerprint256, one);
  }
  return [...found.values()];
}

/** The bundle of some authorities, each once. */
export function toBundle(authorities: readonly X509Certificate[]): string {
  return [...new Set(authorities.map((one) => one.toString()))].join('');
}

/** Which of some authorities has signed a certificate. */
export function issuerOf(
  certificate: X509Certificate,
  authorities: readonly X509Certificate[],
): X509Certificate | undefined {
  return authorities.find((one) => certificate.checkIssued(one) && certificate.verify(one.publicKey));
}

function isFor(certificate: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}

/** From the first to the last moment of a certificate. */
export function spanOf({ validFromDate, validToDate }: X509Certificate): number {
  return validToDate.getTime() - validFromDate.getTime();
}

/** How long before its making a certificate of such a life begins. */
export function backdatedByMs(lifeMs: number): number {
  return Math.min(DAY_MS, lifeMs * BACKDATED_PART);
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
