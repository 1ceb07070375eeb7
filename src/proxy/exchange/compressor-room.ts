/** Memory that compressors of one worker may hold; whoever finds no room sends responses as they are. */
const ROOM_BYTES = 134_217_728;

/** Counts what compressors hold. */
export class CompressorRoom {
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

  take(bytes: number): void {
    this.#heldBytes += bytes;
  }

  give(bytes: number): void {
    this.#heldBytes -= bytes;
  }
}
