import { revealBytes } from '../../lib/redacted-bytes.ts';
import { createHash } from 'node:crypto';
import { isSameItems, Remembered } from '../../lib/remembered.ts';
import type { CertificateModel } from '../../model/model.ts';
import type { SecretObject } from '../store/objects.ts';
import { coversHost } from './covers-host.ts';
import { type ParsedCertificate, parseCertificate } from './parse-certificate.ts';

export type SecretCertificate =
  | { readonly ok: true; readonly certificate: CertificateModel }
  | { readonly ok: false; readonly problem: string };

/** Reads certificates from Secrets, each content once. */
export interface CertificateReader {
  /** The certificate in `tls.crt` and `tls.key`, or why there is none that can be served. Never throws. */
  read(secret: SecretObject): SecretCertificate;
  /** Whether a certificate with these names is valid for a host. */
  covers(names: readonly string[], host: string): boolean;
}

/** Far more than a cluster has; the one read longest ago goes. */
const MAX_KNOWN = 20_000;

/**
 * Creates a reader with an empty memory. An unchanged Secret object costs a look-up, one that came anew with the same
 * content (a relist) a digest, and only a new content is parsed (0.3 ms).
 */
export function createCertificateReader(): CertificateReader {
  const bySecret = new Remembered<SecretObject, SecretCertificate>(new WeakMap(), isSameItems);
  const byContent = new Map<string, ParsedCertificate>();
  const parseOnce = (id: string, secret: SecretObject): ParsedCertificate => {
    const parsed = byContent.get(id) ?? parseCertificate(secret.data);
    // Deleted and set again it stands last: the first key of a Map is the one that was read longest ago.
    byContent.delete(id);
    byContent.set(id, parsed);
    if (byContent.size > MAX_KNOWN) byContent.delete(byContent.keys().next().value!);
    return parsed;
  };
  return {
    read: (secret) =>
      bySecret.of(secret, [], () => {
        const id = digestOf(secret);
        return withSource(id, secret, parseOnce(id, secret));
      }),
    covers: coversHost,
  };
}

function withSource(
  id: string,
  { namespace, name }: SecretObject,
  parsed: ParsedCertificate,
): SecretCertificate {
  if (!parsed.ok) return parsed;
  const { certificate, key, facts } = parsed;
  const source = { kind: 'Secret', namespace, name };
  return { ok: true, certificate: { id, certificate, key, facts, source } };
}

const NOTHING = new Uint8Array();

function digestOf({ data }: SecretObject): string {
  const hash = createHash('sha256');
  for (const name of ['tls.crt', 'tls.key']) {
    const value = data.get(name);
    const bytes = value === undefined ? NOTHING : revealBytes(value);
    hash.update(`${name}:${bytes.length}:`).update(bytes);
  }
  return hash.digest('hex').slice(0, 32);
}
