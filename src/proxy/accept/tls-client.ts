import type { TlsClient } from '../../lib/variables/source.ts';
import { ClientCertificate } from '../../lib/client-certificate.ts';
import { isIssuerUnknown, textOfVerifyError } from '../../lib/verify-errors.ts';
import type { ClientAuthPolicy, HostCiphers } from '../../model/policy.ts';
import type { TlsFacts } from '../transport/transport.ts';

/** What a handshake was about, as the table had it then. */
export interface Handshake {
  /** Host that the server name belongs to; undefined: to none. */
  readonly hostName: string | undefined;
  /** What it asked the client for; undefined: nothing. */
  readonly clientAuth: ClientAuthPolicy | undefined;
  /** Undefined: those of all hosts, in our order. */
  readonly ciphers: HostCiphers | undefined;
}

/** What is known of the client when the handshake is done. */
export function toTlsClient({ hostName, clientAuth }: Handshake, facts: TlsFacts): TlsClient {
  const { clientCertificate, clientVerification, clientIntermediates } = facts;
  if (clientAuth === undefined || clientCertificate === undefined) {
    const authId = clientAuth?.id;
    return { hostName, authId, verification: 'NONE', isIssuerUnknown: false, certificate: undefined };
  }
  const isTooLong = clientVerification === 'ok' && clientIntermediates > clientAuth.depth;
  const problem = isTooLong ? 'CERT_CHAIN_TOO_LONG' : clientVerification;
  return {
    hostName,
    authId: clientAuth.id,
    verification: problem === 'ok' ? 'SUCCESS' : `FAILED:${textOfVerifyError(problem)}`,
    isIssuerUnknown: isIssuerUnknown(problem),
    certificate: new ClientCertificate(clientCertificate),
  };
}
