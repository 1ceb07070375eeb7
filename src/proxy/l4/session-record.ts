import type { StreamKind } from '../../observe/stream-kinds.ts';
import type { StreamRecord } from '../../observe/stream-log.ts';
import type { Endpoint } from '../upstream/upstream.ts';
import type { StreamClient } from './stream-client.ts';

/** What a session was and carried, for its line in the log. */
export class SessionRecord implements StreamRecord {
  readonly kind: StreamKind;
  readonly upstreamName: string;
  readonly clientAddress: string;
  readonly clientPort: number;
  readonly serverAddress: string;
  readonly serverPort: number;
  readonly serverName: string | undefined;
  readonly proxied: StreamClient['proxied'];
  readonly startedAtMs: number;
  /** Endpoints that were tried, the present one last. */
  readonly tried: Endpoint[] = [];
  status = 200;
  bytesReceived = 0;
  bytesSent = 0;
  upstreamBytesSent = 0;
  upstreamBytesReceived = 0;
  connectMs = -1;
  endedAtMs = 0;

  constructor(
    kind: StreamKind,
    upstreamId: string,
    client: StreamClient,
    serverName: string | undefined,
    startedAtMs: number,
  ) {
    this.kind = kind;
    this.upstreamName = upstreamId.replaceAll(/[/:]/g, '-');
    this.clientAddress = client.address;
    this.clientPort = client.port;
    this.serverAddress = client.localAddress;
    this.serverPort = client.localPort;
    this.serverName = serverName;
    this.proxied = client.proxied;
    this.startedAtMs = startedAtMs;
  }

  get protocol(): 'TCP' | 'UDP' {
    return this.kind === 'udp' ? 'UDP' : 'TCP';
  }

  get endpoints(): readonly string[] {
    return this.tried.map(({ key }) => key);
  }
}
