import type { Stream } from './stream.ts';

/** Streams that are over, kept for those to come on whatever session. */
const MAX_SPARE = 1024;

/** Streams of one session by their numbers. */
export class StreamTable {
  readonly #active = new Map<number, Stream>();
  readonly #spare: Stream[];
  /** Let go of, and perhaps still in somebody's hands. */
  readonly #resting: Stream[] = [];
  #resets: Uint32Array | undefined = undefined;
  #resetCount = 0;
  readonly #rememberedResets: number;

  /**
   * `rememberedResets`: streams that we have reset and that may still be written to by a peer that does not know yet. `spare`: streams of
   * the same side that no session has.
   */
  constructor(rememberedResets: number, spare: Stream[]) {
    this.#rememberedResets = rememberedResets;
    this.#spare = spare;
  }

  get size(): number {
    return this.#active.size;
  }

  get(id: number): Stream | undefined {
    return this.#active.get(id);
  }

  values(): IterableIterator<Stream> {
    return this.#active.values();
  }

  add(stream: Stream): void {
    this.#active.set(stream.id, stream);
  }

  delete(id: number): void {
    this.#active.delete(id);
  }

  /** One that can be used again. */
  takeSpare(): Stream | undefined {
    return this.#spare.pop();
  }

  /** Keeps one that is over; it is another one's after `ripen`. */
  keepSpare(stream: Stream): void {
    this.#resting.push(stream);
  }

  /** Nothing is being done with streams: those that were let go of may be others' from now on. */
  ripen(): void {
    for (let stream = this.#resting.pop(); stream !== undefined; stream = this.#resting.pop()) {
      stream.rest();
      if (this.#spare.length < MAX_SPARE) this.#spare.push(stream);
    }
  }

  rememberReset(id: number): void {
    this.#resets ??= new Uint32Array(this.#rememberedResets);
    this.#resets[this.#resetCount++ % this.#rememberedResets] = id;
  }

  /** Whether frames may still come for a stream that is over, because we reset it (RFC 9113 §5.1). */
  wasReset(id: number): boolean {
    return this.#resets !== undefined && this.#resets.includes(id);
  }
}
