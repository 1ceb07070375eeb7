import type { ProxiedConnection } from '../message/connection-info.ts';
import type { Connection, ConnectionHandler } from '../transport/transport.ts';
import { ClientHelloReader, isTlsByte } from './client-hello.ts';
import { parseProxyHeader } from './proxy-protocol.ts';

/** What has to be known about a connection before its bytes are handed on. */
export interface PreambleNeeds {
  /** A PROXY protocol header comes first. */
  readonly isProxyHeaderNeeded: boolean;
  /** TLS is spoken here: the first byte tells whether it really is, and the hello for which name. */
  readonly isTls: boolean;
}

/** What begins behind the PROXY header: TLS with its server name (undefined: none, or no hello at all), or something else. */
export type Beginning =
  | { readonly kind: 'tls'; readonly serverName: string | undefined }
  | { readonly kind: 'plain' };

export interface PreambleOwner {
  /** A PROXY header was needed and is there; undefined: it says LOCAL or UNKNOWN. What else is needed may still be missing. */
  onProxyHeader(proxied: ProxiedConnection | undefined): void;
  onBeginning(beginning: Beginning): void;
  onGone(): void;
}

const PLAIN: Beginning = { kind: 'plain' };

/**
 * Reads what comes before HTTP or the TLS handshake, however it is cut into packets; whatever is behind the PROXY header goes back
 * into the connection, the hello included. Calls `onBeginning` once, or closes the connection when it ends early, and resets it when its
 * PROXY header is malformed. How long that may take is the caller's matter.
 */
export class Preamble implements ConnectionHandler {
  readonly #needs: PreambleNeeds;
  readonly #owner: PreambleOwner;
  #bytes: Buffer | undefined = undefined;
  #isProxyHeaderNeeded: boolean;
  #hello: ClientHelloReader | undefined = undefined;

  constructor(needs: PreambleNeeds, owner: PreambleOwner) {
    this.#needs = needs;
    this.#owner = owner;
    this.#isProxyHeaderNeeded = needs.isProxyHeaderNeeded;
  }

  onData(connection: Connection, bytes: Buffer, start: number, end: number): void {
    const chunk = bytes.subarray(start, end);
    if (this.#bytes !== undefined) this.#bytes = Buffer.concat([this.#bytes, chunk]);
    else this.#bytes = connection.areBytesGiven ? chunk : Buffer.from(chunk);
    if (this.#isProxyHeaderNeeded && !this.#takeProxyHeader(connection)) return;
    const beginning = this.#needs.isTls ? this.#readBeginning() : PLAIN;
    if (beginning === undefined) return;
    const unused = this.#bytes;
    this.#bytes = undefined;
    if (unused !== undefined) connection.unread(unused);
    this.#owner.onBeginning(beginning);
  }

  onEnd(connection: Connection): void {
    connection.destroy();
  }

  onDrain(): void {}

  onClose(): void {
    this.#owner.onGone();
  }

  /** False while the header is incomplete, and after a malformed one. */
  #takeProxyHeader(connection: Connection): boolean {
    const bytes = this.#bytes!;
    const result = parseProxyHeader(bytes);
    if (result.kind === 'malformed') connection.reset();
    if (result.kind !== 'parsed') return false;
    this.#isProxyHeaderNeeded = false;
    this.#bytes = result.length === bytes.length ? undefined : bytes.subarray(result.length);
    this.#owner.onProxyHeader(result.connection);
    return !connection.isClosed;
  }

  /** Undefined while too little of it is there. */
  #readBeginning(): Beginning | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined) return undefined;
    if (!isTlsByte(bytes[0]!)) return PLAIN;
    this.#hello ??= new ClientHelloReader();
    const hello = this.#hello.read(bytes);
    if (hello.kind === 'incomplete') return undefined;
    return { kind: 'tls', serverName: hello.kind === 'hello' ? hello.serverName : undefined };
  }
}
