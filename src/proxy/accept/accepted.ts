import type { DataPlaneSettings } from '../../table/settings.ts';
import { clientAddressOf } from '../exchange/client-address.ts';
import type { ConnectionInfo, ProxiedConnection } from '../message/connection-info.ts';
import type { StreamClient } from '../l4/stream-client.ts';
import type { StreamServices } from '../l4/stream-services.ts';
import type { Connection, ConnectionHandler, ConnectionHolder } from '../transport/transport.ts';
import type { CertificateStore } from './certificate-store.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { answerPlainOnTls, refuseServerName } from './preamble-answers.ts';
import { toTlsClient, type Handshake } from './tls-client.ts';
import { type Beginning, Preamble, type PreambleOwner } from './preamble.ts';

/* Protocols offered by ALPN, in order of preference. */
const WITH_HTTP2: readonly string[] = ['h2', 'http/1.1'];
const WITHOUT_HTTP2: readonly string[] = ['http/1.1'];

/** What accepted connections of one listener share. */
export interface AcceptContext {
  /** Name of the port it came in by. */
  readonly listener: string;
  readonly isTls: boolean;
  /** Of a TCP port, which leads nowhere else. */
  readonly stream: StreamServices | undefined;
  /** Of a port where names may be passed through. */
  readonly passthrough: StreamServices | undefined;
  readonly limits: ConnectionLimits;
  readonly certificates: CertificateStore;
  /** What the table says of a handshake for that server name. */
  handshakeFor(serverName: string | undefined): Handshake;
  /** Whether PROXY headers of this peer are believed. */
  isTrusted(peerAddress: string): boolean;
  serve(connection: Connection, info: ConnectionInfo): void;
  onClosed(): void;
  readonly now: () => number;
  /** Number of the next connection. */
  nextSerial(): number;
}

/**
 * A connection from the moment it was accepted until it is ready for HTTP: PROXY header, connection ceilings, TLS
 * handshake, each with its deadline. Holds its place in the limits until the connection closes.
 */
export class Accepted implements PreambleOwner, ConnectionHandler, ConnectionHolder {
  readonly #connection: Connection;
  readonly #settings: DataPlaneSettings;
  readonly #context: AcceptContext;
  readonly #peerAddress: string;
  #clientAddress: string;
  #clientPort: number;
  #proxied: ProxiedConnection | undefined = undefined;
  #handshake: Handshake | undefined = undefined;
  #isAddressCounted = false;
  #deadline: NodeJS.Timeout | undefined = undefined;

  constructor(connection: Connection, settings: DataPlaneSettings, context: AcceptContext) {
    this.#connection = connection;
    this.#settings = settings;
    this.#context = context;
    this.#peerAddress = connection.remoteAddress;
    this.#clientAddress = this.#peerAddress;
    this.#clientPort = connection.remotePort;
  }

