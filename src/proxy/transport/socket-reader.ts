import type { ReadBuffers } from './read-buffers.ts';
import type { SocketConnection } from './socket-connection.ts';

/** Reads from here on are worth a buffer of their own. */
const MUCH_BYTES = 16_384;

/** Where a socket that `connect` made reads into. */
export class SocketReader {
  /** Set before anything is read. */
  connection!: SocketConnection;
  readonly onread: {
    readonly buffer: () => Buffer;
    readonly callback: (length: number, buffer: Uint8Array) => boolean;
  };
  readonly #buffers: ReadBuffers;
  #own: Buffer | undefined = undefined;

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
    this.onread = {
      buffer: () => this.#own ?? buffers.shared,
      callback: (length) => {
        this.#bring(length);
        return true;
      },
    };
  }

  #bring(length: number): void {
    const { connection } = this;
    const buffers = this.#buffers;
    const own = this.#own;
    if (own === undefined) {
      connection.onSocketBytes(buffers.shared, length);
      if (length >= MUCH_BYTES && connection.isMuchExpected) this.#own = buffers.take();
      return;
    }
    buffers.lend(own);
    let isHeld = true;
    try {
      connection.onSocketBytes(own, length);
    } finally {
      isHeld = buffers.endLending();
    }
    const isNeeded = length >= MUCH_BYTES && connection.isMuchExpected && !connection.isClosed;
    if (isNeeded && !isHeld) return;
    if (!isHeld) buffers.give(own);
    this.#own = isNeeded ? buffers.take() : undefined;
  }
}
