/** What one read of a socket can bring. */
const READ_BYTES = 65_536;
/** Buffers kept for the next long response; more are left to the collector. */
const MAX_SPARE = 16;

/**
 * Buffers that upstream sockets read into. All read into `shared`, whose bytes are used up before the next read; a response that needs
 * more than one read gets a buffer of its own, so that its bytes can wait in a downstream socket without being copied.
 */
export class ReadBuffers {
  readonly shared: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(READ_BYTES);
  }

  /** Takes one back that nobody refers to any more. */
  give(buffer: Buffer): void {
    if (this.#spare.length < MAX_SPARE) this.#spare.push(buffer);
  }
}
