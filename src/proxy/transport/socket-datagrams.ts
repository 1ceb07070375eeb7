import { createSocket, type Socket, type SocketOptions } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type {
  DatagramHandler,
  DatagramPeer,
  DatagramPort,
  DatagramTransport,
  PeerHandler,
} from './datagrams.ts';
import type { Address } from './transport.ts';

/** Beyond this, what a socket is given to send is dropped: the kernel takes no more for now. */
const MAX_QUEUED_BYTES = 4 * 1024 * 1024;

/** Creates a transport on the sockets of Node. */
export function createSocketDatagrams(): DatagramTransport {
  return { bind, connect };
}

async function bind({ host, port }: Address, handler: DatagramHandler): Promise<DatagramPort> {
  const socket = createSocket({ ...optionsOf(host), reusePort: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address: host, port }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  socket.on('error', (error) => handler.onError(error));
  socket.on('message', (bytes, { address, port: from }) => handler.onDatagram(bytes, address, from));
  const bound = socket.address();
  return {
    address: bound.address,
    port: bound.port,
    send(bytes, address, to) {
      if (socket.getSendQueueSize() < MAX_QUEUED_BYTES) socket.send(bytes, to, address);
    },
    close: () => void socket.close(),
  };
}

function connect({ host, port }: Address, handler: PeerHandler): DatagramPeer {
  const socket = createSocket(optionsOf(host));
  const peer = new Peer(socket, handler);
  socket.connect(port, host);
  return peer;
}

class Peer implements DatagramPeer {
  readonly #socket: Socket;
  #isClosed = false;

  constructor(socket: Socket, handler: PeerHandler) {
    this.#socket = socket;
    socket.on('connect', () => {
      if (!this.#isClosed) handler.onConnect();
    });
    socket.on('message', (bytes) => {
      if (!this.#isClosed) handler.onDatagram(bytes);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!this.#isClosed) handler.onError(error.code ?? error.message);
    });
  }

  send(bytes: Buffer): void {
    if (this.#socket.getSendQueueSize() < MAX_QUEUED_BYTES) this.#socket.send(bytes);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // One that never came to be has nothing to close, and says so.
    try {
      this.#socket.close();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_DGRAM_NOT_RUNNING') throw error;
    }
  }
}

type Lookup = NonNullable<SocketOptions['lookup']>;

/** Names are resolved above: what comes here is an address, and needs no turn of the event loop. */
const LITERAL: Lookup = (host, _options, callback) => callback(null, host, isIPv6(host) ? 6 : 4);

function optionsOf(host: string): SocketOptions {
  return { type: isIPv6(host) ? 'udp6' : 'udp4', lookup: LITERAL };
}
