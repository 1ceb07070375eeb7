import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createTlsClient } from './tls-client.ts';
import type { Endpoint } from './upstream.ts';
import type { WireKey } from './wire-key.ts';

/** Where a socket reads into, and whom it tells. */
export interface SocketReader {
  readonly buffer: () => Buffer;
  readonly callback: (length: number, buffer: Uint8Array) => boolean;
}

/** Opens sockets to one endpoint, in one way. */
export interface Connector {
  /** Event that says that a socket can be written to. */
  readonly connectedEvent: 'connect' | 'secureConnect';
  connect(reader: SocketReader): Socket;
}

export function createConnector({ address, port }: Endpoint, key: WireKey): Connector {
  if (!key.isTls) {
    return {
      connectedEvent: 'connect',
      connect: (onread) => connectTcp({ host: address, port, noDelay: true, allowHalfOpen: true, onread }),
    };
  }
  const tls = createTlsClient(key);
  return {
    connectedEvent: 'secureConnect',
    connect: (onread) => tls.watch(connectTls(tls.options(address, port, onread))),
  };
}
