import { createHash, X509Certificate } from 'node:crypto';
import { accessUrl, splitChain } from '../chains/missing-issuer.ts';
import { isCostlyToVerify } from '../../lib/costly-key.ts';
import { derAt, derBytes, derContent, derElement, derOf, derWithin } from '../../lib/der.ts';

/** A certificate as an OCSP responder is asked for it (RFC 6960). */
export interface OcspSubject {
  /** Chosen by whoever wrote the certificate. */
  readonly url: string;
  readonly request: Buffer;
  readonly id: CertificateId;
  readonly issuer: X509Certificate;
}

/** Names a certificate by SHA-1 hashes of its issuer. */
export interface CertificateId {
  readonly nameHash: Buffer;
  readonly keyHash: Buffer;
  /** Content of the INTEGER. */
  readonly serial: Buffer;
}

/** Undefined: it names no responder; a text: it cannot be asked for, and why. */
export type OcspSubjectRead = OcspSubject | string | undefined;

const SEQUENCE = 0x30;
const INTEGER = 0x02;
const OCTETS = 0x04;
const BITS = 0x03;
const VERSION = 0xa0;
/** AlgorithmIdentifier of SHA-1, which is what responders know; it only names a certificate here. */
const SHA1 = Buffer.from('300906052b0e03021a0500', 'hex');

/** Reads the first two certificates of a chain. Never throws. */
export function readOcspSubject(chain: string): OcspSubjectRead {
  const [leafPem, issuerPem] = splitChain(chain);
  if (leafPem === undefined) return undefined;
  try {
    const leaf = new X509Certificate(leafPem);
    const url = accessUrl(leaf, 'OCSP');
    if (url === undefined) return undefined;
    if (issuerPem === undefined) return 'its chain does not hold the certificate of its issuer';
    const issuer = new X509Certificate(issuerPem);
    if (isCostlyToVerify(issuer.publicKey)) return 'its issuer has a costly key';
    if (!leaf.checkIssued(issuer) || !leaf.verify(issuer.publicKey))
      return 'the second certificate of its chain did not issue it';
    const id = certificateIdOf(leaf, issuer);
    return { url, request: requestFor(id), id, issuer };
  } catch {
    return 'its chain cannot be read';
  }
}

/** Throws what is no certificate. */
export function certificateIdOf(leaf: X509Certificate, issuer: X509Certificate): CertificateId {
  const { raw } = leaf;
  const fields = derWithin(raw, derOf(derWithin(raw, derAt(raw, 0)), 0, SEQUENCE));
  const first = fields[0]?.tag === VERSION ? 1 : 0;
  const serial = derContent(raw, derOf(fields, first, INTEGER));
  const issuerName = derBytes(raw, derOf(fields, first + 2, SEQUENCE));
  const spki = issuer.publicKey.export({ type: 'spki', format: 'der' });
  const key = derContent(spki, derOf(derWithin(spki, derAt(spki, 0)), 1, BITS)).subarray(1);
  return { nameHash: sha1(issuerName), keyHash: sha1(key), serial };
}

function requestFor({ nameHash, keyHash, serial }: CertificateId): Buffer {
  const id = derElement(
    SEQUENCE,
    SHA1,
    derElement(OCTETS, nameHash),
    derElement(OCTETS, keyHash),
    derElement(INTEGER, serial),
  );
  const list = derElement(SEQUENCE, derElement(SEQUENCE, id));
  return derElement(SEQUENCE, derElement(SEQUENCE, list));
}

function sha1(bytes: Uint8Array): Buffer {
  return createHash('sha1').update(bytes).digest();
}
