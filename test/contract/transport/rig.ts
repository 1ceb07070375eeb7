import { redactBytes } from '../../../src/lib/redacted-bytes.ts';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type ConnectionOptions } from 'node:tls';
import type {
  Connection,
  ConnectionHandler,
  Listener,
  TlsClientOptions,
  TlsServerContext,
  TlsServerOptions,
  Transport,
} from '../../../src/proxy/transport/transport.ts';
import { DEFAULT_SETTINGS } from '../../../src/table/settings.ts';
import { makeAuthority, makeCertificate } from '../../fixtures/certificates.ts';
import { Recorder } from './recorder.ts';

export const authority = makeAuthority();
export const certificate = makeCertificate(['a.test'], { issuer: authority });

/** A connection of the transport under test, and the plain Node socket at its other end. */
export interface Pair {
  readonly connection: Connection;
  readonly recorder: Recorder;
  readonly peer: Socket;
}

/** How a connection came to be: by accepting or connecting, with or without TLS. */
export const KINDS = ['accepted', 'connected', 'accepted over TLS', 'connected over TLS'] as const;
export type Kind = (typeof KINDS)[number];

const LOOPBACK = { host: '127.0.0.1', port: 0 };

export function serverOptions(change: Partial<TlsServerOptions> = {}): TlsServerOptions {
  const { minVersion, maxVersion, ciphers, ecdhCurve, sessionTimeoutMs } = DEFAULT_SETTINGS.tls;
  return {
    certificate: certificate.certificate,
    key: redactBytes(Buffer.from(certificate.key)),
    minVersion,
    maxVersion,
    ciphers,
    isCipherOrderOurs: true,
    ecdhCurve,
    sessionTimeoutMs,
    ticketKey: undefined,
    sessionScope: '',
    ...change,
  };
}

export function clientOptions(change: Partial<TlsClientOptions> = {}): TlsClientOptions {
  return {
    certificate: undefined,
    key: undefined,
    ca: authority.certificate,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: undefined,
    serverName: 'a.test',
    verified: { name: 'a.test', depth: 1 },
    protocols: ['http/1.1'],
    ...change,
  };
}

/** Opens what a test needs; `close` ends all of it. */
export class Rig {
  readonly transport: Transport;
  readonly #listeners: Listener[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets: Socket[] = [];
  readonly #connections: Connection[] = [];

  constructor(transport: Transport) {
    this.transport = transport;
  }

  /** Listens; answers the port. */
  async listen(accept: (connection: Connection) => void, host = '127.0.0.1'): Promise<number> {
    const listener = await this.transport.listen(
      { host, port: 0 },
      {
        backlog: 511,
        accept: (connection) => {
          this.#connections.push(connection);
          accept(connection);
        },
        onFault: (error) => {
          throw error;
        },
      },
    );
    this.#listeners.push(listener);
    return listener.port;
  }

  connect(port: number, handler: ConnectionHandler, tls?: TlsClientOptions): Connection {
    const context = tls === undefined ? undefined : this.transport.createClientContext(tls);
    const connection = this.transport.connect({ ...LOOPBACK, port }, context, handler);
    this.#connections.push(connection);
    return connection;
  }

  /** A Node socket that is connected; half-open allowed, errors of no account. */
  async socket(port: number, tls?: ConnectionOptions, host = '127.0.0.1'): Promise<Socket> {
    const options = { host, port, allowHalfOpen: true, noDelay: true };
    const socket =
      tls === undefined
        ? connectTcp(options)
        : connectTls({ ca: authority.certificate, servername: 'a.test', ...tls, ...options });
    this.keep(socket);
    await once(socket, tls === undefined ? 'connect' : 'secureConnect');
    return socket;
  }

  /** A server of Node's; answers its port. */
  async server(onConnection: (socket: Socket) => void, isTls = false): Promise<number> {
    const accept = (socket: Socket): void => {
      this.keep(socket);
      onConnection(socket);
    };
    const options = { allowHalfOpen: true, noDelay: true };
    const server = isTls
      ? createTlsServer({ ...options, cert: certificate.certificate, key: certificate.key }, accept)
      : createServer(options, accept);
    this.#servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  keep(socket: Socket): void {
    this.#sockets.push(socket);
    socket.on('error', () => {});
  }

  /** Both ends of a connection. */
  async pair(kind: Kind): Promise<Pair> {
    const isTls = kind.endsWith('TLS');
    return kind.startsWith('accepted') ? this.#accepted(isTls) : this.#connected(isTls);
  }

  async close(): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    for (const socket of this.#sockets) socket.destroy();
    for (const listener of this.#listeners) await listener.close();
    for (const server of this.#servers) server.close();
  }

  async #accepted(isTls: boolean): Promise<Pair> {
    const recorder = new Recorder();
    const context = isTls ? this.transport.createServerContext(serverOptions()) : undefined;
    const accepted = Promise.withResolvers<Connection>();
    const port = await this.listen((connection) => {
      connection.handler = context === undefined ? recorder : startsTls(context, recorder);
      if (context === undefined) accepted.resolve(connection);
      recorder.act = (name, secure) => {
        if (name === 'secure') accepted.resolve(secure);
      };
    });
    const peer = await this.socket(port, isTls ? {} : undefined);
    const connection = await accepted.promise;
    recorder.events.length = 0;
    return { connection, recorder, peer };
  }

  async #connected(isTls: boolean): Promise<Pair> {
    const recorder = new Recorder();
    const accepted = Promise.withResolvers<Socket>();
    const port = await this.server(accepted.resolve, isTls);
    const connection = this.connect(port, recorder, isTls ? clientOptions() : undefined);
    const peer = await accepted.promise;
    await recorder.until(() => recorder.count('connect') === 1);
    recorder.events.length = 0;
    return { connection, recorder, peer };
  }
}

/** Begins TLS with the first bytes, whatever they are; `handler` gets the rest. */
export function startsTls(
  context: TlsServerContext,
  handler: ConnectionHandler,
  protocols: readonly string[] = ['http/1.1'],
): ConnectionHandler {
  return {
    onData(connection, bytes, start, end) {
      connection.handler = handler;
      connection.unread(Buffer.from(bytes.subarray(start, end)));
      connection.startTls(context, protocols);
    },
    onEnd: (connection) => connection.destroy(),
    onDrain() {},
    onClose() {},
  };
}

/** All that a socket brings until its other end has ended; rejects when it is cut. */
export function readToEnd(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.once('end', () => resolve(text));
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
  });
}

/** Resolves with an error's code, or `closed`, when the socket is gone; ends when its peer does. */
export function gone(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let reason = 'closed';
    socket.on('error', (error: NodeJS.ErrnoException) => (reason = error.code ?? error.message));
    socket.once('close', () => resolve(reason));
    socket.once('end', () => socket.end());
    socket.resume();
  });
}
