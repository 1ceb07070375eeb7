import { verify, X509Certificate, type KeyObject } from 'node:crypto';
import { isCostlyToVerify } from '../../lib/costly-key.ts';
import {
  derAt,
  derBytes,
  derContent,
  derOf,
  derWithin,
  MalformedDer,
  type DerElement,
} from '../../lib/der.ts';
import type { CertificateId, OcspSubject } from './ocsp-request.ts';

export type OcspVerdict =
  | { readonly ok: true; readonly endsAtMs: number }
  /** Says nothing of the bytes: whoever chose the URL must not read by it. */
  | { readonly ok: false; readonly problem: string; readonly isRevoked?: boolean };

const SEQUENCE = 0x30;
const ENUMERATED = 0x0a;
const OID = 0x06;
const OCTETS = 0x04;
const BITS = 0x03;
const INTEGER = 0x02;
const TIME = 0x18;
/** EXPLICIT [0]: response bytes, version, certificates, nextUpdate. */
const TAGGED_0 = 0xa0;
const GOOD = 0x80;
const REVOKED = 0xa1;

const BASIC = '2b0601050507300101';
const OCSP_SIGNING = '1.3.6.1.5.5.7.3.9';
/** Digests by algorithm of the signature; null where the key says. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
};
const STATUSES = ['', 'malformedRequest', 'internalError', 'tryLater', '', 'sigRequired', 'unauthorized'];
const SIGNERS_MAX = 4;
const RESPONSES_MAX = 16;
/** Clocks differ. */
const SKEW_MS = 300_000;
/** What has no end of its own counts that long. */
const ENDLESS_MS = 3_600_000;

/** Judges what a responder answered: that it is about this certificate, good, of now, and signed by who may. Never throws. */
export function judgeOcspResponse(
  bytes: Buffer,
  { id, issuer }: Pick<OcspSubject, 'id' | 'issuer'>,
  nowMs: number,
): OcspVerdict {
  try {
    return judge(bytes, id, issuer, nowMs);
  } catch (error) {
    if (error instanceof MalformedDer) return refuse('answers with what is no OCSP response');
    throw error;
  }
}

function judge(bytes: Buffer, id: CertificateId, issuer: X509Certificate, nowMs: number): OcspVerdict {
  const whole = derAt(bytes, 0);
  const outer = derWithin(bytes, whole);
  const status = derContent(bytes, derOf(outer, 0, ENUMERATED))[0] ?? -1;
  if (status !== 0) return refuse(`answers with status ${STATUSES[status] || status}`);
  const [typed] = derWithin(bytes, derOf(outer, 1, TAGGED_0));
  const parts = derWithin(bytes, derOf(typed === undefined ? [] : [typed], 0, SEQUENCE));
  if (hexOf(bytes, derOf(parts, 0, OID)) !== BASIC) throw new MalformedDer('another type');

  const basic = derContent(bytes, derOf(parts, 1, OCTETS));
  const fields = derWithin(basic, derAt(basic, 0));
  const signed = derOf(fields, 0, SEQUENCE);
  const single = findSingle(basic, signed, id);
  if (single === undefined) return refuse('answers for another certificate');
  if (!isSignedRightly(basic, fields, issuer, nowMs))
    return refuse('answers with what nobody signed who may answer for its issuer');

  const { tag } = single[1]!;
  if (tag === REVOKED) return { ...refuse('says that the certificate is revoked'), isRevoked: true };
  if (tag !== GOOD) return refuse('does not know the certificate');
  const thisUpdateMs = timeOf(basic, derOf(single, 2, TIME));
  const next = single.find((element, i) => i > 2 && element.tag === TAGGED_0);
  const nextUpdateMs =
    next === undefined ? nowMs + ENDLESS_MS : timeOf(basic, derOf(derWithin(basic, next), 0, TIME));
  if (thisUpdateMs > nowMs + SKEW_MS) return refuse('answers with what is not valid yet');
  if (nextUpdateMs <= nowMs) return refuse('answers with what is not valid any more');
  return { ok: true, endsAtMs: nextUpdateMs };
}

/** What is said of one certificate: its id, status, times. */
function findSingle(bytes: Buffer, signed: DerElement, id: CertificateId): readonly DerElement[] | undefined {
  const data = derWithin(bytes, signed);
  const first = data[0]?.tag === TAGGED_0 ? 1 : 0;
  const responses = derWithin(bytes, derOf(data, first + 2, SEQUENCE)).slice(0, RESPONSES_MAX);
  for (const response of responses) {
    const single = derWithin(bytes, response);
    const named = derWithin(bytes, derOf(single, 0, SEQUENCE));
    const isIt =
      derContent(bytes, derOf(named, 1, OCTETS)).equals(id.nameHash) &&
      derContent(bytes, derOf(named, 2, OCTETS)).equals(id.keyHash) &&
      derContent(bytes, derOf(named, 3, INTEGER)).equals(id.serial);
    if (isIt && single.length >= 3) return single;
  }
  return undefined;
}

/** By the issuer itself, or by one to whom it has given that (RFC 6960 §4.2.2.2). */
function isSignedRightly(
  bytes: Buffer,
  fields: readonly DerElement[],
  issuer: X509Certificate,
  nowMs: number,
): boolean {
  const [algorithm] = derWithin(bytes, derOf(fields, 1, SEQUENCE));
  const digest = DIGESTS[algorithm === undefined ? '' : hexOf(bytes, algorithm)];
  if (digest === undefined) return false;
  const signed = derBytes(bytes, derOf(fields, 0, SEQUENCE));
  const signature = derContent(bytes, derOf(fields, 2, BITS)).subarray(1);
  const isBy = (key: KeyObject): boolean => {
    try {
      return verify(digest, signed, key, signature);
    } catch {
      return false;
    }
  };
  if (isBy(issuer.publicKey)) return true;
  const held = fields[3]?.tag === TAGGED_0 ? derWithin(bytes, fields[3])[0] : undefined;
  if (held === undefined) return false;
  return derWithin(bytes, held)
    .slice(0, SIGNERS_MAX)
    .some((element) => {
      const signer = readCertificate(derBytes(bytes, element));
      return signer !== undefined && isDelegate(signer, issuer, nowMs) && isBy(signer.publicKey);
    });
}

function isDelegate(signer: X509Certificate, issuer: X509Certificate, nowMs: number): boolean {
  return (
    !isCostlyToVerify(signer.publicKey) &&
    signer.checkIssued(issuer) &&
    signer.verify(issuer.publicKey) &&
    signer.keyUsage?.includes(OCSP_SIGNING) === true &&
    signer.validFromDate.getTime() <= nowMs + SKEW_MS &&
    signer.validToDate.getTime() > nowMs
  );
}

function readCertificate(der: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

/** GeneralizedTime as DER has it: `20261126195004Z`. */
function timeOf(bytes: Buffer, element: DerElement): number {
  const text = derContent(bytes, element).toString('latin1');
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) throw new MalformedDer('no time');
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

function hexOf(bytes: Buffer, element: DerElement): string {
  return derContent(bytes, element).toString('hex');
}

function refuse(problem: string): Extract<OcspVerdict, { ok: false }> {
  return { ok: false, problem };
}
