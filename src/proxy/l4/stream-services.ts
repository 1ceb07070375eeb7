import type { Listener, Stream } from '../../model/ports.ts';
import type { Connection } from '../transport/transport.ts';
import type { StreamClient } from './stream-client.ts';
import type { StreamContext } from './stream-context.ts';
import { StreamIndex } from './stream-index.ts';
import { TcpSession } from './tcp-session.ts';
import { UdpPort } from './udp-port.ts';
import type { UdpSession } from './udp-session.ts';
import { UdpSessions } from './udp-sessions.ts';

/** What carries bytes and datagrams on, of the table in force. */
export interface StreamServices {
  /** Whether there is anywhere to go from a TCP or UDP port: without endpoints it is closed (docs/reference/routing.md §13). */
  isServed(listener: Listener): boolean;
  /** Whether connections of a TCP port begin with a PROXY header. */
  isProxyHeaderRead(listener: string): boolean;
  /** Takes over a connection of a TCP port. */
  takeTcp(listener: string, connection: Connection, client: StreamClient): void;
  /** Takes over a TLS connection whose hello was given back, where its name is passed through; false: it is not. */
  takePassthrough(serverName: string | undefined, connection: Connection, client: StreamClient): boolean;
  /** Rejects when it cannot be bound. */
  openUdp(listener: Listener, onFault: (error: Error) => void): Promise<UdpPort>;
}

export function createStreamServices(context: StreamContext): StreamServices {
  let streams: readonly Stream[] | undefined;
  let index = new StreamIndex([]);
  const sessions = new UdpSessions<UdpSession>();

  function current(): StreamIndex {
    const now = context.streams();
    if (now !== streams) {
      streams = now;
      index = new StreamIndex(now);
    }
    return index;
  }

  return {
    isServed({ kind, name }) {
      const stream = kind === 'udp' ? current().udp(name) : current().tcp(name);
      return stream !== undefined && context.upstreamOf(stream.upstreamId).hasEndpoints();
    },
    isProxyHeaderRead: (listener) => current().tcp(listener)?.isProxyProtocolRead === true,
    takeTcp(listener, connection, client) {
      const stream = current().tcp(listener);
      if (stream === undefined) {
        connection.reset();
        return;
      }
      const { upstreamId, isProxyProtocolSent: isProxyHeaderSent } = stream;
      const options = { kind: 'tcp', upstreamId, isProxyHeaderSent, serverName: undefined } as const;
      new TcpSession(connection, client, options, context).start();
    },
    takePassthrough(serverName, connection, client) {
      if (serverName === undefined) return false;
      const name = toHostName(serverName);
      const stream = current().passthrough(name);
      // A name of a wildcard may be a host of its own, whose TLS ends here.
      if (stream === undefined || context.hostOf(name) !== stream.serverName) return false;
      const { upstreamId, isProxyProtocolSent: isProxyHeaderSent } = stream;
      const options = { kind: 'passthrough', upstreamId, isProxyHeaderSent, serverName: name } as const;
      new TcpSession(connection, client, options, context).start();
      return true;
    },
    async openUdp(listener, onFault) {
      const { name } = listener;
      const port = new UdpPort(
        { name, sessions, upstreamId: () => current().udp(name)?.upstreamId, onFault },
        context,
      );
      await port.bind(listener);
      return port;
    },
  };
}

function toHostName(serverName: string): string {
  const lower = serverName.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}
