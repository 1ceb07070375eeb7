import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { CertificateStore, TlsContext } from './certificate-store.ts';
import { refuseServerName } from './preamble-answers.ts';
import { readServerName } from './server-name.ts';

/** Does TLS handshakes on connections that others accepted. It listens to nothing itself, so nothing has to be closed. */
export interface TlsTerminator<T> {
  /**
   * Begins the handshake. Bytes pushed back into the socket are part of it. The caller destroys the socket if it takes
   * too long; a handshake that fails destroys it here.
   */
  accept(socket: Socket, connection: T): void;
}

/** Protocols offered by ALPN, in order of preference. */
export const ALPN_PROTOCOLS = ['http/1.1'];

/**
 * Creates a terminator. `onSecure` gets each finished handshake with what was given to `accept` along with its socket.
 *
 * The name is read before OpenSSL sees the hello, and its context is the one that the handshake begins with: OpenSSL decides on resuming a
 * session before it asks for the context of a name, so a session that begins under one name would be resumed under any other.
 *
 * Handing a connection to a tls.Server costs the same as having it listen (measured: 360 us of CPU for an ECDSA
 * handshake, client and kernel included, either way): both wrap the handle, no byte passes through a stream.
 */
export function createTlsTerminator<T>(
  store: CertificateStore,
  onSecure: (secure: TLSSocket, connection: T) => void,
): TlsTerminator<T> {
  // The API does not say which socket a handshake belongs to. The ends of a connection are unique while it lasts.
  const inHandshake = new Map<string, { readonly socket: Socket; readonly connection: T }>();
  const servers = new WeakMap<TlsContext, Server>();

  function onSecureConnection(secure: TLSSocket): void {
    const peer = peerOf(secure);
    const accepted = inHandshake.get(peer);
    inHandshake.delete(peer);
    if (accepted === undefined) secure.destroy();
    else onSecure(secure, accepted.connection);
  }

  function serverOf(context: TlsContext): Server {
    let server = servers.get(context);
    if (server === undefined) {
      server = createServer({
        ...context.options,
        ALPNProtocols: ALPN_PROTOCOLS,
        allowHalfOpen: true,
        // The deadline of the whole preamble is the listener's; this one only has to lie behind it.
        handshakeTimeout: 600_000,
      });
      server.on('secureConnection', onSecureConnection);
      server.on('tlsClientError', destroyFailed);
      servers.set(context, server);
    }
    return server;
  }

  return {
    accept(socket, connection) {
      readServerName(socket, (serverName) => {
        if (store.isRefused(serverName)) {
          refuseServerName(socket);
          return;
        }
        const peer = peerOf(socket);
        inHandshake.set(peer, { socket, connection });
        socket.once('close', () => {
          if (inHandshake.get(peer)?.socket === socket) inHandshake.delete(peer);
        });
        serverOf(store.contextFor(serverName)).emit('connection', socket);
      });
    },
  };
}

function destroyFailed(_error: Error, secure: TLSSocket): void {
  secure.destroy();
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}`;
}
