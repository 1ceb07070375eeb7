import type { Timers } from '../../lib/timer-wheel.ts';
import type { Stream } from '../../model/ports.ts';
import type { StreamCounters } from '../../observe/sinks.ts';
import type { StreamKind } from '../../observe/stream-kinds.ts';
import type { StreamLog } from '../../observe/stream-log.ts';
import type { StreamSettings } from '../../table/settings.ts';
import type { DatagramTransport } from '../transport/datagrams.ts';
import type { Transport } from '../transport/transport.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** A session, as far as a worker that ends wants something of it. */
export interface OpenSession {
  /** Nothing can be said to its ends: it goes on until they end it, or time is over. */
  startDraining(): void;
  destroy(): void;
}

/** What sessions of one worker share. */
export interface StreamContext {
  readonly transport: Pick<Transport, 'connect'>;
  readonly datagrams: DatagramTransport;
  readonly timers: Timers;
  readonly log: StreamLog;
  counters(kind: StreamKind): StreamCounters;
  /** Of the table in force. */
  settings(): StreamSettings;
  streams(): readonly Stream[];
  /** Name of the host in the table that a server name belongs to. */
  hostOf(serverName: string): string;
  upstreamOf(id: string): Upstream;
  /** From then to then a drain waits for it. */
  entered(session: OpenSession): void;
  left(session: OpenSession): void;
  /** Milliseconds since the epoch; fractions allowed. */
  readonly now: () => number;
}
