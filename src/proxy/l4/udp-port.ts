import { canonicalAddress } from '../../lib/address-text.ts';
import type { Address } from '../transport/transport.ts';
import type { DatagramHandler, DatagramPort } from '../transport/datagrams.ts';
import type { StreamContext } from './stream-context.ts';
import { UdpSession, type UdpSessionOwner } from './udp-session.ts';

import type { UdpSessions } from './udp-sessions.ts';

export interface UdpPortOptions {
  /** Name of the listener. */
  readonly name: string;
  /** Where the next session goes; undefined: nowhere. */
  upstreamId(): string | undefined;
  readonly sessions: UdpSessions<UdpSession>;
  /** The port could not receive or send; it goes on. */
  onFault(error: Error): void;
}

/** How long a port that closes for good waits for answers that are under way, and how often it looks. */
const SETTLE_MS = 1_000;
const LOOK_MS = 20;

/** A UDP port of a worker, and the sessions of its clients. */
export class UdpPort implements DatagramHandler, UdpSessionOwner {
  readonly #options: UdpPortOptions;
  readonly #context: StreamContext;
  #port: DatagramPort | undefined = undefined;
  #open = 0;

  constructor(options: UdpPortOptions, context: StreamContext) {
    this.#options = options;
    this.#context = context;
  }

  get address(): string {
    return this.#port!.address;
  }

  get port(): number {
    return this.#port!.port;
  }

  async bind(address: Address): Promise<void> {
    this.#port = await this.#context.datagrams.bind(address, this);
  }

  onDatagram(bytes: Buffer, address: string, port: number): void {
    const { name, sessions } = this.#options;
    const key = `${name} ${address} ${port}`;
    const known = sessions.hear(key);
    if (known !== undefined) {
      known.take(bytes);
      return;
    }
    const upstreamId = this.#options.upstreamId();
    if (upstreamId === undefined || this.#port === undefined) return;
    const origin = {
      address: canonicalAddress(address),
      port,
      localAddress: this.#port.address,
      localPort: this.#port.port,
      proxied: undefined,
    };
    const session = new UdpSession({ key, address, port }, origin, upstreamId, this, this.#context);
    sessions.add(key, session);
    this.#open++;
    session.start();
    session.take(bytes);
  }

  reply({ client }: UdpSession, bytes: Buffer): void {
    this.#port?.send(bytes, client.address, client.port);
  }

  onOver({ client }: UdpSession): void {
    this.#options.sessions.remove(client.key);
    this.#open--;
  }

  onError(error: Error): void {
    this.#options.onFault(error);
  }

  /** Closes it; with `mayWait` once what is under way was answered, or soon. Sessions end with it. */
  async close(mayWait: boolean): Promise<void> {
    const longestMs = mayWait ? SETTLE_MS : 0;
    for (let waitedMs = 0; this.#open > 0 && waitedMs < longestMs; waitedMs += LOOK_MS)
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    for (const session of [...this.#options.sessions.values()]) if (session.owner === this) session.end(200);
    this.#port?.close();
    this.#port = undefined;
  }
}
