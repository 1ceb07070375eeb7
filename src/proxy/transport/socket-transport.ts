import { connect as connectTcp, createServer, type AddressInfo, type Server } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { ClientContext } from './client-context.ts';
import { Handshakes } from './handshakes.ts';
import { ReadBuffers } from './read-buffers.ts';
import { ServerContext } from './server-context.ts';
import { type ConnectionServices, SocketConnection } from './socket-connection.ts';
import { SocketReader } from './socket-reader.ts';
import type {
  Address,
  Connection,
  ConnectionHandler,
  Listener,
  ListenOptions,
  TlsClientContext,
  Transport,
} from './transport.ts';

/** Creates a transport on the sockets of Node. */
export function createSocketTransport(): Transport {
  const services: ConnectionServices = { handshakes: new Handshakes(), buffers: new ReadBuffers() };
  return {
    listen: (address, options) => listen(address, options, services),
    connect: (address, tls, handler) => connect(address, tls, handler, services),
    createServerContext: (options) => new ServerContext(options, services.handshakes),
    createClientContext: (options) => new ClientContext(options),
  };
}

function connect(
  { host, port }: Address,
  tls: TlsClientContext | undefined,
  handler: ConnectionHandler,
  services: ConnectionServices,
): Connection {
  const reader = new SocketReader(services.buffers);
  const context = tls as ClientContext | undefined;
  const target = { host, port, noDelay: true, allowHalfOpen: true, onread: reader.onread };
  // `onread` reaches the socket (Node documents it for tls.connect); the type of the options leaves it out.
  const secure = context?.watch(connectTls({ ...context.options(), ...target } as ConnectionOptions));
  const connection = new SocketConnection(secure ?? connectTcp(target), services, false);
  reader.connection = connection;
  connection.awaitConnect(handler, secure);
  return connection;
}

async function listen(
  { host, port }: Address,
  options: ListenOptions,
  services: ConnectionServices,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    // Node makes a buffer for every read of such a socket and keeps none.
    const connection = new SocketConnection(socket, services, true);
    // Without address it is gone already.
    if (socket.remoteAddress === undefined) {
      connection.destroy();
      return;
    }
    options.accept(connection);
    connection.begin();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: options.backlog, reusePort: true, ipv6Only: false }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  server.on('error', (error) => options.onFault(error));
  const bound = server.address() as AddressInfo;
  return { address: bound.address, port: bound.port, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  // `close` calls back when the last connection has ended, too late: it stops listening at once.
  return new Promise((resolve) => {
    server.close();
    setImmediate(resolve);
  });
}
