import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { toIPv4Number } from '../../lib/ipv4-number.ts';
import type { ListenerSpec } from '../../table/messages.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import { clientAddressOf } from '../exchange/client-address.ts';
import type { ConnectionLimits } from './connection-limits.ts';
import { answerPlainOnTls } from './preamble-answers.ts';
import { type Preamble, type PreambleHandler, readPreamble } from './preamble.ts';
import type { ConnectionInfo, ProxiedConnection } from '../message/connection-info.ts';
import type { TlsTerminator } from './terminator.ts';

/** What accepted connections of one listener share. */
export interface AcceptContext {
  readonly spec: ListenerSpec;
  readonly limits: ConnectionLimits;
  /** Only of a TLS listener. */
  readonly terminator: TlsTerminator<Accepted> | undefined;
  /** Whether PROXY headers of this peer are believed. */
  isTrusted(peerAddress: string): boolean;
  serve(socket: Socket, info: ConnectionInfo): void;
  onClosed(): void;
  readonly now: () => number;
  /** Number of the next connection. */
  nextSerial(): number;
}

/**
 * A connection from the moment it was accepted until it is ready for HTTP: PROXY header, connection ceilings, TLS
 * handshake, each with its deadline. Holds its place in the limits until the socket closes.
 */
export class Accepted implements PreambleHandler {
  readonly #socket: Socket;
  readonly #settings: DataPlaneSettings;
  readonly #context: AcceptContext;
  readonly #peerAddress: string;
  #clientAddress: string;
  #clientPort: number;
  #proxied: ProxiedConnection | undefined;
  #isAddressCounted = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(socket: Socket, peerAddress: string, settings: DataPlaneSettings, context: AcceptContext) {
    this.#socket = socket;
    this.#settings = settings;
    this.#context = context;
    this.#peerAddress = toPlainAddress(peerAddress);
    this.#clientAddress = this.#peerAddress;
    this.#clientPort = socket.remotePort ?? 0;
  }

  /** Begins with the first step; everything after follows from events of the socket. */
  start(): void {
    const socket = this.#socket;
    const { isTls } = this.#context.spec;
    const isProxyHeaderNeeded = this.#settings.isProxyProtocolUsed;
    // Until the engine takes over, an error only means that the connection is gone.
    socket.on('error', ignore);
    socket.once('close', this.#onClose);
    if (!isProxyHeaderNeeded && !this.#enterAddress()) return;
    if (!isTls && !isProxyHeaderNeeded) {
      this.#serve(socket, undefined);
      return;
    }
    this.#startDeadline(
      isProxyHeaderNeeded ? this.#settings.proxyProtocolTimeoutMs : this.#settings.headerTimeoutMs,
    );
    readPreamble(socket, { isProxyHeaderNeeded, isTls }, this);
  }

  onProxyHeader(): void {
    clearTimeout(this.#deadline);
    if (this.#context.spec.isTls) this.#startDeadline(this.#settings.headerTimeoutMs);
  }

  onPreamble({ proxied, isPlain }: Preamble): void {
    const socket = this.#socket;
    const { spec, terminator, now, isTrusted } = this.#context;
    if (proxied !== undefined) {
      const ends = { peerAddress: this.#peerAddress, proxied };
      this.#proxied = proxied;
      this.#clientAddress = clientAddressOf(ends, undefined, this.#settings, isTrusted);
      if (this.#clientAddress === proxied.sourceAddress) this.#clientPort = proxied.sourcePort;
    }
    if (!this.#isAddressCounted && !this.#enterAddress()) return;
    if (!spec.isTls) {
      this.#serve(socket, undefined);
    } else if (isPlain) {
      clearTimeout(this.#deadline);
      answerPlainOnTls(socket, now());
    } else {
      terminator!.accept(socket, this);
    }
  }

  /** The handshake is done. */
  onSecure(secure: TLSSocket): void {
    clearTimeout(this.#deadline);
    this.#serve(secure, secure);
  }

  #serve(socket: Socket, secure: TLSSocket | undefined): void {
    const { spec, serve, nextSerial } = this.#context;
    serve(socket, {
      serial: nextSerial(),
      listener: spec.name,
      scheme: secure === undefined ? 'http' : 'https',
      peerAddress: this.#peerAddress,
      peerPort: this.#socket.remotePort ?? 0,
      clientAddress: this.#clientAddress,
      clientPort: this.#clientPort,
      localAddress: toPlainAddress(this.#socket.localAddress ?? ''),
      localPort: this.#socket.localPort ?? spec.port,
      proxied: this.#proxied,
      proxiedPort: this.#proxied?.destinationPort,
      serverName: secure?.servername || undefined,
      tlsProtocol: secure?.getProtocol() ?? '',
      tlsCipher: secure?.getCipher().name ?? '',
    });
  }

  #enterAddress(): boolean {
    this.#isAddressCounted = this.#context.limits.enterAddress(
      this.#clientAddress,
      this.#settings.maxConnectionsPerAddress,
    );
    if (!this.#isAddressCounted) this.#socket.destroy();
    return this.#isAddressCounted;
  }

  #startDeadline(timeoutMs: number): void {
    this.#deadline = setTimeout(() => this.#socket.destroy(), timeoutMs);
  }

  readonly #onClose = (): void => {
    clearTimeout(this.#deadline);
    if (this.#isAddressCounted) this.#context.limits.leaveAddress(this.#clientAddress);
    this.#context.limits.leave();
    this.#context.onClosed();
  };
}

/** Sockets of `::` name IPv4 peers `::ffff:192.0.2.1`. */
function toPlainAddress(address: string): string {
  const isMapped = address.startsWith('::ffff:') && toIPv4Number(address) >= 0;
  return isMapped ? address.slice('::ffff:'.length) : address;
}

function ignore(): void {}
