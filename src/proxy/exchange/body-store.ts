import type { AddressUse, BodyBudget } from './body-budget.ts';
import { GivenBuffers } from './given-buffers.ts';
import type { Spool, SpoolFile } from './spool.ts';

/** What all bodies of a worker share. */
export interface BodyStorage {
  readonly budget: BodyBudget;
  /** Undefined: nothing is written to disk. */
  readonly spool: Spool | undefined;
}

/** Told of what happened on disk; never while one of the store's own calls runs. */
export interface BodyStoreOwner {
  /** More can be taken in, or there is more to send. */
  onStoreReady(): void;
  /** The body cannot be kept: the disk is full, or failed. */
  onStoreFailed(): void;
}

/**
 * Pieces from here on are kept as they came, where most of their buffer is theirs, and so is the first one of a buffer that is shorter;
 * the others are copied together.
 */
const REFERENCED_FROM_BYTES = 4_096;
const FIRST_BLOCK_BYTES = 1_024;
const MAX_BLOCK_BYTES = 65_536;
/** What is handed out at once: a peer that takes so little within its timeout is not cut. */
const BATCH_BYTES = 131_072;
/** Bytes worth a write to disk, and those that may wait for one. */
const WRITTEN_FROM_BYTES = 131_072;
const MAX_UNWRITTEN_BYTES = 262_144;
const READ_BYTES = 65_536;

const IN_MEMORY = 0;
const OPENING = 1;
const ON_DISK = 2;

/**
 * The bytes of one request body, in their order: taken in at one end, handed out at the other, and again from the start for another
 * try. They lie in a few growing blocks, or, once they were told to, in a temporary file.
 */
export class BodyStore {
  readonly #owner: BodyStoreOwner;
  readonly #storage: BodyStorage;
  #use: AddressUse | undefined = undefined;
  /** Grows with every body, so that what ends late on disk finds out that its body is gone. */
  #sequence = 0;
  /** All that was taken in. */
  size = 0;
  #memoryBytes = 0;

  #blocks: Buffer[] = [];
  readonly #given = new GivenBuffers();
  #areGiven = false;
  /** Short pieces are copied here; what lies from `#openStart` to `#arenaEnd` comes behind all blocks. */
  #arena: Buffer | undefined = undefined;
  #openStart = 0;
  #arenaEnd = 0;
  /** What was handed out last: the block, and the offset behind it. */
  #cursor = 0;
  #cursorOffset = 0;
  #handedOut = 0;
  #isKept = true;
  #isConsumed = false;

  #place = IN_MEMORY;
  #file: SpoolFile | undefined = undefined;
  #isEnded = false;
  #writtenNow = 0;
  #spooledBytes = 0;
  #readAhead: Buffer | undefined = undefined;
  #isReading = false;
  /** Set when what is being read is not what comes next any more. */
  #isReadStale = false;

  constructor(owner: BodyStoreOwner, storage: BodyStorage) {
    this.#owner = owner;
    this.#storage = storage;
  }

  /** Begins an empty body. `areGiven`: a buffer that is appended from its first byte to its last is nobody else's from then on. */
  open(address: string, areGiven: boolean): void {
    this.#areGiven = areGiven;
    this.#use = this.#storage.budget.open(address);
    this.#sequence++;
    this.size = 0;
    this.#handedOut = 0;
    this.#isKept = true;
    this.#isConsumed = false;
    this.#isEnded = false;
  }

