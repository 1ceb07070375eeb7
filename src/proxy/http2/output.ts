/** Chunks that are free for the sessions of one worker: an idle connection holds none. */
export class ChunkPool {
  readonly chunkBytes: number;
  readonly #free: Buffer[] = [];
  readonly #maxFree: number;

  constructor(chunkBytes = 65_536, maxFree = 64) {
    this.chunkBytes = chunkBytes;
    this.#maxFree = maxFree;
  }

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.chunkBytes);
  }

  /** Takes it back once nobody needs its bytes any more. */
  give(chunk: Buffer): void {
    if (chunk.length === this.chunkBytes && this.#free.length < this.#maxFree) this.#free.push(chunk);
  }
}

/** What takes the bytes of a session. */
export interface ByteSink {
  /** Takes buffer[start, end), which stays as it is until `areBytesFree`. False: no more until it has drained. */
  write(buffer: Buffer, start: number, end: number): boolean;
  /** Whether it needs none of the bytes it was given any more. */
  readonly areBytesFree: boolean;
}

const NOTHING = Buffer.alloc(0);

/** Gathers what is ready to be sent, so that it leaves in one write. */
export class Output {
  /** Where to write; `reserve` makes room first. */
  buffer: Buffer = NOTHING;
  /** Offset to write at. */
  at = 0;
  /** Grows whenever offsets that were written at may hold other bytes, or bytes that are gone. */
  epoch = 0;
  readonly #pool: ChunkPool;
  readonly #sink: ByteSink;
  /** Chunks that were given to the sink and may still be needed. */
  readonly #lent: Buffer[] = [];
  #isRefused = false;

  constructor(pool: ChunkPool, sink: ByteSink) {
    this.#pool = pool;
    this.#sink = sink;
  }

  /** Whether the sink has wanted no more since the last flush. */
  get isRefused(): boolean {
    return this.#isRefused;
  }

  /** Octets that wait for the next flush. */
  get pending(): number {
    return this.at;
  }

  /** Makes room for so many octets in one piece; what is there already leaves when there is none beside it. */
  reserve(octets: number): void {
    if (this.buffer.length - this.at >= octets) return;
    if (this.at > 0) this.#pass();
    if (this.buffer.length >= octets) return;
    this.#pool.give(this.buffer);
    this.buffer = octets <= this.#pool.chunkBytes ? this.#pool.take() : Buffer.allocUnsafeSlow(octets);
  }

  /** Hands everything over; false: the sink wants no more for now. */
  flush(): boolean {
    if (this.at > 0) this.#pass();
    const isTaken = !this.#isRefused;
    this.#isRefused = false;
    return isTaken;
  }

  /** Takes chunks back that the sink does not need any more; to be called whenever that may be. */
  reclaim(): void {
    if (this.#lent.length === 0 || !this.#sink.areBytesFree) return;
    for (;;) {
      const chunk = this.#lent.pop();
      if (chunk === undefined) return;
      this.#pool.give(chunk);
    }
  }

  /** The sink takes bytes again. */
  resume(): void {
    this.#isRefused = false;
    this.reclaim();
  }

  /** Forgets what was not sent. */
  clear(): void {
    if (this.buffer.length > 0) this.#pool.give(this.buffer);
    this.buffer = NOTHING;
    this.at = 0;
    this.epoch++;
    this.reclaim();
  }

  #pass(): void {
    const { buffer, at } = this;
    this.buffer = NOTHING;
    this.at = 0;
    this.epoch++;
    this.#lent.push(buffer);
    if (!this.#sink.write(buffer, 0, at)) this.#isRefused = true;
    this.reclaim();
  }
}
