/** Buffers from here on are worth the trouble. */
const MIN_BYTES = 8_192;

/**
 * The buffers that a body came in, whose memory is given back once nobody needs it. Left to the collector, they make it run for every
 * 30 MB of them, which costs more than to pass them on.
 */
export class GivenBuffers {
  readonly #kept = new Set<Buffer>();
  readonly #spent: Buffer[] = [];

  /** Takes one that nobody else uses any of. Node has other sockets read into what a read left free of its memory. */
  add(buffer: Buffer): void {
    const { length } = buffer;
    if (length >= MIN_BYTES && length === buffer.buffer.byteLength) this.#kept.add(buffer);
  }

  /** Its last user may still be busy with it. */
  spend(buffer: Buffer): void {
    if (this.#kept.delete(buffer)) this.#spent.push(buffer);
  }

  /** Gives back the memory of all that were spent: none of them is in use. */
  free(): void {
    for (let buffer = this.#spent.pop(); buffer !== undefined; buffer = this.#spent.pop()) {
      if (buffer.buffer instanceof ArrayBuffer) buffer.buffer.transfer(0);
    }
  }

  /** Leaves all of them to the collector. */
  clear(): void {
    // An empty set that is cleared is made anew.
    if (this.#kept.size > 0) this.#kept.clear();
    while (this.#spent.length > 0) this.#spent.pop();
  }
}
