/** What a message reader tells of; bytes are valid during the call only. */
export interface MessageListener {
  onHead(head: string): void;
  onBody(bytes: Buffer): void;
  onEnd(): void;
}

const IN_HEAD = 0;
const BY_LENGTH = 1;
const CHUNK_SIZE = 2;
const CHUNK_DATA = 3;
const CHUNK_CRLF = 4;
const LAST_CRLF = 5;

/** Reads messages with declared length or chunks off one connection, by the letter and without the codec under test. */
export class MessageReader {
  readonly #listener: MessageListener;
  #state = IN_HEAD;
  #pending: Buffer = Buffer.alloc(0);
  #remaining = 0;

  constructor(listener: MessageListener) {
    this.#listener = listener;
  }

  /** Whether it stands between two messages. */
  get isAtRest(): boolean {
    return this.#state === IN_HEAD && this.#pending.length === 0;
  }

  push(chunk: Buffer): void {
    let bytes = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    this.#pending = Buffer.alloc(0);
    while (bytes.length > 0) {
      const used = this.#step(bytes);
      if (used < 0) {
        this.#pending = Buffer.from(bytes);
        return;
      }
      bytes = bytes.subarray(used);
    }
  }

  /** Uses a part of the bytes and answers how many; -1: more are needed first. */
  #step(bytes: Buffer): number {
    switch (this.#state) {
      case IN_HEAD: {
        const end = bytes.indexOf('\r\n\r\n');
        if (end < 0) return -1;
        this.#begin(bytes.toString('latin1', 0, end + 2));
        return end + 4;
      }
      case BY_LENGTH:
      case CHUNK_DATA: {
        const taken = Math.min(this.#remaining, bytes.length);
        this.#remaining -= taken;
        this.#listener.onBody(bytes.subarray(0, taken));
        if (this.#remaining > 0) return taken;
        if (this.#state === CHUNK_DATA) this.#state = CHUNK_CRLF;
        else this.#end();
        return taken;
      }
      case CHUNK_SIZE: {
        const end = bytes.indexOf('\r\n');
        if (end < 0) return -1;
        const size = bytes.toString('latin1', 0, end);
        if (!/^[0-9a-f]+$/i.test(size))
          throw new Error(`no chunk size: ${JSON.stringify(size.slice(0, 40))}`);
        this.#remaining = Number.parseInt(size, 16);
        this.#state = this.#remaining === 0 ? LAST_CRLF : CHUNK_DATA;
        return end + 2;
      }
      default: {
        if (bytes.length < 2) return -1;
        if (bytes[0] !== 13 || bytes[1] !== 10) throw new Error('no line end behind a chunk');
        if (this.#state === LAST_CRLF) this.#end();
        else this.#state = CHUNK_SIZE;
        return 2;
      }
    }
  }

  #begin(head: string): void {
    const isChunked = /\r\ntransfer-encoding: chunked\r\n/i.test(head);
    this.#remaining = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
    this.#state = isChunked ? CHUNK_SIZE : BY_LENGTH;
    this.#listener.onHead(head);
    if (!isChunked && this.#remaining === 0) this.#end();
  }

  #end(): void {
    this.#state = IN_HEAD;
    this.#listener.onEnd();
  }
}
