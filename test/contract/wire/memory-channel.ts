import type { Fields, PeerHead } from './peers.ts';

/** How many bytes may be under way before a sender has to wait. */
const CAPACITY = 65_536;

/** What comes out of a channel. Nothing is told while a call of either side runs. */
export interface ChannelEnd {
  onHead(head: MemoryHead): void;
  onBytes(bytes: Buffer): void;
  onEnd(trailers: Fields | undefined): void;
  onCut(): void;
}

export interface MemoryHead {
  readonly head: PeerHead;
  readonly fields: Fields;
  readonly hasBody: boolean;
  readonly contentLength: number;
  readonly upgrade: string | undefined;
}

type Item =
  | { readonly kind: 'head'; readonly head: MemoryHead }
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'end'; readonly trailers: Fields | undefined }
  | { readonly kind: 'cut' };

/** One direction of a stream in memory: in order, with a bound on what is under way, and each item in a turn of its own. */
export class Channel {
  onDrain: () => void = () => {};
  readonly #end: () => ChannelEnd;
  readonly #items: Item[] = [];
  #bytes = 0;
  #isPaused = false;
  #isBlocked = false;
  #isDue = false;
  #isClosed = false;

  constructor(end: () => ChannelEnd) {
    this.#end = end;
  }

  /** Bytes that were sent and not taken. */
  get held(): number {
    return this.#bytes;
  }

  head(head: MemoryHead): void {
    this.#put({ kind: 'head', head });
  }

  /** False: `onDrain` says when more may come. */
  write(bytes: Buffer): boolean {
    this.#bytes += bytes.length;
    this.#put({ kind: 'bytes', bytes: Buffer.from(bytes) });
    this.#isBlocked = this.#bytes > CAPACITY;
    return !this.#isBlocked;
  }

  end(trailers?: Fields): void {
    this.#put({ kind: 'end', trailers });
  }

  /** Drops what was not taken, and says so. */
  cut(): void {
    this.#items.length = 0;
    this.#put({ kind: 'cut' });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#schedule();
  }

  /** Brings nothing any more. */
  close(): void {
    this.#isClosed = true;
  }

  #put(item: Item): void {
    this.#items.push(item);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const [item] = this.#items;
    if (this.#isClosed || item === undefined || (this.#isPaused && item.kind !== 'cut')) return;
    this.#items.shift();
    const end = this.#end();
    switch (item.kind) {
      case 'head':
        end.onHead(item.head);
        break;
      case 'bytes':
        this.#bytes -= item.bytes.length;
        end.onBytes(item.bytes);
        break;
      case 'end':
        end.onEnd(item.trailers);
        break;
      default:
        this.#isClosed = true;
        end.onCut();
    }
    if (this.#isBlocked && this.#bytes <= CAPACITY / 2) {
      this.#isBlocked = false;
      this.onDrain();
    }
    if (this.#items.length > 0) this.#schedule();
  }
}
