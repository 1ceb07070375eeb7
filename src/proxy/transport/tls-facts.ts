import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
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
    clientIntermediates: certificate === undefined ? 0 : intermediatesOf(secure.getPeerCertificate(true)),
    clientCertificate: certificate?.raw,
  };
}

/** More than any chain has. */
const CHAIN_MAX = 100;

/** The chain goes on to the root, which is its own issuer, or as far as it is known. */
function intermediatesOf(leaf: DetailedPeerCertificate): number {
  let issuers = 0;
  let certificate: DetailedPeerCertificate | undefined = leaf;
  while (certificate?.issuerCertificate !== undefined && issuers < CHAIN_MAX) {
    if (certificate.issuerCertificate.fingerprint256 === certificate.fingerprint256) break;
    issuers++;
    certificate = certificate.issuerCertificate;
  }
  return Math.max(0, issuers - 1);
}