  /** Gives all of it back. */
  release(): void {
    const use = this.#use;
    if (use === undefined) return;
    const { budget } = this.#storage;
    this.#use = undefined;
    while (this.#blocks.length > 0) this.#blocks.pop();
    this.#given.clear();
    this.#arena = undefined;
    this.#openStart = 0;
    this.#arenaEnd = 0;
    this.#cursor = 0;
    this.#cursorOffset = 0;
    this.#writtenNow = 0;
    this.#place = IN_MEMORY;
    this.#readAhead = undefined;
    this.#isReading = false;
    this.#isReadStale = false;
    budget.addMemory(use, -this.#memoryBytes);
    this.#memoryBytes = 0;
    if (this.#file !== undefined) {
      this.#file.close();
      this.#file = undefined;
      budget.giveSpool(use, this.#spooledBytes);
      this.#spooledBytes = 0;
    }
    budget.close(use);
  }

  /** Whether part of it is gone: it cannot be handed out from the start again. */
  get isConsumed(): boolean {
    return this.#isConsumed;
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** Whether the client, or all clients together, hold more memory than they may. */
  get isBudgetOver(): boolean {
    return this.#storage.budget.isMemoryOver(this.#use!);
  }

  get isInMemory(): boolean {
    return this.#place === IN_MEMORY;
  }

  /** Whether no more should come in until `onStoreReady`. */
  get isFull(): boolean {
    return this.#place === OPENING || (this.#place === ON_DISK && this.#unwritten >= MAX_UNWRITTEN_BYTES);
  }

  /** Whether all of it is there, where it stays. */
  get isStored(): boolean {
    return this.#isEnded && (this.#place === IN_MEMORY || (this.#file?.length ?? 0) === this.size);
  }

  /** Whether everything taken in so far was handed out. */
  get isHandedOut(): boolean {
    return this.#handedOut === this.size;
  }

  append(buffer: Buffer, start: number, end: number): void {
    const length = end - start;
    const { byteLength } = buffer.buffer;
    const isWhole = this.#areGiven && length === buffer.length;
    const isFirst = this.size === 0;
    this.size += length;
    if (isFirst && byteLength <= REFERENCED_FROM_BYTES) {
      this.#blocks.push(buffer.subarray(start, end));
      this.#count(byteLength);
      return;
    }
    if (length >= REFERENCED_FROM_BYTES && length * 2 >= byteLength) {
      this.#seal();
      this.#add(isWhole ? buffer : buffer.subarray(start, end));
      if (isWhole) this.#given.add(buffer);
      return;
    }
    let position = start;
    while (position < end) {
      if (this.#arena === undefined || this.#arenaEnd === this.#arena.length) this.#openArena(end - position);
      const taken = Math.min(end - position, this.#arena!.length - this.#arenaEnd);
      buffer.copy(this.#arena!, this.#arenaEnd, position, position + taken);
      this.#arenaEnd += taken;
      position += taken;
    }
  }

  /** Moves on what was taken in since the last time, where it goes to disk. */
  settle(): void {
    if (this.#place === ON_DISK) this.#write();
  }

  /** Says that nothing more comes. */
  end(): void {
    this.#isEnded = true;
    this.settle();
  }

  /** Moves it, and what will come, from memory to disk. */
  spill(): void {
    this.#place = OPENING;
    const sequence = this.#sequence;
    this.#storage.spool!.open((file) => {
      if (this.#use === undefined || this.#sequence !== sequence) {
        file?.close();
      } else if (file === undefined) {
        this.#owner.onStoreFailed();
      } else {
        this.#file = file;
        this.#place = ON_DISK;
        this.#write();
        this.#owner.onStoreReady();
      }
    });
  }

  /** Hands it out from the start again; only while nothing of it is gone. */
  rewind(): void {
    // Who was sent them before may not have let go of them.
    if (this.#handedOut > 0) this.#given.clear();
    this.#cursor = 0;
    this.#cursorOffset = 0;
    this.#handedOut = 0;
    if (this.#readAhead !== undefined) this.#count(-this.#readAhead.length);
    this.#readAhead = undefined;
    this.#isReadStale = this.#isReading;
  }

  /** Lets go of what is handed out, now and from here on: there will be no other try. */
  forget(): void {
    this.#isKept = false;
    this.#dropHandedOut();
  }

  /** Nobody needs what was handed out: what is not kept of it gives its memory back. */
  free(): void {
    this.#given.free();
  }

  /**
   * Adds what comes next to `parts`, which stays as it is from then on, and answers its length. 0: that is all for now; where more lies
   * on disk it is being read.
   */
  take(parts: Buffer[]): number {
    const bytes = this.#place === IN_MEMORY ? this.#takeFromMemory(parts) : this.#takeFromDisk(parts);
    this.#handedOut += bytes;
    if (!this.#isKept && bytes > 0) this.#dropHandedOut();
    return bytes;
  }

  #takeFromMemory(parts: Buffer[]): number {
    let bytes = 0;
    while (bytes < BATCH_BYTES) {
      const offset = this.#cursorOffset;
      if (this.#cursor === this.#blocks.length) {
        const start = this.#openStart + offset;
        if (start >= this.#arenaEnd) break;
        parts.push(this.#arena!.subarray(start, this.#arenaEnd));
        this.#cursorOffset = this.#arenaEnd - this.#openStart;
        return bytes + this.#arenaEnd - start;
      }
      const block = this.#blocks[this.#cursor++]!;
      this.#cursorOffset = 0;
      if (offset === block.length) continue;
      parts.push(offset === 0 ? block : block.subarray(offset));
      bytes += block.length - offset;
    }
    return bytes;
  }

  #takeFromDisk(parts: Buffer[]): number {
    const ready = this.#readAhead;
    if (ready === undefined) {
      this.#read(this.#handedOut);
      return 0;
    }
    this.#readAhead = undefined;
    this.#count(-ready.length);
    parts.push(ready);
    this.#given.add(ready);
    this.#given.spend(ready);
    this.#read(this.#handedOut + ready.length);
    return ready.length;
  }

  #read(position: number): void {
    if (this.#isReading || position === this.size) return;
    this.#isReading = true;
    const file = this.#file!;
    const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, this.size - position));
    this.#count(buffer.length);
    file.read(buffer, position, (isDone) => {
      if (this.#file !== file) return;
      this.#isReading = false;
      if (this.#isReadStale || !isDone) this.#count(-buffer.length);
      else this.#readAhead = buffer;
      this.#isReadStale = false;
      if (isDone) this.#owner.onStoreReady();
      else this.#owner.onStoreFailed();
    });
  }

  #dropHandedOut(): void {
    if (this.#handedOut > 0) this.#isConsumed = true;
    if (this.#place !== IN_MEMORY) return;
    let bytes = 0;
    for (let i = 0; i < this.#cursor; i++) {
      const block = this.#blocks[i]!;
      bytes += block.length;
      this.#given.spend(block);
    }
    if (this.#cursor < this.#blocks.length) this.#blocks.splice(0, this.#cursor);
    else while (this.#blocks.length > 0) this.#blocks.pop();
    this.#cursor = 0;
    if (this.#blocks.length === 0) {
      this.#openStart += this.#cursorOffset;
      this.#cursorOffset = 0;
    }
    this.#count(-bytes);
  }

  /** Makes a block of what was copied together so far. */
  #seal(): void {
    if (this.#arenaEnd === this.#openStart) return;
    this.#add(this.#arena!.subarray(this.#openStart, this.#arenaEnd));
    this.#openStart = this.#arenaEnd;
  }

  #add(block: Buffer): void {
    this.#blocks.push(block);
    this.#count(block.length);
  }

  #openArena(wanted: number): void {
    this.#seal();
    const before = this.#arena?.length ?? 0;
    const length = Math.min(MAX_BLOCK_BYTES, Math.max(FIRST_BLOCK_BYTES, before * 2, wanted));
    this.#arena = Buffer.allocUnsafe(length);
    this.#openStart = 0;
    this.#arenaEnd = 0;
    this.#count(length - before);
  }

  #count(bytes: number): void {
    this.#memoryBytes += bytes;
    this.#storage.budget.addMemory(this.#use!, bytes);
  }

  /** What is not written to disk yet, what is just being written included. */
  get #unwritten(): number {
    return this.size - this.#file!.length;
  }

  #write(): void {
    const unwritten = this.#unwritten;
    if (this.#writtenNow > 0 || unwritten === 0) return;
    if (unwritten < WRITTEN_FROM_BYTES && !this.#isEnded) return;
    const { budget } = this.#storage;
    if (!budget.takeSpool(this.#use!, unwritten)) {
      const sequence = this.#sequence;
      queueMicrotask(() => {
        if (this.#use !== undefined && this.#sequence === sequence) this.#owner.onStoreFailed();
      });
      return;
    }
    this.#spooledBytes += unwritten;
    this.#seal();
    const blocks = this.#blocks;
    this.#blocks = [];
    this.#writtenNow = unwritten;
    const file = this.#file!;
    file.append(blocks, (isDone) => {
      if (this.#file !== file) return;
      this.#writtenNow = 0;
      this.#count(-unwritten);
      for (const block of blocks) this.#given.spend(block);
      // Nothing is sent before all of it is there.
      this.#given.free();
      if (!isDone) {
        this.#owner.onStoreFailed();
        return;
      }
      this.#write();
      this.#owner.onStoreReady();
    });
  }
}
