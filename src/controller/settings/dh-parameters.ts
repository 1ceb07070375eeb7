import { revealBytes, type RedactedBytes } from '../../lib/redacted-bytes.ts';
import { createSecureContext } from 'node:tls';
import asn1 from 'node-forge/lib/asn1.js';
import decoder from 'node-forge/lib/pem.js';
import { parseNamespacedName } from '../../lib/namespaced-name.ts';

/** Data of a Secret, or undefined when missing. */
export type SecretLookUp = (
  namespace: string,
  name: string,
) => ReadonlyMap<string, RedactedBytes> | undefined;

/** Of the Secret, as ingress-nginx has it. */
const DATA_KEY = 'dhparam.pem';

/** The group that ssl-dh-param names as PEM, or what is wrong. */
export type DhParametersRead =
  | { readonly ok: true; readonly pem: string }
  | { readonly ok: false; readonly problem: string };

/** Looks the group up and has OpenSSL judge it. Never throws. */
export function readDhParameters(value: string, secretOf: SecretLookUp): DhParametersRead {
  const ref = parseNamespacedName(value);
  if (ref === undefined) return { ok: false, problem: 'is not namespace/name of a Secret' };
  const data = secretOf(ref.namespace, ref.name);
  if (data === undefined) return { ok: false, problem: 'names a Secret that does not exist' };
  const bytes = data.get(DATA_KEY);
  if (bytes === undefined) return { ok: false, problem: `names a Secret without the key ${DATA_KEY}` };
  const pem = revealBytes(bytes).toString('latin1');
  try {
    // What is no group at all, Node passes over in silence.
    const [block] = decoder.decode(pem);
    asn1.fromDer(block!.body);
    createSecureContext({ dhparam: pem });
    return { ok: true, pem };
  } catch (error) {
    return {
      ok: false,
      problem: `names a Secret whose ${DATA_KEY} is no group (${(error as Error).message})`,
    };
  }
}
