import type { Stream } from './stream.ts';

/** Streams that are over, kept for those to come on whatever session. */
const MAX_SPARE = 1024;

/** Places to begin with, a power of two. */
const MIN_PLACES = 32;
/** A page's requests come all at once. */
const GROWTH = 4;

/**
 * Streams of one session by their numbers. A `Map` keeps a place for what was taken out until it is built anew, in old memory: with streams
 * that come and go it is garbage, 160 octets of it a stream. So numbers have places here, and what follows one that goes moves up.
 */
export class StreamTable {
  /** By place: numbers, 0 for none, and their streams. A number is at its own place, or in the first free one behind it. */
  #ids: number[] = [];
  #streams: (Stream | undefined)[] = [];
  #mask = -1;
  #size = 0;
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
    return this.#size;
  }

  get(id: number): Stream | undefined {
    if (this.#size === 0) return undefined;
    const at = this.#placeOf(id);
    return this.#ids[at] === id ? this.#streams[at] : undefined;
  }

  /** Those of now, without the ones that are over by the time they would be next. */
  *values(): IterableIterator<Stream> {
    for (const stream of this.#list()) if (stream.isActive) yield stream;
  }

  add(stream: Stream): void {
    if (this.#size * 2 > this.#mask) this.#spread(Math.max(MIN_PLACES, (this.#mask + 1) * GROWTH));
    this.#size++;
    this.#put(stream);
  }

  delete(id: number): void {
    if (this.#size === 0) return;
    const ids = this.#ids;
    const streams = this.#streams;
    const mask = this.#mask;
    let free = this.#placeOf(id);
    if (ids[free] !== id) return;
    this.#size--;
    for (let at = (free + 1) & mask; ids[at] !== 0; at = (at + 1) & mask) {
      // It stays where its own place lies behind the free one.
      if (((at - (ids[at]! >>> 1)) & mask) < ((at - free) & mask)) continue;
      ids[free] = ids[at]!;
      streams[free] = streams[at];
      free = at;
    }
    ids[free] = 0;
    streams[free] = undefined;
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

  /** Lets go of what only many streams need. */
  shrink(): void {
    if (this.#size === 0) this.#spread(0);
  }

  rememberReset(id: number): void {
    this.#resets ??= new Uint32Array(this.#rememberedResets);
    this.#resets[this.#resetCount++ % this.#rememberedResets] = id;
  }

  /** Whether frames may still come for a stream that is over, because we reset it (RFC 9113 §5.1). */
  wasReset(id: number): boolean {
    return this.#resets !== undefined && this.#resets.includes(id);
  }

  /** Where the number is, or where it would be. */
  #placeOf(id: number): number {
    const ids = this.#ids;
    const mask = this.#mask;
    let at = (id >>> 1) & mask;
    while (ids[at] !== id && ids[at] !== 0) at = (at + 1) & mask;
    return at;
  }

  #put(stream: Stream): void {
    const at = this.#placeOf(stream.id);
    this.#ids[at] = stream.id;
    this.#streams[at] = stream;
  }

  #list(): Stream[] {
    return this.#streams.filter((stream) => stream !== undefined);
  }

  /** Gives each a place among so many. */
  #spread(places: number): void {
    const streams = this.#list();
    this.#mask = places - 1;
    this.#ids = [];
    this.#streams = [];
    for (let i = 0; i < places; i++) {
      this.#ids.push(0);
      this.#streams.push(undefined);
    }
    for (const stream of streams) this.#put(stream);
  }
}
