/** What the request bodies of one client address hold in one worker. */
export interface AddressUse {
  readonly address: string;
  bodies: number;
  memoryBytes: number;
  spooledBytes: number;
}

export interface BodyLimits {
  /** What bodies may hold in the memory of this worker. */
  readonly memoryBytes: number;
  /** What they may hold on disk, those of all workers together; 0: nothing is written there. */
  readonly spoolBytes: number;
  /** Blocks on disk, one number per worker. */
  readonly spooledBlocks: Int32Array;
  /** This worker's number in it. */
  readonly index: number;
}

/** One client address may hold so much of what there is. */
const MEMORY_SHARE = 1 / 4;
const SPOOL_SHARE = 1 / 2;
/** Addresses that are kept though they have no body: most are back with the next one, and a `Map` that loses what it takes in is rebuilt all the time. */
const MAX_RESTING = 1_024;
/** What disk space is counted in, so that 32 bits count far enough. */
const BLOCK_BYTES = 4_096;

/** Counts what request bodies hold, and says when it is too much: of one client, or of all. */
export class BodyBudget {
  readonly #limits: BodyLimits;
  readonly #uses = new Map<string, AddressUse>();
  #memoryBytes = 0;
  #spooledBytes = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
    // A worker that died left its number behind; its files went with it.
    Atomics.store(limits.spooledBlocks, limits.index, 0);
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get spooledBytes(): number {
    return this.#spooledBytes;
  }

  /** Addresses that are known, whether they have a body or not. */
  get addressCount(): number {
    return this.#uses.size;
  }

  /** Most that one client address may have on disk. */
  get spoolShareBytes(): number {
    return this.#limits.spoolBytes * SPOOL_SHARE;
  }

  /** Begins a body of a client address. */
  open(address: string): AddressUse {
    let use = this.#uses.get(address);
    if (use === undefined) {
      use = { address, bodies: 0, memoryBytes: 0, spooledBytes: 0 };
      this.#uses.set(address, use);
    }
    use.bodies++;
    return use;
  }

  /** Ends a body, which holds nothing any more. */
  close(use: AddressUse): void {
    if (--use.bodies === 0 && this.#uses.size > MAX_RESTING) this.#uses.delete(use.address);
  }

  /** Counts memory that a body holds, or, below 0, gave back. */
  addMemory(use: AddressUse, bytes: number): void {
    use.memoryBytes += bytes;
    this.#memoryBytes += bytes;
  }

  /** Whether the client, or all together, hold more than they may: then bodies have to go to disk. */
  isMemoryOver(use: AddressUse): boolean {
    const { memoryBytes } = this.#limits;
    return this.#memoryBytes > memoryBytes || use.memoryBytes > memoryBytes * MEMORY_SHARE;
  }

  /** Takes disk space; false: there is none left, for this client or at all. */
  takeSpool(use: AddressUse, bytes: number): boolean {
    const { spoolBytes, spooledBlocks, index } = this.#limits;
    if (use.spooledBytes + bytes > this.spoolShareBytes) return false;
    let others = 0;
    for (let i = 0; i < spooledBlocks.length; i++) {
      if (i !== index) others += Atomics.load(spooledBlocks, i);
    }
    if (others * BLOCK_BYTES + this.#spooledBytes + bytes > spoolBytes) return false;
    this.#addSpooled(use, bytes);
    return true;
  }

  giveSpool(use: AddressUse, bytes: number): void {
    this.#addSpooled(use, -bytes);
  }

  #addSpooled(use: AddressUse, bytes: number): void {
    use.spooledBytes += bytes;
    this.#spooledBytes += bytes;
    const { spooledBlocks, index } = this.#limits;
    Atomics.store(spooledBlocks, index, Math.ceil(this.#spooledBytes / BLOCK_BYTES));
  }
}
