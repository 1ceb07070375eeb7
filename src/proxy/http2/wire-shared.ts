import { FairTurns } from '../../lib/fair-turns.ts';
import { BlockBuffer } from './hpack-encoder.ts';
import { KnownLines } from './known-lines.ts';
import { ChunkPool } from './output.ts';
import type { Stream } from './stream.ts';
import { Wakeups } from './wakeups.ts';

/**
 * Units of work that what one connection brings may make of one turn of the event loop: an upstream's carries the answers of many clients.
 * Of those that have more to do one goes on in each turn.
 */
const CLIENT_SHARE = 4_000;
const UPSTREAM_SHARE = 8_000;
const AT_ONCE = 1;

/** What the HTTP/2 sessions of one worker share. */
export class WireShared {
  readonly chunks: ChunkPool = new ChunkPool();
  readonly block: BlockBuffer = new BlockBuffer();
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
    this.clientTurns = new FairTurns(CLIENT_SHARE, AT_ONCE, defer);
    this.upstreamTurns = new FairTurns(UPSTREAM_SHARE, AT_ONCE, defer);
  }
}
