import { FairTurns, type TurnUnits } from '../../lib/fair-turns.ts';
import { BlockBuffer } from './hpack-encoder.ts';
import { KnownFields } from './known-fields.ts';
import { KnownLines } from './known-lines.ts';
import { ChunkPool } from './output.ts';
import type { Stream } from './stream.ts';
import { Wakeups } from './wakeups.ts';

/** What clients' connections bring, and upstreams': one of those carries the answers of many clients. */
const CLIENT_UNITS: TurnUnits = { share: 4_000, crowd: 8_000, crowdedShare: 1_000 };
const UPSTREAM_UNITS: TurnUnits = { share: 8_000, crowd: 16_000, crowdedShare: 2_000 };

/** What the HTTP/2 sessions of one worker share. */
export class WireShared {
  readonly chunks: ChunkPool = new ChunkPool();
  readonly block: BlockBuffer = new BlockBuffer();
  readonly fields: KnownFields = new KnownFields();
  /** Lines of responses to clients; upstreams say which of them are secret. */
  readonly responseLines: KnownLines = new KnownLines();
  /** Lines of requests to upstreams; clients say which of them are secret. */
  readonly requestLines: KnownLines = new KnownLines();
  /** Streams that no session has: of those towards clients, and of those towards upstreams. */
  readonly clientStreams: Stream[] = [];
  readonly upstreamStreams: Stream[] = [];
  readonly wakeups: Wakeups;
  /** Of input of clients, and of upstreams. */
  readonly clientTurns: FairTurns;
  readonly upstreamTurns: FairTurns;

  constructor(wakeups: Wakeups = new Wakeups(), defer: (job: () => void) => void = setImmediate) {
    this.wakeups = wakeups;
    this.clientTurns = new FairTurns(CLIENT_UNITS, defer);
    this.upstreamTurns = new FairTurns(UPSTREAM_UNITS, defer);
  }
}
