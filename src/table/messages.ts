import type { CertificateEntry, HostEntry, TlsEntry, UpstreamEndpoints, UpstreamEntry } from './table.ts';
import type { Listener, Stream } from '../model/ports.ts';
import type { DataPlaneSettings } from './settings.ts';
import type { StapleEntry } from './staple.ts';
import type { CounterRoom } from './counter-room.ts';

/** What changes from the generation a worker has acknowledged to the next; the first one changes everything. */
export interface TableDelta {
  readonly generation: number;
  readonly hosts: Change<HostEntry>;
  readonly upstreams: Change<UpstreamEntry>;
  readonly certificates: Change<CertificateEntry>;
  /** Undefined: as before. */
  readonly staples?: Change<StapleEntry>;
  /** Undefined: as before. */
  readonly listeners?: readonly Listener[];
  readonly streams?: readonly Stream[];
  readonly tls?: TlsEntry;
  readonly settings?: DataPlaneSettings;
}

/** Entries to add or replace, and names or ids to forget. */
export interface Change<T> {
  readonly set: readonly T[];
  readonly removed: readonly string[];
}

/** Some of what the next table sets. */
export interface TablePart {
  readonly hosts: readonly HostEntry[];
  readonly upstreams: readonly UpstreamEntry[];
  readonly certificates: readonly CertificateEntry[];
}

/** Main thread to worker. Every message that changes something is acknowledged with its `sequence`. */
export type ToWorker =
  /** Goes ahead of a table that sets much: it is kept until that comes, and is not acknowledged. */
  | {
      readonly kind: 'table-part';
      readonly part: TablePart;
      readonly endpoints: readonly UpstreamEndpoints[];
    }
  | {
      readonly kind: 'table';
      readonly sequence: number;
      readonly delta: TableDelta;
      readonly endpoints: readonly UpstreamEndpoints[];
    }
  | {
      readonly kind: 'endpoints';
      readonly sequence: number;
      readonly endpoints: readonly UpstreamEndpoints[];
    }
  /**
   * From now on bind what the table says, and accept; sent when the first table was acknowledged. `ports` are those that another worker was
   * given where the table says 0; sent again when there are more.
   */
  | { readonly kind: 'listen'; readonly ports: ReadonlyMap<string, number> }
  /** Stop accepting; answered by `unlistened`. */
  | { readonly kind: 'unlisten' }
  /** Open the files of logs anew: they were moved away (SIGUSR1). */
  | { readonly kind: 'reopen-logs' }
  /** Answer `Connection: close` from now on, then end when idle or at the deadline. */
  | { readonly kind: 'drain'; readonly timeoutMs: number };

export type FromWorker =
  | { readonly kind: 'started' }
  | {
      readonly kind: 'acknowledged';
      readonly sequence: number;
      readonly generation: number;
      readonly tookMs: number;
    }
  /** The table could not be linked: the last good one keeps serving. */
  | {
      readonly kind: 'rejected';
      readonly sequence: number;
      readonly generation: number;
      readonly message: string;
    }
  | { readonly kind: 'listening'; readonly name: string; readonly address: string; readonly port: number }
  | {
      readonly kind: 'listen-failed';
      readonly name: string;
      readonly of: Listener['kind'];
      readonly message: string;
    }
  /** A table names the listener no longer: its port is closed. */
  | { readonly kind: 'closed'; readonly name: string }
  /** Answers `listen`: each of its ports was bound or told as failed. */
  | { readonly kind: 'accepting' }
  /** Its ports are closed, its connections go on. */
  | { readonly kind: 'unlistened' }
  /** A metric series got a slot in this worker's arena (observe/metrics). */
  | { readonly kind: 'series'; readonly slot: number; readonly labels: readonly string[] }
  /** Slots of Ingresses that are gone count for nobody until they are given out again. */
  | { readonly kind: 'series-gone'; readonly slots: readonly number[] }
  /** Active checks took an endpoint out of rotation, or, without a problem, brought it back. */
  | {
      readonly kind: 'checked';
      readonly upstreamId: string;
      readonly endpoint: string;
      readonly problem: string | undefined;
    }
  | { readonly kind: 'fault'; readonly message: string; readonly stack: string }
  | { readonly kind: 'drained'; readonly connectionsCut: number };

/** `workerData` of a worker thread. */
export interface WorkerStart {
  readonly role: 'serin-worker';
  readonly index: number;
  /** Counters of this worker, laid out by observe/metrics; none where none are reported. */
  readonly metrics: SharedArrayBuffer | undefined;
  /** Where it shows that its event loop turns (table/heartbeat). */
  readonly heartbeat: SharedArrayBuffer;
  readonly bodies: BodyRoom;
  readonly counters: CounterRoom;
}

/** What workers may hold request bodies in. */
export interface BodyRoom {
  /** Memory of one worker. */
  readonly memoryBytes: number;
  /** Folder of the temporary files. */
  readonly directory: string;
  /** What all workers together may have there; 0: nothing. */
  readonly spoolBytes: number;
  /** Blocks that each worker has there: one 32-bit number each. */
  readonly spooledBlocks: SharedArrayBuffer;
}
