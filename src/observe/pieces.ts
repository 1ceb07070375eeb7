/**
 * A long text in pieces, made as they are asked for, so that whoever sends it decides how fast. A piece is valid until the next one is asked for; an
 * empty one stands for work that wrote nothing.
 */
export type Pieces = Iterable<Uint8Array>;

/** A piece is handed out when it has grown to this, or when so much was done for it. */
export const PIECE_BYTES = 64 * 1024;
export const PIECE_STEPS = 512;

const ZERO = 0x30;
/** Numbers below it are written digit by digit. */
const SMALL = 1_000_000_000;

/** Collects one piece after the other in one buffer. */
export class PieceWriter {
  #bytes = Buffer.allocUnsafeSlow(PIECE_BYTES * 2);
  #length = 0;
  #steps = 0;

  /** Counts a step of work: true when the piece is to be handed out. */
  step(): boolean {
    return ++this.#steps >= PIECE_STEPS || this.#length >= PIECE_BYTES;
  }

  /** Hands out what there is; the next write begins anew. */
  take(): Uint8Array {
    const piece = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    this.#steps = 0;
    return piece;
  }

  /** Makes room for so many more bytes. */
  reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow((this.#length + bytes) * 2);
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }

  text(text: string): void {
    this.reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  /** Writes once more what was written at `start`; room must have been made. */
  again(start: number, end: number): void {
    this.#bytes.copyWithin(this.#length, start, end);
    this.#length += end - start;
  }

  /** Writes a few bytes; room must have been made. */
  few(bytes: Uint8Array): void {
    const to = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < bytes.length; i++) to[at++] = bytes[i]!;
    this.#length = at;
  }

  /** Writes a whole number and a line feed; room must have been made. */
  countLine(value: number): void {
    const to = this.#bytes;
    if (value < SMALL) {
      let digits = 1;
      for (let rest = value; rest >= 10; rest = Math.trunc(rest / 10)) digits++;
      const end = this.#length + digits;
      let rest = value;
      for (let at = end - 1; at >= this.#length; at--) {
        const tenth = Math.trunc(rest / 10);
        to[at] = ZERO + rest - tenth * 10;
        rest = tenth;
      }
      this.#length = end;
    } else {
      this.#length += to.write(String(value), this.#length);
    }
    to[this.#length++] = 0x0a;
  }
}
