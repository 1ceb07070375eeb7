/** Who sends bytes that are lent. */
export interface Borrower {
  /** Whether bytes that were written just now are still needed as they are. */
  holdsBorrowed(): boolean;
}

/** What one read of a socket can bring. */
const READ_BYTES = 65_536;
/** Buffers kept for the next long message; more are left to the collector. */
const MAX_SPARE = 16;

/**
 * Buffers that sockets read into which `connect` made. All read into `shared`, whose bytes are used up before the next read. One that
 * brings much gets a buffer of its own: a connection that has to hold bytes of that keeps the buffer instead of a copy.
 */
export class ReadBuffers {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #spare: Buffer[] = [];
  /** The buffer of its own that a connection is bringing bytes of. */
  #lent: Buffer | undefined = undefined;
  /** Who was given bytes of it to send; two are one too many to ask. */
  #borrower: Borrower | undefined = undefined;
  #hasMoreBorrowers = false;

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  }

  /** Takes one back that nobody refers to any more. */
  give(buffer: Buffer): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }

  /** From now on bytes of that buffer can be borrowed. */
  lend(buffer: Buffer): void {
    this.#lent = buffer;
    this.#borrower = undefined;
    this.#hasMoreBorrowers = false;
  }

  /** Whether the borrower may hold the bytes as they are. */
  borrow(bytes: Buffer, borrower: Borrower): boolean {
    if (this.#lent === undefined || bytes.buffer !== this.#lent.buffer) return false;
    if (this.#borrower !== undefined && this.#borrower !== borrower) this.#hasMoreBorrowers = true;
    this.#borrower = borrower;
    return true;
  }

  /** Nothing can be borrowed any more. Answers whether somebody still holds some of it. */
  endLending(): boolean {
    const borrower = this.#borrower;
    this.#lent = undefined;
    this.#borrower = undefined;
    return this.#hasMoreBorrowers || (borrower !== undefined && borrower.holdsBorrowed());
  }
}
