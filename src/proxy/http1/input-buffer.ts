const FIRST_BYTES = 1024;

/** Bytes that could not be used yet. Grows by doubling, so that bytes which dribble in are copied a bounded number of times. */
export class InputBuffer {
  buffer: Buffer = Buffer.alloc(0);
  position = 0;
  end = 0;

  get length(): number {
    return this.end - this.position;
  }

  /** Adds bytes behind those that are there; offsets before `position` may change. */
  append(source: Buffer, start: number, end: number): void {
    const added = end - start;
    if (this.end + added > this.buffer.length) {
      const kept = this.end - this.position;
      const larger = Buffer.allocUnsafe(Math.max(FIRST_BYTES, (kept + added) * 2));
      this.buffer.copy(larger, 0, this.position, this.end);
      this.buffer = larger;
      this.position = 0;
      this.end = kept;
    }
    source.copy(this.buffer, this.end, start, end);
    this.end += added;
  }

  /** A copy of what is there. */
  toBytes(): Buffer {
    return Buffer.from(this.buffer.subarray(this.position, this.end));
  }
}
