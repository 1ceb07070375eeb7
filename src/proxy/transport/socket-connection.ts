import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { toIPv4Number } from '../../lib/ipv4-number.ts';
import type { HandshakeOwner, Handshakes } from './handshakes.ts';
import type { Borrower, ReadBuffers } from './read-buffers.ts';
import type { ServerContext } from './server-context.ts';
import { tlsFactsOf } from './tls-facts.ts';
import type {
  CloseReason,
  Connection,
  ConnectionHandler,
  ConnectionHolder,
  TlsFacts,
  TlsServerContext,
} from './transport.ts';
import { outliveWriteFailures } from './write-failures.ts';

/** What the connections of a transport share. */
export interface ConnectionServices {
  readonly handshakes: Handshakes;
  readonly buffers: ReadBuffers;
}

/** Which connection a socket belongs to: listeners are shared by all sockets, and none of them keeps a closure alive. */
const CONNECTION = Symbol('connection');
type OwnedSocket = Socket & { [CONNECTION]: SocketConnection };

/** Handles what nobody has taken over. */
const NOBODY: ConnectionHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/** A connection on a socket of Node's. */
export class SocketConnection implements Connection, HandshakeOwner, Borrower {
  readonly areBytesGiven: boolean;
  isMuchExpected = false;
  handler: ConnectionHandler = NOBODY;
  holder: ConnectionHolder | undefined = undefined;
  #socket: OwnedSocket;
  readonly #services: ConnectionServices;
  #secure: TLSSocket | undefined = undefined;
  /** Set while a connection that `connect` made cannot be used yet. */
  #isConnecting: 'tcp' | 'tls' | undefined = undefined;
  #isPaused = false;
  /** Whether something was held before what is being written now. */
  #wasBusy = false;
  /** Given back, and on its way to the handler; the socket rests meanwhile. */
  #unread: Buffer | undefined = undefined;
  /** Set when the peer's end came before that was brought again. */
  #isEndDue = false;
  #failure: Error | undefined = undefined;

  /** `socket` must allow half-open; nothing comes in before `begin` or `awaitConnect`. */
  constructor(socket: Socket, services: ConnectionServices, areBytesGiven: boolean) {
    this.#socket = own(socket, this);
    this.#services = services;
    this.areBytesGiven = areBytesGiven;
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
    const secure = this.#secure;
    return secure === undefined || this.#isConnecting !== undefined ? undefined : tlsFactsOf(secure);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  get held(): number {
    return this.#socket.writableLength;
  }

  get areKeptNeeded(): boolean {
    return this.#socket.writableLength > 0 && this.holdsBorrowed();
  }

  /** Of a socket that is being connected, with what it reads going elsewhere. */
  awaitConnect(handler: ConnectionHandler, secure: TLSSocket | undefined): void {
    const socket = this.#socket;
    this.handler = handler;
    this.#secure = secure;
    this.#isConnecting = secure === undefined ? 'tcp' : 'tls';
    outliveWriteFailures(socket, onWriteFailed);
    socket.once(secure === undefined ? 'connect' : 'secureConnect', onConnect);
    socket.on('drain', onDrain);
    socket.on('end', onEnd);
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
    if (socket.writableCorked === 0) this.#wasBusy = socket.writableLength > 0;
    const part = bytes!.subarray(start, end);
    const held = isKept || this.#services.buffers.borrow(part, this) ? part : Buffer.from(part);
    if (text === '') return socket.write(held);
    socket.cork();
    socket.write(text, 'latin1');
    socket.write(held);
    socket.uncork();
    return !socket.writableNeedDrain;
  }

  cork(): void {
    const socket = this.#socket;
    if (socket.writableCorked === 0) this.#wasBusy = socket.writableLength > 0;
    socket.cork();
  }

  uncork(): boolean {
    this.#socket.uncork();
    return !this.#socket.writableNeedDrain;
  }

