import type { TlsClient, VariableSource } from '../../lib/variables/source.ts';
import type { ClientAuthPolicy } from '../../model/policy.ts';

/** What a host with client certificates says of them, by lower-case name; nobody else may say it in its place. */
export const CERTIFICATE_HEADERS = [
  'ssl-client-cert',
  'ssl-client-verify',
  'ssl-client-subject-dn',
  'ssl-client-issuer-dn',
] as const;

export type CertificateHeader = (typeof CERTIFICATE_HEADERS)[number];

/** What the client showed when it was asked as a host with that policy asks; undefined: it was not. */
export function clientAskedBy(
  { id }: ClientAuthPolicy,
  { connection: { client } }: VariableSource,
): TlsClient | undefined {
  return client?.authId === id ? client : undefined;
}

/** Value of one of the headers; empty: it is not sent. */
export function certificateHeader(
  policy: ClientAuthPolicy,
  name: CertificateHeader,
  request: VariableSource,
): string {
  const client = clientAskedBy(policy, request);
  switch (name) {
    case 'ssl-client-cert':
      return (policy.isCertificatePassed ? client?.certificate?.escaped : undefined) ?? '';
    case 'ssl-client-verify':
      return client?.verification ?? (request.connectionScheme === 'https' ? 'NONE' : '');
    case 'ssl-client-subject-dn':
      return client?.certificate?.subject ?? '';
    case 'ssl-client-issuer-dn':
      return client?.certificate?.issuer ?? '';
  }
}
