import { Duplex } from 'node:stream';

/** A socket without a network: what is written to it goes to `onWrite`, and `push` brings bytes in. */
export class MemorySocket extends Duplex {
  readonly #onWrite: (bytes: Buffer) => void;

  constructor(onWrite: (bytes: Buffer) => void) {
    super();
    this.#onWrite = onWrite;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#onWrite(chunk);
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    done();
  }
}

/** Cuts bytes into frames. */
export class FrameCutter {
  #rest: Buffer = Buffer.alloc(0);
  /** Octets that come before the first frame. */
  #skip: number;

  constructor(skip = 0) {
    this.#skip = skip;
  }

  /** Calls with each frame that is complete now. */
  push(bytes: Buffer, onFrame: (type: number, flags: number, id: number, payload: Buffer) => void): void {
    const skipped = Math.min(this.#skip, bytes.length);
    this.#skip -= skipped;
    let rest = Buffer.concat([this.#rest, bytes.subarray(skipped)]);
    while (rest.length >= 9) {
      const end = 9 + rest.readUIntBE(0, 3);
      if (rest.length < end) break;
      onFrame(rest[3]!, rest[4]!, rest.readUInt32BE(5) & 0x7fff_ffff, rest.subarray(9, end));
      rest = rest.subarray(end);
    }
    this.#rest = rest;
  }
}
