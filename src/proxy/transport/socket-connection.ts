import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { toIPv4Number } from '../../lib/ipv4-number.ts';
import type { HandshakeOwner, Handshakes } from './handshakes.ts';
import type { ServerContext } from './server-context.ts';
import { tlsFactsOf } from './tls-facts.ts';
import type {
  Connection,
  ConnectionHandler,
  ConnectionHolder,
  TlsFacts,
  TlsServerContext,
} from './transport.ts';

/** Which connection a socket belongs to: listeners are shared by all sockets, and none of them keeps a closure alive. */
const CONNECTION = Symbol('connection');
type OwnedSocket = Socket & { [CONNECTION]: SocketConnection };

/** Handles what nobody has taken over. */
const NOBODY: ConnectionHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** A connection on a socket of Node's. */
export class SocketConnection implements Connection, HandshakeOwner {
  /** Node makes a buffer for every read and keeps none. */
  readonly areBytesGiven = true;
  handler: ConnectionHandler = NOBODY;
  holder: ConnectionHolder | undefined = undefined;
  #socket: OwnedSocket;
  readonly #handshakes: Handshakes;
  #secure: TLSSocket | undefined = undefined;
  #isPaused = false;
  /** Given back, and on its way to the handler; the socket rests meanwhile. */
  #unread: Buffer | undefined = undefined;
  #failure: Error | undefined = undefined;

  /** `socket` must allow half-open; nothing comes in before `begin`. */
  constructor(socket: Socket, handshakes: Handshakes) {
    this.#socket = own(socket, this);
    this.#handshakes = handshakes;
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  get remoteAddress(): string {
    return toPlainAddress(this.#socket.remoteAddress ?? '');
  }

  get remotePort(): number {
    return this.#socket.remotePort ?? 0;
  }

  get localAddress(): string {
    return toPlainAddress(this.#socket.localAddress ?? '');
  }

  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  get tls(): TlsFacts | undefined {
    return this.#secure === undefined ? undefined : tlsFactsOf(this.#secure);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  get held(): number {
    return this.#socket.writableLength;
  }

  /** Has bytes come in. */
  begin(): void {
    const socket = this.#socket;
    socket.on('end', onEnd);
    socket.on('drain', onDrain);
    socket.on('data', onData);
    if (this.#isPaused) socket.pause();
  }

  write(text: string, bytes?: Buffer, start = 0, end = 0, isKept = false): boolean {
    const socket = this.#socket;
    if (start === end) return text === '' || socket.write(text, 'latin1');
    const part = bytes!.subarray(start, end);
    const own = isKept ? part : Buffer.from(part);
    if (text === '') return socket.write(own);
    socket.cork();
    socket.write(text, 'latin1');
    socket.write(own);
    socket.uncork();
    return !socket.writableNeedDrain;
  }

  cork(): void {
    this.#socket.cork();
  }

  uncork(): boolean {
    this.#socket.uncork();
    return !this.#socket.writableNeedDrain;
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#unread === undefined) this.#socket.resume();
    else process.nextTick(bringUnread, this);
  }

  unread(bytes: Buffer): void {
    this.#unread = bytes;
    this.#socket.pause();
    process.nextTick(bringUnread, this);
  }

  /** Only for `bringUnread`. */
  bringUnread(): void {
    const bytes = this.#unread;
    if (bytes === undefined || this.#isPaused || this.isClosed) return;
    this.#unread = undefined;
    this.handler.onData(this, bytes, 0, bytes.length);
    if (!this.#isPaused && this.#unread === undefined) this.#socket.resume();
  }

  startTls(context: TlsServerContext, protocols: readonly string[]): void {
    const socket = this.#socket;
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('drain', onDrain);
    socket.pause();
    if (this.#unread !== undefined) socket.unshift(this.#unread);
    this.#unread = undefined;
    this.#handshakes.begin((context as ServerContext).serverFor(protocols), socket, this);
  }

  /** What TLS carries on the socket takes the socket's place. */
  onSecure(secure: TLSSocket): void {
    this.#socket.off('close', onClose);
    this.#socket = own(secure, this);
    this.#secure = secure;
    secure.on('error', onError);
    secure.on('close', onClose);
    this.handler.onSecure!(this);
    this.begin();
  }

  onHandshakeFailed(error: Error): void {
    this.#failure ??= error;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  reset(): void {
    if (this.#secure === undefined) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** Only for the socket's listeners, as those that follow. */
  onSocketData(chunk: Buffer): void {
    this.handler.onData(this, chunk, 0, chunk.length);
  }

  onSocketError(error: Error): void {
    this.#failure ??= error;
  }

  onSocketClosed(): void {
    const failure = this.#failure as NodeJS.ErrnoException | undefined;
    this.#unread = undefined;
    this.handler.onClose(this, failure === undefined ? 'closed' : (failure.code ?? failure.message));
    this.holder?.onConnectionClosed(this);
  }
}

function own(socket: Socket, connection: SocketConnection): OwnedSocket {
  const owned = socket as OwnedSocket;
  owned[CONNECTION] = connection;
  return owned;
}

function onData(this: Socket, chunk: Buffer): void {
  (this as OwnedSocket)[CONNECTION].onSocketData(chunk);
}

function onEnd(this: Socket): void {
  const connection = (this as OwnedSocket)[CONNECTION];
  connection.handler.onEnd(connection);
}

function onDrain(this: Socket): void {
  const connection = (this as OwnedSocket)[CONNECTION];
  connection.handler.onDrain(connection);
}

function onError(this: Socket, error: Error): void {
  (this as OwnedSocket)[CONNECTION].onSocketError(error);
}

function onClose(this: Socket): void {
  (this as OwnedSocket)[CONNECTION].onSocketClosed();
}

function bringUnread(connection: SocketConnection): void {
  connection.bringUnread();
}

/** Sockets of `::` name IPv4 peers `::ffff:192.0.2.1`. */
function toPlainAddress(address: string): string {
  const isMapped = address.startsWith('::ffff:') && toIPv4Number(address) >= 0;
  return isMapped ? address.slice('::ffff:'.length) : address;
}
