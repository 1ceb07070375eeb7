import { createHash, sign, X509Certificate, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import type forge from 'node-forge';
import asn1 from 'node-forge/lib/asn1.js';
import util from 'node-forge/lib/util.js';

const { Class, Type } = asn1;

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly organization?: string;
  /** Subject alternative names: DNS names, wildcards, or IP addresses. */
  readonly names: readonly string[];
  /** RSA, ECDSA (P-256, P-384, P-521) or Ed25519. */
  readonly keys: KeyPair;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Positive serial number of at most 20 bytes, most significant first. */
  readonly serial: Uint8Array;
  /** True for a certificate that may sign others. */
  readonly isAuthority?: boolean;
  /** Undefined: self-signed. */
  readonly issuer?: { readonly certificate: string; readonly privateKey: KeyObject };
}

/** Makes an X.509 v3 certificate and returns it as PEM. Throws for a key of another kind. */
export function issueCertificate(request: CertificateRequest): string {
  const subject = encodeName(request.commonName, request.organization);
  const signingKey = request.issuer?.privateKey ?? request.keys.privateKey;
  const { algorithm, digest } = signatureOf(signingKey);
  const tbs = sequence(
    tagged(0, integer(Uint8Array.of(2))),
    integer(request.serial),
    algorithm,
    request.issuer === undefined ? subject : subjectOf(request.issuer.certificate),
    sequence(encodeTime(request.notBeforeMs), encodeTime(request.notAfterMs)),
    subject,
    asn1.fromDer(binary(request.keys.publicKey.export({ type: 'spki', format: 'der' }))),
    tagged(3, sequence(...extensionsOf(request))),
  );
  const tbsDer = Buffer.from(asn1.toDer(tbs).getBytes(), 'latin1');
  const signature = binary(sign(digest, tbsDer, signingKey));
  const der = asn1.toDer(sequence(tbs, algorithm, bitString(signature))).getBytes();
  const lines = util.encode64(der, 64).replaceAll('\r', '');
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

function extensionsOf({ names, isAuthority = false, keys, issuer }: CertificateRequest): forge.asn1.Asn1[] {
  const extension = (id: string, isCritical: boolean, value: forge.asn1.Asn1) =>
    sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octets(asn1.toDer(value).getBytes()));
  const keyId = keyIdentifier(keys.publicKey);
  const issuerKeyId =
    issuer === undefined ? keyId : keyIdentifier(new X509Certificate(issuer.certificate).publicKey);
  const extensions = [
    extension('2.5.29.19', true, sequence(...(isAuthority ? [boolean(true)] : []))),
    // Bits of keyUsage (RFC 5280 §4.2.1.3): keyCertSign and cRLSign, or digitalSignature and keyEncipherment.
    extension('2.5.29.15', true, bitString(isAuthority ? '\x06' : '\xa0', isAuthority ? 1 : 5)),
    extension('2.5.29.14', false, octets(keyId)),
    extension('2.5.29.35', false, sequence(implicit(0, issuerKeyId))),
  ];
  if (!isAuthority) {
    const uses = ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'];
    extensions.push(extension('2.5.29.37', false, sequence(...uses.map(oid))));
  }
  if (names.length > 0) {
    const items = names.map((name) =>
      isIP(name) === 0
        ? implicit(2, name)
        : implicit(7, binary(Uint8Array.from(ipaddr.parse(name).toByteArray()))),
    );
    extensions.push(extension('2.5.29.17', false, sequence(...items)));
  }
  return extensions;
}

function signatureOf(key: KeyObject): { algorithm: forge.asn1.Asn1; digest: string | null } {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { algorithm: sequence(oid('1.2.840.113549.1.1.11'), nothing()), digest: 'sha256' };
    case 'ec':
      return { algorithm: sequence(oid('1.2.840.10045.4.3.2')), digest: 'sha256' };
    case 'ed25519':
      return { algorithm: sequence(oid('1.3.101.112')), digest: null };
    default:
      throw new TypeError(`cannot sign a certificate with a key of type "${key.asymmetricKeyType}"`);
  }
}

/** SHA-1 of the subject public key info, one of the ways RFC 5280 §4.2.1.2 leaves open; a binary string. */
function keyIdentifier(key: KeyObject): string {
  return binary(
    createHash('sha1')
      .update(key.export({ type: 'spki', format: 'der' }))
      .digest(),
  );
}

/** The subject of a certificate as it stands in it, so that issuer and subject are equal byte by byte. */
function subjectOf(pem: string): forge.asn1.Asn1 {
  const certificate = asn1.fromDer(binary(new X509Certificate(pem).raw));
  const tbs = (certificate.value as forge.asn1.Asn1[])[0]!;
  return (tbs.value as forge.asn1.Asn1[])[5]!;
}

function encodeName(commonName: string, organization: string | undefined): forge.asn1.Asn1 {
  const attribute = (id: string, text: string) =>
    primitive(Type.SET, [sequence(oid(id), primitive(Type.UTF8, util.encodeUtf8(text)))]);
  const attributes = organization === undefined ? [] : [attribute('2.5.4.10', organization)];
  return sequence(...attributes, ...(commonName === '' ? [] : [attribute('2.5.4.3', commonName)]));
}

/** UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 §4.1.2.5). */
function encodeTime(timeMs: number): forge.asn1.Asn1 {
  const date = new Date(timeMs);
  return date.getUTCFullYear() < 2050
    ? primitive(Type.UTCTIME, asn1.dateToUtcTime(date) as string)
    : primitive(Type.GENERALIZEDTIME, asn1.dateToGeneralizedTime(date) as string);
}

function sequence(...items: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return primitive(Type.SEQUENCE, items);
}

function integer(bytes: Uint8Array): forge.asn1.Asn1 {
  // Two's complement: a leading bit would make it negative.
  return primitive(Type.INTEGER, (bytes[0]! >= 0x80 ? '\0' : '') + binary(bytes));
}

function oid(text: string): forge.asn1.Asn1 {
  return primitive(Type.OID, asn1.oidToDer(text).getBytes());
}

function octets(bytes: string): forge.asn1.Asn1 {
  return primitive(Type.OCTETSTRING, bytes);
}

function bitString(bytes: string, unusedBits = 0): forge.asn1.Asn1 {
  return primitive(Type.BITSTRING, String.fromCharCode(unusedBits) + bytes);
}

function boolean(value: boolean): forge.asn1.Asn1 {
  return primitive(Type.BOOLEAN, value ? '\xff' : '\0');
}

function nothing(): forge.asn1.Asn1 {
  return primitive(Type.NULL, '');
}

function tagged(number: number, value: forge.asn1.Asn1): forge.asn1.Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number as forge.asn1.Type, true, [value]);
}

function implicit(number: number, bytes: string): forge.asn1.Asn1 {
  return asn1.create(Class.CONTEXT_SPECIFIC, number as forge.asn1.Type, false, bytes);
}

function primitive(type: forge.asn1.Type, value: string | forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(Class.UNIVERSAL, type, typeof value !== 'string', value);
}

function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
