import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import type { CertificateFacts, CertificateModel } from '../../model/model.ts';
import type { SecretObject } from '../store/objects.ts';

export type SecretCertificate =
  | { readonly ok: true; readonly certificate: CertificateModel }
  | { readonly ok: false; readonly problem: string };

/** Reads certificates from Secrets; each Secret object once. */
export interface CertificateReader {
  /** The certificate in `tls.crt` and `tls.key`, or why there is none that can be served. Never throws. */
  read(secret: SecretObject): SecretCertificate;
  /** Whether a certificate with these names is valid for a host: equal, or by a wildcard for its first label. */
  covers(names: readonly string[], host: string): boolean;
}

/** Creates a reader that remembers what it read while the Secret object lives. */
export function createCertificateReader(): CertificateReader {
  const known = new WeakMap<SecretObject, SecretCertificate>();
  return {
    read(secret) {
      let result = known.get(secret);
      if (result === undefined) known.set(secret, (result = readSecret(secret)));
      return result;
    },
    covers: coversHost,
  };
}

export function coversHost(names: readonly string[], host: string): boolean {
  const wanted = host.toLowerCase();
  const dot = wanted.indexOf('.');
  const wildcard = dot > 0 ? `*${wanted.slice(dot)}` : undefined;
  return names.some((name) => {
    const given = name.toLowerCase();
    return given === wanted || (given === wildcard && !wanted.startsWith('*'));
  });
}

function readSecret(secret: SecretObject): SecretCertificate {
  const certificate = textOf(secret, 'tls.crt');
  const key = textOf(secret, 'tls.key');
  if (certificate === undefined) return refuse('has no key tls.crt');
  if (key === undefined) return refuse('has no key tls.key');
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(certificate);
  } catch {
    return refuse('holds no certificate in tls.crt that can be read');
  }
  try {
    if (!leaf.checkPrivateKey(createPrivateKey(key))) {
      return refuse('holds a key in tls.key that is not of the certificate in tls.crt');
    }
  } catch {
    return refuse('holds no private key in tls.key that can be read');
  }
  const id = createHash('sha256').update(certificate).update('\0').update(key).digest('hex').slice(0, 32);
  const { namespace, name } = secret;
  const source = { kind: 'Secret', namespace, name };
  return { ok: true, certificate: { id, certificate, key, source, facts: factsOf(leaf) } };
}

function refuse(problem: string): SecretCertificate {
  return { ok: false, problem };
}

function textOf(secret: SecretObject, key: string): string | undefined {
  const bytes = secret.data.get(key);
  return bytes === undefined || bytes.length === 0 ? undefined : Buffer.from(bytes).toString('latin1');
}

function factsOf(leaf: X509Certificate): CertificateFacts {
  const issuer = attributesOf(leaf.issuer);
  return {
    names: namesOf(leaf),
    notBeforeMs: leaf.validFromDate.getTime(),
    notAfterMs: leaf.validToDate.getTime(),
    serial: leaf.serialNumber,
    issuerCommonName: issuer.get('CN') ?? '',
    issuerOrganization: issuer.get('O') ?? '',
    publicKeyAlgorithm: (leaf.publicKey.asymmetricKeyType ?? '').toUpperCase(),
  };
}

/** DNS names of the certificate; its common name only when it has no alternative names at all. */
function namesOf(leaf: X509Certificate): readonly string[] {
  if (leaf.subjectAltName === undefined) {
    const commonName = attributesOf(leaf.subject).get('CN');
    return commonName === undefined ? [] : [commonName];
  }
  return [...leaf.subjectAltName.matchAll(/(?:^|, )DNS:([^,\s"]+)/g)].map((match) => match[1]!);
}

function attributesOf(distinguishedName: string): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const line of distinguishedName.split('\n')) {
    const equals = line.indexOf('=');
    if (equals > 0) attributes.set(line.slice(0, equals), line.slice(equals + 1));
  }
  return attributes;
}