  /** Begins with the first step; everything after follows from what the connection brings. */
  start(): void {
    const connection = this.#connection;
    const { isTls, stream, listener } = this.#context;
    const { proxyProtocolTimeoutMs, headerTimeoutMs } = this.#settings;
    const isProxyProtocolUsed =
      stream === undefined ? this.#settings.isProxyProtocolUsed : stream.isProxyHeaderRead(listener);
    connection.holder = this;
    if (!isProxyProtocolUsed && !this.#enterAddress()) return;
    if (!isTls && !isProxyProtocolUsed) {
      this.#serve();
      return;
    }
    this.#startDeadline(isProxyProtocolUsed ? proxyProtocolTimeoutMs : headerTimeoutMs);
    connection.handler = new Preamble({ isProxyHeaderNeeded: isProxyProtocolUsed, isTls }, this);
  }

  onProxyHeader(proxied: ProxiedConnection | undefined): void {
    this.#endDeadline();
    if (this.#context.isTls) this.#startDeadline(this.#settings.headerTimeoutMs);
    if (proxied !== undefined) {
      const ends = { peerAddress: this.#peerAddress, proxied };
      this.#proxied = proxied;
      this.#clientAddress = clientAddressOf(ends, undefined, this.#settings, this.#context.isTrusted);
      if (this.#clientAddress === proxied.sourceAddress) this.#clientPort = proxied.sourcePort;
    }
    this.#enterAddress();
  }

  onBeginning(beginning: Beginning): void {
    const connection = this.#connection;
    const { isTls, certificates, now } = this.#context;
    if (!isTls) {
      this.#serve();
    } else if (beginning.kind === 'plain') {
      this.#endDeadline();
      answerPlainOnTls(connection, now());
    } else if (this.#passThrough(beginning.serverName)) {
      this.#endDeadline();
    } else if (certificates.isRefused(beginning.serverName)) {
      this.#endDeadline();
      refuseServerName(connection);
    } else {
      connection.handler = this;
      // OpenSSL decides on resuming a session before it asks for the context of a name, so a session that begins under one name
      // would be resumed under any other: the name is read before, and its context is the one that the handshake begins with.
      const handshake = this.#context.handshakeFor(beginning.serverName);
      this.#handshake = handshake;
      const context = certificates.contextFor(beginning.serverName, handshake.clientAuth, handshake.ciphers);
      connection.startTls(context, this.#settings.isHttp2Used ? WITH_HTTP2 : WITHOUT_HTTP2);
    }
  }

  onGone(): void {
    this.#endDeadline();
  }

  // During the handshake nothing is brought.

  onData(): void {}

  onEnd(): void {}

  onDrain(): void {}

  onSecure(): void {
    this.#endDeadline();
    this.#serve();
  }

  onClose(): void {
    this.#endDeadline();
  }

  onConnectionClosed(): void {
    if (this.#isAddressCounted) this.#context.limits.leaveAddress(this.#clientAddress);
    this.#context.limits.leave();
    this.#context.onClosed();
  }

  /** Whether a stream has taken it, with the hello. */
  #passThrough(serverName: string | undefined): boolean {
    const { passthrough } = this.#context;
    if (passthrough === undefined || serverName === undefined) return false;
    return passthrough.takePassthrough(serverName, this.#connection, this.#streamClient());
  }

  #streamClient(): StreamClient {
    const { localAddress, localPort } = this.#connection;
    return {
      address: this.#clientAddress,
      port: this.#clientPort,
      localAddress,
      localPort,
      proxied: this.#proxied,
    };
  }

  #serve(): void {
    const connection = this.#connection;
    const { listener, serve, stream, nextSerial } = this.#context;
    if (stream !== undefined) {
      this.#endDeadline();
      stream.takeTcp(listener, connection, this.#streamClient());
      return;
    }
    const { tls } = connection;
    serve(connection, {
      serial: nextSerial(),
      listener,
      scheme: tls === undefined ? 'http' : 'https',
      isHttp2: tls?.alpn === 'h2',
      peerAddress: this.#peerAddress,
      peerPort: connection.remotePort,
      clientAddress: this.#clientAddress,
      clientPort: this.#clientPort,
      localAddress: connection.localAddress,
      localPort: connection.localPort,
      proxied: this.#proxied,
      proxiedPort: this.#proxied?.destinationPort,
      serverName: tls?.serverName,
      client: tls === undefined ? undefined : toTlsClient(this.#handshake!, tls),
      tlsProtocol: tls?.protocol ?? '',
      tlsCipher: tls?.cipher ?? '',
    });
  }

  #enterAddress(): boolean {
    this.#isAddressCounted = this.#context.limits.enterAddress(
      this.#clientAddress,
      this.#settings.maxConnectionsPerAddress,
    );
    if (!this.#isAddressCounted) this.#connection.destroy();
    return this.#isAddressCounted;
  }

  #endDeadline(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
  }

  #startDeadline(timeoutMs: number): void {
    this.#deadline = setTimeout(() => this.#connection.destroy(), timeoutMs);
  }
}
