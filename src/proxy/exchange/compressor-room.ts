/** Memory that compressors of one worker may hold; whoever finds no room sends responses as they are. */
const ROOM_BYTES = 134_217_728;

/** Longest piece of a body that is compressed in one go. */
export const PIECE_BYTES = 65_536;

/** Counts what compressors hold, and has a place for what one of them was just given. */
export class CompressorRoom {
  /** Buffers made for each body would have V8 go through its heap all the time. */
  #place: Buffer | undefined = undefined;
  #isPlaceLent = false;
  readonly #roomBytes: number;
  #heldBytes = 0;

  constructor(roomBytes: number = ROOM_BYTES) {
    this.#roomBytes = roomBytes;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  get isFull(): boolean {
    return this.#heldBytes >= this.#roomBytes;
  }

  /** A place for bytes until they are compressed; undefined: another body is there. */
  lendPlace(): Buffer | undefined {
    if (this.#isPlaceLent) return undefined;
    this.#isPlaceLent = true;
    this.#place ??= Buffer.allocUnsafeSlow(PIECE_BYTES);
    return this.#place;
  }

  returnPlace(): void {
    this.#isPlaceLent = false;
  }

  take(bytes: number): void {
    this.#heldBytes += bytes;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
