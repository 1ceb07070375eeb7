import { redactBytes, revealBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { costOf } from '../../lib/costly-key.ts';
import type { CertificateFacts } from '../../model/model.ts';

/** A usable pair of certificate chain and key, or what is wrong, worded to follow the Secret's name: `has no tls.key`. */
export type ParsedCertificate =
  | {
      readonly ok: true;
      readonly certificate: string;
      readonly key: RedactedBytes;
      readonly facts: CertificateFacts;
    }
  | { readonly ok: false; readonly problem: string };

const CERTIFICATE_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/**
 * Reads certificate chain and key out of a Secret's data, whatever the Secret's type. The chain is taken as given, its
 * first certificate is the one that counts. What is accepted here, OpenSSL serves. Never throws.
 */
export function parseCertificate(data: ReadonlyMap<string, RedactedBytes>): ParsedCertificate {
  const certificate = textOf(data, 'tls.crt');
  const key = textOf(data, 'tls.key');
  if (certificate === '' && key === '') return refused('has neither tls.crt nor tls.key');
  if (certificate === '') return refused('has no tls.crt');
  if (key === '') return refused('has no tls.key');

  const chain = parseChain(certificate);
  if (typeof chain === 'string') return refused(chain);
  const leaf = chain[0]!;
  const privateKey = parseKey(key);
  if (typeof privateKey === 'string') return refused(privateKey);
  if (!leaf.checkPrivateKey(privateKey)) {
    return refused('has a tls.key that does not belong to the certificate in tls.crt');
  }
  try {
    // Weak keys and digests, for example, are only refused here.
    createSecureContext({ cert: certificate, key, ca: [] });
    return { ok: true, certificate, key: redactBytes(Buffer.from(key, 'latin1')), facts: readFacts(leaf) };
  } catch (error) {
    return refused(`has a certificate that cannot be served (${reasonOf(error)})`);
  }
}

function textOf(data: ReadonlyMap<string, RedactedBytes>, name: string): string {
  const bytes = data.get(name);
  return bytes === undefined ? '' : revealBytes(bytes).toString('latin1').trim();
}

function parseChain(text: string): readonly X509Certificate[] | string {
  const blocks = text.match(CERTIFICATE_BLOCK);
  if (blocks === null) return 'has a tls.crt that holds no PEM certificate';
  const chain: X509Certificate[] = [];
  for (const block of blocks) {
    try {
      chain.push(new X509Certificate(block));
    } catch (error) {
      return `has a tls.crt whose certificate ${chain.length + 1} of ${blocks.length} is malformed (${reasonOf(error)})`;
    }
  }
  return chain;
}

function parseKey(text: string): KeyObject | string {
  if (!text.includes('PRIVATE KEY-----')) return 'has a tls.key that holds no PEM private key';
  if (/BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(text)) return 'has a tls.key that is encrypted';
  try {
    const key = createPrivateKey(text);
    const cost = costOf(key);
    return cost === undefined ? key : `has a tls.key that ${cost}`;
  } catch (error) {
    return `has a tls.key that is malformed (${reasonOf(error)})`;
  }
}

function refused(problem: string): ParsedCertificate {
  return { ok: false, problem };
}

/** OpenSSL's last words: `error:068000A8:asn1 encoding routines::wrong tag` says `wrong tag`. */
function reasonOf(error: unknown): string {
  return (error as Error).message.split(':').at(-1)!.trim();
}

const KEY_ALGORITHMS: { readonly [type: string]: string } = { rsa: 'RSA', ec: 'ECDSA', ed25519: 'Ed25519' };

/** What findings and metrics say about a certificate. */
export function readFacts(certificate: X509Certificate): CertificateFacts {
  const { subject, issuer } = certificate.toLegacyObject();
  const issuerSerialNumber = attributeOf(issuer, 'serialNumber');
  const keyType = certificate.publicKey.asymmetricKeyType ?? '';
  return {
    names:
      certificate.subjectAltName === undefined
        ? [attributeOf(subject, 'CN')].filter((name) => name !== '')
        : parseAlternativeNames(certificate.subjectAltName),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
    serial: BigInt(`0x${certificate.serialNumber}`).toString(),
    ...(issuerSerialNumber === '' ? undefined : { issuerSerialNumber }),
    issuerCommonName: attributeOf(issuer, 'CN'),
    issuerOrganization: attributeOf(issuer, 'O'),
    publicKeyAlgorithm: KEY_ALGORITHMS[keyType] ?? keyType,
  };
}

/** An attribute of a distinguished name; of several with that name, the first. */
function attributeOf(name: unknown, attribute: string): string {
  const value = (name as { readonly [attribute: string]: string | readonly string[] } | undefined)?.[
    attribute
  ];
  return (typeof value === 'string' ? value : value?.[0]) ?? '';
}

/** DNS names and addresses of `DNS:a.test, IP Address:127.0.0.1`; Node makes a JSON string of a value with a comma. */
function parseAlternativeNames(text: string): readonly string[] {
  const names: string[] = [];
  for (const [, kind, raw = ''] of text.matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/g)) {
    const value = raw.startsWith('"') ? (JSON.parse(raw) as string) : raw;
    if (kind === 'DNS') names.push(value.toLowerCase());
    else if (kind === 'IP Address') names.push(value);
  }
  return names;
}
