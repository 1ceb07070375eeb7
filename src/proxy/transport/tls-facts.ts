import type { TLSSocket } from 'node:tls';
import type { TlsFacts } from './transport.ts';

/** What a finished handshake says. */
export function tlsFactsOf(secure: TLSSocket): TlsFacts {
  const certificate = secure.getPeerX509Certificate();
  return {
    serverName: secure.servername || undefined,
    alpn: secure.alpnProtocol || undefined,
    protocol: secure.getProtocol() ?? '',
    cipher: secure.getCipher().name,
    isResumed: secure.isSessionReused(),
    clientVerification:
      certificate === undefined ? 'none' : secure.authorized ? 'ok' : String(secure.authorizationError),
    clientCertificate: certificate?.raw,
  };
}
