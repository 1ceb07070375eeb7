import { SILENT_METRICS } from '../../../src/observe/silent-metrics.ts';
import type { WorkerMetrics } from '../../../src/observe/sinks.ts';
import type { ConnectionInfo } from '../../../src/proxy/message/connection-info.ts';
import type { Connection } from '../../../src/proxy/transport/transport.ts';

/** What was odd on the wire so far. */
export interface Oddities {
  refusedHeads: number;
  bareLineFeeds: number;
  copiesAnswered?: number;
  copiesFailed?: number;
  copiesDropped?: number;
  /** What connections and streams of HTTP/2 were ended for. */
  http2Ended?: string[];
}

/** Counts nothing but what is odd. */
export function silentMetrics(oddities: Oddities = { refusedHeads: 0, bareLineFeeds: 0 }): WorkerMetrics {
  return {
    ...SILENT_METRICS,
    wire: {
      headRefused: () => void oddities.refusedHeads++,
      bareLineFeeds: () => void oddities.bareLineFeeds++,
    },
    http2: {
      ...SILENT_METRICS.http2,
      ended: (cause, side) =>
        void (oddities.http2Ended ??= []).push(side === 'client' ? cause : `${side} ${cause}`),
    },
    copies: {
      answered: () => void (oddities.copiesAnswered = (oddities.copiesAnswered ?? 0) + 1),
      failed: () => void (oddities.copiesFailed = (oddities.copiesFailed ?? 0) + 1),
      dropped: () => void (oddities.copiesDropped = (oddities.copiesDropped ?? 0) + 1),
    },
  };
}

/** What the listener would say of a plain connection. */
export function connectionInfoOf(connection: Connection, info: Partial<ConnectionInfo> = {}): ConnectionInfo {
  const { remoteAddress, remotePort, localAddress, localPort } = connection;
  return {
    serial: 1,
    listener: 'http',
    scheme: 'http',
    peerAddress: remoteAddress,
    peerPort: remotePort,
    clientAddress: remoteAddress,
    clientPort: remotePort,
    localAddress,
    localPort,
    proxied: undefined,
    proxiedPort: undefined,
    serverName: undefined,
    tlsProtocol: '',
    tlsCipher: '',
    ...info,
  };
}

/** For engines of one route: they have no upstream by name. */
export function unknownUpstream(id: string): never {
  throw new Error(`nobody has an upstream ${id}`);
}
