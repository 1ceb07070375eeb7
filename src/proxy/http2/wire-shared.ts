import { BlockBuffer } from './hpack-encoder.ts';
import { KnownLines } from './known-lines.ts';
import { ChunkPool } from './output.ts';
import type { Stream } from './stream.ts';
import { Wakeups } from './wakeups.ts';

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

  constructor(wakeups: Wakeups = new Wakeups()) {
    this.wakeups = wakeups;
  }
}
