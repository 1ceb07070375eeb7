import type { Timers } from '../../lib/timer-wheel.ts';
import type { DataPlaneSettings } from '../../table/settings.ts';
import type { ReadBuffers } from '../upstream/read-buffers.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

/** What a connection needs of the pool it lives in. */
export interface ConnectionHome {
  readonly timers: Timers;
  readonly buffers: ReadBuffers;
  readonly settings: DataPlaneSettings;
  readonly isClosed: boolean;
  now(): number;
  /** Takes it back for the next request. */
  release(connection: UpstreamConnection): void;
  /** It is closed: forget it. */
  remove(connection: UpstreamConnection): void;
  report(fault: unknown): void;
}
