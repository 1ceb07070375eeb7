import { createServer, type AddressInfo, type Server } from 'node:net';
import { Handshakes } from './handshakes.ts';
import { ServerContext } from './server-context.ts';
import { SocketConnection } from './socket-connection.ts';
import type { Address, Listener, ListenOptions, Transport } from './transport.ts';

/** Creates a transport on the sockets of Node. */
export function createSocketTransport(): Transport {
  const handshakes = new Handshakes();
  return {
    listen: (address, options) => listen(address, options, handshakes),
    createServerContext: (options) => new ServerContext(options, handshakes),
  };
}

async function listen(
  { host, port }: Address,
  options: ListenOptions,
  handshakes: Handshakes,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const connection = new SocketConnection(socket, handshakes);
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
