import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';

/** Who waits for a handshake. */
export interface HandshakeOwner {
  onSecure(secure: TLSSocket): void;
  /** The socket is being closed on account of it. */
  onHandshakeFailed(error: Error): void;
}

interface Waiting {
  readonly socket: Socket;
  readonly owner: HandshakeOwner;
}

/**
 * Handshakes on connections that others accepted. They are done by servers that listen to nothing. Handing a connection to a tls.Server
 * costs the same as having it listen (measured: 360 us of CPU for an ECDSA handshake, client and kernel included, either way): both wrap
 * the handle, no byte passes through a stream.
 */
export class Handshakes {
  /** The API does not say which socket a handshake belongs to. The ends of a connection are unique while it lasts. */
  readonly #waiting = new Map<string, Waiting>();

  /** Has a server's handshakes told to who began them. */
  watch(server: Server): void {
    server.on('secureConnection', this.#onSecure);
    server.on('tlsClientError', this.#onFailed);
  }

  /** Begins one with bytes that were pushed back into the socket, and those that come. One that fails destroys the socket. */
  begin(server: Server, socket: Socket, owner: HandshakeOwner): void {
    const ends = endsOf(socket);
    this.#waiting.set(ends, { socket, owner });
    socket.once('close', () => {
      if (this.#waiting.get(ends)?.socket === socket) this.#waiting.delete(ends);
    });
    server.emit('connection', socket);
  }

  readonly #onSecure = (secure: TLSSocket): void => {
    const waiting = this.#take(endsOf(secure));
    if (waiting === undefined) secure.destroy();
    else waiting.owner.onSecure(secure);
  };

  readonly #onFailed = (error: Error, secure: TLSSocket): void => {
    this.#take(endsOf(secure))?.owner.onHandshakeFailed(error);
    secure.destroy();
  };

  #take(ends: string): Waiting | undefined {
    const waiting = this.#waiting.get(ends);
    this.#waiting.delete(ends);
    return waiting;
  }
}

function endsOf(socket: Socket): string {
  return `${socket.remoteAddress}|${socket.remotePort}|${socket.localAddress}|${socket.localPort}`;
}
