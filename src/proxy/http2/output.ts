/** Chunks that are free for the sessions of one worker: an idle connection holds none. */
export class ChunkPool {
  readonly chunkBytes: number;
  readonly #free: Buffer[] = [];
  readonly #maxFree: number;
  readonly #manyTaken: number;
  #taken = 0;

  /** With `manyTaken` chunks in use, many clients take their time, and what waits for each should be little. */
  constructor(chunkBytes = 65_536, maxFree = 64, manyTaken = 512) {
    this.chunkBytes = chunkBytes;
    this.#maxFree = maxFree;
    this.#manyTaken = manyTaken;
  }

  get isScarce(): boolean {
    return this.#taken >= this.#manyTaken;
  }

  take(): Buffer {
    this.#taken++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.chunkBytes);
  }

  /** Takes it back once nobody needs its bytes any more. */
  give(chunk: Buffer): void {
    if (chunk.length !== this.chunkBytes) return;
    this.#taken--;
    if (this.#free.length < this.#maxFree) this.#free.push(chunk);
  }

  /** Somebody holds on to it who will not say when that is over. */
  lose(chunk: Buffer): void {
    if (chunk.length === this.chunkBytes) this.#taken--;
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

/** Chunks that may wait while the sink takes none. */
const CHUNKS_AHEAD = 3;

/** Gathers what is ready to be sent, so that it leaves in one write; while the sink takes none, as much as `ahead` may come together. */
export class Output {
  /** Where to write; `reserve` makes room first. */
  buffer: Buffer = NOTHING;
  /** Offset to write at. */
  at = 0;
  /** Grows whenever offsets that were written at may hold other bytes, or bytes that are gone. */
  epoch = 0;
  /** How often the sink was given something. */
  handed = 0;
  readonly #pool: ChunkPool;
  readonly #sink: ByteSink;
  /** Chunks that are full and wait for the sink, and how full each is. */
  readonly #waiting: Buffer[] = [];
  readonly #waitingEnds: number[] = [];
  #waitingBytes = 0;
  /** Chunks that were given to the sink and may still be needed. */
  readonly #lent: Buffer[] = [];
  /** Whether the sink wants no more until it has drained. */
  #isRefused = false;

  constructor(pool: ChunkPool, sink: ByteSink) {
    this.#pool = pool;
    this.#sink = sink;
  }

  /** Whether no more than what has to be said should be added until the sink has drained. */
  get isFull(): boolean {
    return this.#isRefused && this.pending >= this.ahead;
  }

  /** Octets that may wait while the sink takes none. */
  get ahead(): number {
    return this.#pool.isScarce ? 0 : this.#pool.chunkBytes * CHUNKS_AHEAD;
  }

  /** Octets that the sink was not given yet. */
  get pending(): number {
    return this.#waitingBytes + this.at;
  }

  /** Room beside what is there already. */
  get room(): number {
    return this.buffer.length - this.at;
  }

  /** Makes room for so many octets in one piece; what is there already leaves, or waits, when there is none beside it. */
  reserve(octets: number): void {
    if (this.buffer.length - this.at >= octets) return;
    if (this.at > 0) this.#pass();
    if (this.buffer.length >= octets) return;
    this.#pool.give(this.buffer);
    this.buffer = octets <= this.#pool.chunkBytes ? this.#pool.take() : Buffer.allocUnsafeSlow(octets);
  }

  /** Hands over what the sink takes. */
  flush(): void {
    if (this.at > 0 && !this.#isRefused) this.#pass();
  }

  /** Hands over everything, whether the sink wants it or not. */
  flushAll(): void {
    while (this.#waiting.length > 0) this.#passFirst();
    this.#isRefused = false;
    this.flush();
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

  /** The sink takes bytes again, or needs none of those that it had. */
  resume(): void {
    this.#isRefused = false;
    this.reclaim();
    while (this.#waiting.length > 0 && !this.#isRefused) this.#passFirst();
    this.flush();
  }

  /** Forgets what was not sent. */
  clear(): void {
    if (this.buffer.length > 0) this.#pool.give(this.buffer);
    for (const chunk of this.#waiting) this.#pool.give(chunk);
    this.#waiting.length = 0;
    this.#waitingEnds.length = 0;
    this.#waitingBytes = 0;
    this.buffer = NOTHING;
    this.at = 0;
    this.epoch++;
    this.reclaim();
    for (let chunk = this.#lent.pop(); chunk !== undefined; chunk = this.#lent.pop()) this.#pool.lose(chunk);
  }

  /** Has what is there leave, or wait. */
  #pass(): void {
    const { buffer, at } = this;
    this.buffer = NOTHING;
    this.at = 0;
    this.epoch++;
    if (!this.#isRefused) {
      this.#hand(buffer, at);
      return;
    }
    this.#waiting.push(buffer);
    this.#waitingEnds.push(at);
    this.#waitingBytes += at;
  }

  #passFirst(): void {
    const end = this.#waitingEnds.shift()!;
    this.#waitingBytes -= end;
    this.#hand(this.#waiting.shift()!, end);
  }

  #hand(chunk: Buffer, end: number): void {
    this.handed++;
    this.#lent.push(chunk);
    if (!this.#sink.write(chunk, 0, end)) this.#isRefused = true;
    this.reclaim();
  }
}
