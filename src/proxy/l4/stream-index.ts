import type { Stream } from '../../model/ports.ts';

export type TcpStream = Extract<Stream, { kind: 'tcp' }>;
export type UdpStream = Extract<Stream, { kind: 'udp' }>;
export type PassthroughStream = Extract<Stream, { kind: 'passthrough' }>;

/** The streams of a table, by what leads to them. */
export class StreamIndex {
  readonly #tcp = new Map<string, TcpStream>();
  readonly #udp = new Map<string, UdpStream>();
  readonly #passthrough = new Map<string, PassthroughStream>();

  constructor(streams: readonly Stream[]) {
    for (const stream of streams) {
      if (stream.kind === 'tcp') this.#tcp.set(stream.listener, stream);
      else if (stream.kind === 'udp') this.#udp.set(stream.listener, stream);
      else this.#passthrough.set(stream.serverName, stream);
    }
  }

  tcp(listener: string): TcpStream | undefined {
    return this.#tcp.get(listener);
  }

  udp(listener: string): UdpStream | undefined {
    return this.#udp.get(listener);
  }

  /** For a server name in lower case without final dot: its own, else that of its wildcard. */
  passthrough(serverName: string): PassthroughStream | undefined {
    if (this.#passthrough.size === 0) return undefined;
    const own = this.#passthrough.get(serverName);
    if (own !== undefined) return own;
    const dot = serverName.indexOf('.');
    return dot <= 0 ? undefined : this.#passthrough.get(`*${serverName.slice(dot)}`);
  }
}
