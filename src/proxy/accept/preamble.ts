import type { Socket } from 'node:net';
import type { ProxiedConnection } from '../message/connection-info.ts';
import { parseProxyHeader } from './proxy-protocol.ts';
import { isTlsByte } from './client-hello.ts';

/** What has to be known about a connection before its bytes are handed on. */
export interface PreambleNeeds {
  /** A PROXY protocol header comes first. */
  readonly isProxyHeaderNeeded: boolean;
  /** TLS is spoken here: the first byte tells whether it really is. */
  readonly isTls: boolean;
}

export interface Preamble {
  /** Undefined: no header was needed, or it says LOCAL or UNKNOWN. */
  readonly proxied: ProxiedConnection | undefined;
  /** True when something other than TLS came in where TLS was due. */
  readonly isPlain: boolean;
}

export interface PreambleHandler {
  /** A PROXY header was needed and is there; what else is needed may still be missing. */
  onProxyHeader(): void;
  onPreamble(preamble: Preamble): void;
}

/**
 * Reads what comes before HTTP or the TLS handshake, however it is cut into packets; what was read too far goes back
 * into the socket. Calls `onPreamble` once, or destroys the socket when it ends early or its PROXY header is malformed.
 * How long that may take is the caller's matter.
 */
export function readPreamble(socket: Socket, needs: PreambleNeeds, handler: PreambleHandler): void {
  const reader = new PreambleReader(socket, needs, handler);
  socket.on('readable', reader.onReadable);
  socket.on('end', reader.onEnd);
}

class PreambleReader {
  readonly #socket: Socket;
  readonly #needs: PreambleNeeds;
  readonly #handler: PreambleHandler;
  #bytes: Buffer | undefined;
  #proxied: ProxiedConnection | undefined;
  #isProxyHeaderNeeded: boolean;

  constructor(socket: Socket, needs: PreambleNeeds, handler: PreambleHandler) {
    this.#socket = socket;
    this.#needs = needs;
    this.#handler = handler;
    this.#isProxyHeaderNeeded = needs.isProxyHeaderNeeded;
  }

  readonly onReadable = (): void => {
    const chunk = this.#socket.read() as Buffer | null;
    if (chunk === null) return;
    this.#bytes = this.#bytes === undefined ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (this.#isProxyHeaderNeeded && !this.#takeProxyHeader()) return;
    this.#readStart();
  };

  readonly onEnd = (): void => {
    this.#socket.destroy();
  };

  /** False while the header is incomplete, and after a malformed one. */
  #takeProxyHeader(): boolean {
    const bytes = this.#bytes!;
    const result = parseProxyHeader(bytes);
    if (result.kind === 'malformed') this.#socket.destroy();
    if (result.kind !== 'parsed') return false;
    this.#isProxyHeaderNeeded = false;
    this.#proxied = result.connection;
    this.#bytes = result.length === bytes.length ? undefined : bytes.subarray(result.length);
    this.#handler.onProxyHeader();
    return true;
  }

  #readStart(): void {
    const bytes = this.#bytes;
    if (!this.#needs.isTls) this.#finish(false);
    else if (bytes !== undefined) this.#finish(!isTlsByte(bytes[0]!));
  }

  #finish(isPlain: boolean): void {
    const socket = this.#socket;
    socket.off('readable', this.onReadable);
    socket.off('end', this.onEnd);
    if (this.#bytes !== undefined) socket.unshift(this.#bytes);
    this.#handler.onPreamble({ proxied: this.#proxied, isPlain });
  }
}
