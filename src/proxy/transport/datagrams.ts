import type { Address, CloseReason } from './transport.ts';

/** The seam to sockets for datagrams. What is brought is the receiver's to keep, and what is sent stays as it is until it has left. */
export interface DatagramTransport {
  /**
   * Binds. Ports are shared with other workers (SO_REUSEPORT): what comes from one address and port comes to the same worker, as long as
   * none comes or goes. Rejects when the address cannot be bound.
   */
  bind(address: Address, handler: DatagramHandler): Promise<DatagramPort>;
  /** A socket that sends to one peer and hears of no other; `onConnect` or `onError` follows. */
  connect(address: Address, handler: PeerHandler): DatagramPeer;
}

export interface DatagramHandler {
  /** The address is as the socket names it: give it back to `send` as it is. */
  onDatagram(bytes: Buffer, address: string, port: number): void;
  /** Something could not be sent or received; the port goes on. */
  onError(error: Error): void;
}

export interface DatagramPort {
  readonly address: string;
  readonly port: number;
  send(bytes: Buffer, address: string, port: number): void;
  close(): void;
}

export interface PeerHandler {
  /** It can be sent to. */
  onConnect(): void;
  onDatagram(bytes: Buffer): void;
  /** Nobody listens there, or it cannot be reached: `ECONNREFUSED`. */
  onError(why: CloseReason): void;
}

export interface DatagramPeer {
  /** Only after `onConnect`. */
  send(bytes: Buffer): void;
  /** After what was sent; nothing is told any more. */
  close(): void;
}
