import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { isCostlyToVerify } from '../../lib/costly-key.ts';

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;
const URL_MAX = 2048;

/** Where a certificate says that something of it is to be had: the first URL of http or https that stands under a name in its authority information access. */
export function accessUrl(
  { infoAccess = '' }: X509Certificate,
  name: 'OCSP' | 'CA Issuers',
): string | undefined {
  for (const line of infoAccess.split('\n')) {
    const start = `${name} - URI:`;
    // Node makes a JSON string of a value with odd characters: no URL has those.
    const url = line.startsWith(start) ? line.slice(start.length) : '';
    if (url === '' || url.length > URL_MAX || !URL.canParse(url)) continue;
    const { protocol } = new URL(url);
    if (protocol === 'http:' || protocol === 'https:') return url;
  }
  return undefined;
}

/** The certificates of a text, each as PEM. */
export function splitChain(pem: string): readonly string[] {
  return pem.match(CERTIFICATES) ?? [];
}

/** The last certificate of a chain. Never throws; undefined where there is none that can be read. */
export function lastOf(chain: string): X509Certificate | undefined {
  const pem = splitChain(chain).at(-1);
  try {
    return pem === undefined ? undefined : new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

let knownRoots: ReadonlySet<string> | undefined;

/** Whether a certificate signed itself, or says so. */
export function isRoot({ subject, issuer }: X509Certificate): boolean {
  return subject === issuer;
}

/** Whether nothing that clients lack comes behind a certificate: it is a root, or of one that is known everywhere. */
export function isEnd(certificate: X509Certificate): boolean {
  if (isRoot(certificate)) return true;
  knownRoots ??= new Set(rootCertificates.map((pem) => new X509Certificate(pem).subject));
  return knownRoots.has(certificate.issuer);
}

/** Whether one issued the other, by name and by signature. */
export function hasIssued(issuer: X509Certificate, issued: X509Certificate): boolean {
  return (
    issuer.ca &&
    !isCostlyToVerify(issuer.publicKey) &&
    issued.checkIssued(issuer) &&
    issued.verify(issuer.publicKey)
  );
}
