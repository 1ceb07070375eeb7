import { revealBytes } from '../../lib/redacted-bytes.ts';
import {
  checkServerIdentity,
  createSecureContext,
  type ConnectionOptions,
  type DetailedPeerCertificate,
  type PeerCertificate,
  type TLSSocket,
} from 'node:tls';
import type { TlsClientContext, TlsClientOptions } from './transport.ts';

/** What handshakes with one server have in common, and the session to resume. */
export class ClientContext implements TlsClientContext {
  readonly kind = 'tls-client';
  readonly #common: ConnectionOptions;
  #session: Buffer | undefined = undefined;

  constructor(options: TlsClientOptions) {
    const { verified, serverName, protocols } = options;
    this.#common = {
      secureContext: createSecureContext({
        cert: options.certificate,
        key: options.key && revealBytes(options.key),
        ca: options.ca,
        ciphers: options.ciphers,
        minVersion: options.minVersion,
        maxVersion: options.maxVersion,
      }),
      rejectUnauthorized: verified !== undefined,
      servername: serverName,
      ALPNProtocols: [...protocols],
      ...(verified === undefined
        ? {}
        : {
            checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
              checkServerIdentity(verified.name, certificate) ?? checkDepth(certificate, verified.depth),
          }),
    };
  }

  /** Options of the next handshake. */
  options(): ConnectionOptions {
    return { ...this.#common, session: this.#session };
  }

  /** Remembers the sessions of a connection for the next one. */
  watch(socket: TLSSocket): TLSSocket {
    socket.on('session', (session) => {
      this.#session = session;
    });
    return socket;
  }
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
