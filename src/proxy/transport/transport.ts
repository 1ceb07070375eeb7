import type { RedactedBytes } from '../../lib/redacted-bytes.ts';
/**
 * The one seam between what speaks on connections and the sockets below. Nothing above it names a socket: bytes are lent, text holds one
 * byte per character, and a head and its body leave in one message. Another socket layer can stand in below.
 */
export interface Transport {
  /** Binds and accepts until closed. Ports are shared with other workers (SO_REUSEPORT). Rejects when the address cannot be bound. */
  listen(address: Address, options: ListenOptions): Promise<Listener>;
  /** Begins to connect and returns at once; `onConnect` or `onClose` follows. How long that may take is the caller's matter. */
  connect(address: Address, tls: TlsClientContext | undefined, handler: ConnectionHandler): Connection;
  /** What handshakes as the server begin with. Throws what OpenSSL has against the options. */
  createServerContext(options: TlsServerOptions): TlsServerContext;
  /** What handshakes as the client begin with; they resume the session of one before. Throws as well. */
  createClientContext(options: TlsClientOptions): TlsClientContext;
}

export interface Address {
  /** An IP literal: names are resolved above. */
  readonly host: string;
  readonly port: number;
}

export interface ListenOptions {
  /** Longest queue of connections not accepted yet; the kernel has a ceiling of its own. */
  readonly backlog: number;
  /**
   * Is given every connection as soon as it stands, before any byte was read: sets its handler, or destroys it. Those that are to speak
   * TLS come in the same way: whoever has seen their hello starts it with `startTls`, or hands the bytes on as they are.
   */
  accept(connection: Connection): void;
  /** Accepting failed; the listener goes on. */
  onFault(error: Error): void;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  /** Stops accepting; connections that are open stay. Resolves when the port is closed. */
  close(): Promise<void>;
}

/**
 * Why a connection is over: `closed` by us or because both sides ended, else the errno's name or the TLS library's, with `tls:` before it
 * where the connection stood and the handshake failed.
 */
export type CloseReason = 'closed' | (string & {});

/**
 * Whose connection it is. The callbacks of a connection run one after another and are never nested: nothing that is called on a
 * connection calls its handler before it has returned.
 */
export interface ConnectionHandler {
  /** What `connect` began can be used, the handshake included. */
  onConnect?(connection: Connection): void;
  /** The bytes are the transport's and valid until return, unless the connection's `areBytesGiven`: use or copy them. */
  onData(connection: Connection, bytes: Buffer, start: number, end: number): void;
  /** The peer has sent its last byte. Node's sockets also take TLS that was cut without close_notify for an end. */
  onEnd(connection: Connection): void;
  /** After a `write` that answered false: all of it has left. */
  onDrain(connection: Connection): void;
  /** The handshake that `startTls` began is done. */
  onSecure?(connection: Connection): void;
  /**
   * Nothing that is written leaves any more. On what `connect` made, what the peer said before is still brought, and its end
   * (RFC 9112 §9.5); other connections close.
   */
  onWriteFailed?(connection: Connection, why: CloseReason): void;
  /** The last call, exactly once, for every connection that was given out. */
  onClose(connection: Connection, why: CloseReason): void;
}

/** Who counts a connection, whoever handles it. */
export interface ConnectionHolder {
  /** After the handler's `onClose`. */
  onConnectionClosed(connection: Connection): void;
}

export interface Connection {
  /** Addresses are IP literals; IPv4-mapped IPv6 is written as IPv4. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Undefined on plain TCP, and before the handshake is done. Made anew with every call. */
  readonly tls: TlsFacts | undefined;
  /** Whether what is brought stays as it is for whoever keeps it. */
  readonly areBytesGiven: boolean;
  /** Set while a long message is being read: its bytes may then pass on to another connection without being copied. */
  isMuchExpected: boolean;
  /** May be changed at any time: the next callback goes to the new one. */
  handler: ConnectionHandler;
  holder: ConnectionHolder | undefined;
  /** Whether it is of no use any more; `onClose` may still be due. */
  readonly isClosed: boolean;