  holdsBorrowed(): boolean {
    const socket = this.#socket;
    if (this.#secure === undefined) return socket.writableLength > 0;
    // TLS says later that it took them, and has encrypted or copied them by now, unless they wait for what came before.
    return this.#wasBusy || socket.writableCorked > 0;
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

  unread(bytes: Buffer, start = 0, end = bytes.length): void {
    const rest = bytes.subarray(start, end);
    this.#unread = this.areBytesGiven ? rest : Buffer.from(rest);
    this.#socket.pause();
    process.nextTick(bringUnread, this);
  }

  /** Only for `bringUnread`. */
  bringUnread(): void {
    const bytes = this.#unread;
    if (bytes === undefined || this.#isPaused || this.isClosed) return;
    this.#unread = undefined;
    this.handler.onData(this, bytes, 0, bytes.length);
    if (this.#unread !== undefined) return;
    if (!this.#isPaused) this.#socket.resume();
    if (this.#isEndDue && !this.isClosed) this.onSocketEnd();
  }

  startTls(context: TlsServerContext, protocols: readonly string[]): void {
    const socket = this.#socket;
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('drain', onDrain);
    socket.pause();
    if (this.#unread !== undefined) socket.unshift(this.#unread);
    this.#unread = undefined;
    this.#services.handshakes.begin((context as ServerContext).serverFor(protocols), socket, this);
  }

  /** What TLS carries on the socket takes the socket's place. */
  onSecure(secure: TLSSocket): void {
    this.#socket.off('close', onClose);
    this.#socket = own(secure, this);
    this.#secure = secure;
    secure.on('error', onError);
    secure.on('close', onClose);
    this.handler.onSecure?.(this);
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

  /** Of a buffer that others read into next. */
  onSocketBytes(buffer: Buffer, length: number): void {
    if (this.#unread === undefined && !this.#isPaused) {
      this.handler.onData(this, buffer, 0, length);
      return;
    }
    // TLS goes on with what it has decrypted, though the socket rests.
    const bytes = buffer.subarray(0, length);
    this.#unread = this.#unread === undefined ? Buffer.from(bytes) : Buffer.concat([this.#unread, bytes]);
  }

  onSocketEnd(): void {
    // A stream that is paused by the last of its data ends nevertheless.
    this.#isEndDue = this.#unread !== undefined;
    if (!this.#isEndDue) this.handler.onEnd(this);
  }

  onSocketError(error: Error): void {
    this.#failure ??= error;
  }

  onSocketConnected(): void {
    this.#isConnecting = undefined;
    this.handler.onConnect?.(this);
  }

  onSocketWriteFailed(error: Error): void {
    this.handler.onWriteFailed?.(this, reasonOf(error));
  }

  onSocketClosed(): void {
    this.#unread = undefined;
    this.handler.onClose(this, this.#closeReason());
    this.holder?.onConnectionClosed(this);
    // V8 keeps what belongs to a handle of Node's until it collects its old memory: nothing more than that is to wait for it.
    this.handler = NOBODY;
    this.holder = undefined;
  }

  #closeReason(): CloseReason {
    const failure = this.#failure as NodeJS.ErrnoException | undefined;
    const reason = failure === undefined ? 'closed' : reasonOf(failure);
    return this.#isConnecting === 'tls' && failure?.syscall !== 'connect' ? `tls:${reason}` : reason;
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
  (this as OwnedSocket)[CONNECTION].onSocketEnd();
}

function onDrain(this: Socket): void {
  const connection = (this as OwnedSocket)[CONNECTION];
  connection.handler.onDrain(connection);
}

function onConnect(this: Socket): void {
  (this as OwnedSocket)[CONNECTION].onSocketConnected();
}

function onWriteFailed(socket: Socket, error: Error): void {
  (socket as OwnedSocket)[CONNECTION].onSocketWriteFailed(error);
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

function reasonOf(error: NodeJS.ErrnoException): CloseReason {
  return error.code ?? error.message;
}

/** Sockets of `::` name IPv4 peers `::ffff:192.0.2.1`. */
function toPlainAddress(address: string): string {
  const isMapped = address.startsWith('::ffff:') && toIPv4Number(address) >= 0;
  return isMapped ? address.slice('::ffff:'.length) : address;
}
