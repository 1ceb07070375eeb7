import { BlockBuffer } from './hpack-encoder.ts';
import { KnownLines } from './known-lines.ts';
import { ChunkPool } from './output.ts';
import { Wakeups } from './wakeups.ts';

/** What the HTTP/2 sessions of one worker share. */
export class WireShared {
  readonly chunks: ChunkPool = new ChunkPool();
  readonly block: BlockBuffer = new BlockBuffer();
  /** Lines of responses to clients; upstreams say which of them are secret. */
  readonly responseLines: KnownLines = new KnownLines();
  /** Lines of requests to upstreams; clients say which of them are secret. */
  readonly requestLines: KnownLines = new KnownLines();
  readonly wakeups: Wakeups;

  constructor(wakeups: Wakeups = new Wakeups()) {
    this.wakeups = wakeups;
  }
}