  /**
   * Sends `text` and then `bytes[start..end)`, either of which may be empty, as one message. The bytes are only lent: what does not leave
   * at once is copied, unless `isKept` says that they stay as they are until nothing is held. False: `onDrain` follows once. A
   * failure is told by `onClose`, later.
   */
  write(text: string, bytes?: Buffer, start?: number, end?: number, isKept?: boolean): boolean;
  /** Whether bytes that were written as kept are still needed. */
  readonly areKeptNeeded: boolean;
  /** Gathers what is written until `uncork`, which sends it as one message and answers as `write` does. */
  cork(): void;
  uncork(): boolean;
  /** How much of what was written has not left. */
  readonly held: number;

  /** No `onData` until `resume`. That the peer is gone may be told as late as that. */
  pause(): void;
  resume(): void;
  /** Gives bytes of `onData` back: they are brought once more, before anything else, when the present call is over and the connection is not paused. */
  unread(bytes: Buffer, start?: number, end?: number): void;

  /**
   * Begins a handshake as the server; bytes that were given back are part of it. `onSecure` tells that it is done, and what is brought
   * and written from then on is what TLS carries. One that fails closes the connection.
   * @param protocols offered by ALPN, in order of preference
   */
  startTls(context: TlsServerContext, protocols: readonly string[]): void;

  /** Ends our half after all that was written (TLS: close_notify, then FIN). Reading goes on; when both halves ended it closes. */
  end(): void;
  /** Closes both ways at once and forgets what is held. */
  destroy(): void;
  /** `destroy` that tells the peer that the message is cut: with RST on plain TCP, without close_notify over TLS. */
  reset(): void;
}

/** Opaque; made once per certificate and settings, replaced, never changed. Belongs to the transport that made it. */
export interface TlsServerContext {
  readonly kind: 'tls-server';
}

export interface TlsServerOptions {
  /** PEM; undefined: handshakes fail. */
  readonly certificate: string | undefined;
  readonly key: RedactedBytes | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  /** An OpenSSL list; that of TLS 1.3 is left as it is unless the list names some of it. */
  readonly ciphers: string;
  /** Whether the order of the list decides, not that of the client. */
  readonly isCipherOrderOurs: boolean;
  /** `auto` or an OpenSSL list. */
  readonly ecdhCurve: string;
  /** PEM; undefined: no DHE suite of TLS 1.2. */
  readonly dhParameters?: string;
  readonly sessionTimeoutMs: number;
  /** Encrypts session tickets; undefined: none are given out or taken. */
  readonly ticketKey: Buffer | undefined;
  /** What a client that asks is told of the certificate, by the authority (OCSP); absent: nobody is told. */
  readonly staple?: () => Uint8Array | undefined;
  /** A session resumes only under the text that it began under. */
  readonly sessionScope: string;
  /** Asks for a client certificate; what is to follow from it is the caller's matter. */
  readonly clientCa?: string;
  /** Certificates that are revoked; then there must be a list for every CA of a chain. */
  readonly clientCrl?: string;
}

/** Opaque, as those of servers. */
export interface TlsClientContext {
  readonly kind: 'tls-client';
}

export interface TlsClientOptions {
  /** PEM; what the client shows when it is asked. */
  readonly certificate: string | undefined;
  readonly key: RedactedBytes | undefined;
  /** PEM of the authorities that servers are believed by; undefined: the well-known ones. */
  readonly ca: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers: string | undefined;
  /** Name in the hello; undefined: none is sent. */
  readonly serverName: string | undefined;
  /** Name that the certificate has to carry, and how many intermediates it may have; undefined: any certificate will do. */
  readonly verified: { readonly name: string; readonly depth: number } | undefined;
  /** Offered by ALPN, in order of preference. */
  readonly protocols: readonly string[];
}

export interface TlsFacts {
  /** As sent; undefined: none was. */
  readonly serverName: string | undefined;
  readonly alpn: string | undefined;
  /** `TLSv1.3` */
  readonly protocol: string;
  readonly cipher: string;
  readonly isResumed: boolean;
  /** `none`: it sent none; `ok`; else OpenSSL's name for what is wrong. */
  readonly clientVerification: string;
  /** Certificates between that one and its root. */
  readonly clientIntermediates: number;
  /** DER. */
  readonly clientCertificate: Buffer | undefined;
}
