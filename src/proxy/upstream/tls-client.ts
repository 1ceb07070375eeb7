import type { SocketConstructorOpts } from 'node:net';
import {
  checkServerIdentity,
  createSecureContext,
  type ConnectionOptions,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls';
import type { WireKey } from './wire-key.ts';

/** TLS towards one endpoint: what every handshake has in common, and the session to resume. */
export interface TlsClient {
  options(
    host: string,
    port: number,
    onread: NonNullable<SocketConstructorOpts['onread']>,
  ): ConnectionOptions;
  /** Remembers the sessions of a connection for the next one. */
  watch(socket: TLSSocket): TLSSocket;
}

/** Name that ingress-nginx verifies when none is configured (docs/reference/annotations.md §3.8): no certificate carries it. */
const UNNAMED = 'upstream_balancer';

/** Creates the client side of a wire's TLS; without policy the certificate is not verified and no name is sent. */
export function createTlsClient({ wire, tls: policy, serverName }: WireKey): TlsClient {
  const isVerified = policy?.isVerified ?? false;
  const name = policy?.serverName ?? UNNAMED;
  const depth = policy?.verifyDepth ?? 1;
  const common: ConnectionOptions = {
    secureContext: createSecureContext({
      cert: policy?.certificate,
      key: policy?.key,
      ca: policy?.ca,
      ciphers: policy?.ciphers,
      minVersion: policy?.minVersion ?? 'TLSv1.2',
      maxVersion: policy?.maxVersion ?? 'TLSv1.3',
    }),
    rejectUnauthorized: isVerified,
    servername: serverName,
    ALPNProtocols: [wire === 'h2' ? 'h2' : 'http/1.1'],
    checkServerIdentity: (_host, certificate) =>
      checkServerIdentity(name, certificate) ?? checkDepth(certificate, depth),
  };
  let session: Buffer | undefined;
  return {
    // `onread` reaches the socket (Node documents it for tls.connect); the type of the options leaves it out.
    options: (host, port, onread) =>
      ({ ...common, session, host, port, allowHalfOpen: true, onread }) as ConnectionOptions,
    watch(socket) {
      socket.on('session', (fresh) => {
        session = fresh;
      });
      socket.setNoDelay(true);
      return socket;
    },
  };
}

/** As OpenSSL counts: intermediates between the certificate and its trust anchor. */
function checkDepth(certificate: PeerCertificate, depth: number): Error | undefined {
  let intermediates = -1;
  let current = certificate as DetailedPeerCertificate | undefined;
  while (current?.issuerCertificate !== undefined && current.issuerCertificate !== current) {
    current = current.issuerCertificate;
    intermediates++;
  }
  return intermediates > depth ? new Error(`certificate chain is deeper than ${depth}`) : undefined;
}
