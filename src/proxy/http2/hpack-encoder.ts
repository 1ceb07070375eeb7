import type { HeadText } from '../message/head-text.ts';
import { DynamicTable } from './dynamic-table.ts';
import { copyOctets } from './octet-copy.ts';
import { longestString, writeInteger, writeString } from './hpack-primitives.ts';
import type { KnownLine, KnownLines } from './known-lines.ts';
import { DEFAULT_TABLE_SIZE, STATIC_NAMES, STATIC_TABLE } from './static-table.ts';

const STATIC_COUNT = STATIC_TABLE.length;
const STATUS_NAME = STATIC_NAMES.get(':status')!;
const CONTENT_LENGTH_NAME = STATIC_NAMES.get('content-length')!;
/** By status; 0: none. */
const STATUS_INDEXES = new Uint8Array(1000);
for (const [i, [name, value]] of STATIC_TABLE.entries()) {
  if (name === ':status') STATUS_INDEXES[Number(value)] = i + 1;
}

/* First octets of what stands for a field (RFC 7541 §6). */
const INDEXED = 0x80;
const WITH_INDEXING = 0x40;
const SIZE_UPDATE = 0x20;
const NEVER_INDEXED = 0x10;
const WITHOUT_INDEXING = 0x00;

/** Parts of a message that are encoded by themselves. */
export const PART = { lines: 0, date: 1, trailing: 2, trailers: 3 } as const;

/** Blocks that are remembered by connection for each part of a message, a power of two; and the longest text of one. */
const REMEMBERED = 4;
const MAX_REMEMBERED_LENGTH = 2048;
/** A line that takes more of the table than this pushes out too much else. */
const MAX_SHARE = 1 / 4;
/** Room for a prefix with its number. */
const PREFIX_BYTES = 6;

/** What one block was encoded to. */
class Remembered {
  text = '';
  bytes: Buffer = Buffer.alloc(0);
  /** What the indexes in it mean holds for that state of the table. */
  tableChanges = -1;
  /** Which lines are secret holds for that state of what is known. */
  secretNames = 0;
}

/** The block that is being encoded; one at a time in a worker. */
export class BlockBuffer {
  buffer: Buffer = Buffer.allocUnsafeSlow(4096);
  length = 0;

  /** Makes room for so many octets more. */
  reserve(octets: number): void {
    if (this.buffer.length - this.length >= octets) return;
    const larger = Buffer.allocUnsafeSlow((this.length + octets) * 2);
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}

/** One direction's encoder (RFC 7541). Blocks have to be sent in the order in which they are encoded. */
export class HpackEncoder {
  readonly table = new DynamicTable<KnownLine>();
  readonly #block: BlockBuffer;
  readonly #lines: KnownLines;
  /** Least size since the last block, of which that has to tell; -1: it did not change. */
  #leastSize = -1;
  readonly #remembered: (Remembered | undefined)[] = [];

  constructor(block: BlockBuffer, lines: KnownLines) {
    this.#block = block;
    this.#lines = lines;
  }

  /** What the other side's decoder allows (SETTINGS_HEADER_TABLE_SIZE); no more than the default is used. */
  allowTableSize(allowed: number): void {
    const size = Math.min(allowed, DEFAULT_TABLE_SIZE);
    if (size === this.table.maxSize) return;
    this.#leastSize = this.#leastSize < 0 ? size : Math.min(this.#leastSize, size);
    this.table.resize(size);
  }

  /** Begins a block in `BlockBuffer`: says what became of the table's size (RFC 7541 §4.2). */
  begin(): void {
    const block = this.#block;
    block.length = 0;
    if (this.#leastSize < 0) return;
    const { maxSize } = this.table;
    if (this.#leastSize < maxSize) this.#integer(this.#leastSize, 5, SIZE_UPDATE);
    this.#integer(maxSize, 5, SIZE_UPDATE);
    this.#leastSize = -1;
  }

  status(status: number): void {
    const index = STATUS_INDEXES[status] ?? 0;
    if (index !== 0) {
      this.#integer(index, 7, INDEXED);
      return;
    }
    this.#integer(STATUS_NAME, 4, WITHOUT_INDEXING);
    this.#string(String(status));
  }

  contentLength(length: number): void {
    this.#integer(CONTENT_LENGTH_NAME, 4, WITHOUT_INDEXING);
    this.#string(String(length));
  }

  /** A field whose value changes from block to block: it leaves the table as it is. */
  passing(name: string, value: string): void {
    const index = STATIC_NAMES.get(name) ?? 0;
    this.#integer(index, 4, WITHOUT_INDEXING);
    if (index === 0) this.#string(name);
    this.#string(value);
  }

  /** One line, without CRLF; its name may be a pseudo name. */
  line(text: string): void {
    this.#field(this.#lines.find(text, 0, text.length));
  }

  /** Header lines, each ended by CRLF. Parts of a message do not drive each other out of what is remembered. */
  lines(text: HeadText, part: number = PART.lines): void {
    const { length } = text;
    if (length > MAX_REMEMBERED_LENGTH) {
      this.#read(text);
      return;
    }
    const slot = part * REMEMBERED + (length & (REMEMBERED - 1));
    while (this.#remembered.length <= slot) this.#remembered.push(undefined);
    const remembered = this.#remembered[slot];
    if (
      remembered !== undefined &&
      remembered.tableChanges === this.table.changes &&
      remembered.secretNames === this.#lines.secretNames &&
      remembered.text === (text as string)
    ) {
      this.#bytes(remembered.bytes);
      return;
    }
    const start = this.#block.length;
    const { changes } = this.table;
    if (this.#read(text) && changes === this.table.changes) this.#remember(slot, text, start);
  }

  /** Lets go of what is remembered; the table stays as it is. */
  forget(): void {
    while (this.#remembered.length > 0) this.#remembered.pop();
  }

  /** Encodes them one by one; answers whether the same text may come again and would be encoded the same. */
  #read(text: HeadText): boolean {
    let isRecurring = true;
    let start = 0;
    for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n', start)) {
      const known = this.#lines.find(text, start, end);
      this.#field(known);
      if (!known.isRecurring) isRecurring = false;
      start = end + 2;
    }
    return isRecurring;
  }

  #remember(slot: number, text: string, start: number): void {
    const block = this.#block;
    const remembered = (this.#remembered[slot] ??= new Remembered());
    remembered.text = text;
    remembered.bytes = Buffer.from(block.buffer.subarray(start, block.length));
    remembered.tableChanges = this.table.changes;
    remembered.secretNames = this.#lines.secretNames;
  }

  #field(known: KnownLine): void {
    if (known.staticField > 0) {
      this.#integer(known.staticField, 7, INDEXED);
      return;
    }
    const { table } = this;
    if (!known.isRecurring) {
      this.#literal(known, 4, known.isSecret ? NEVER_INDEXED : WITHOUT_INDEXING);
      return;
    }
    const index = table.indexOf(known);
    if (index >= 0) {
      this.#integer(index + STATIC_COUNT + 1, 7, INDEXED);
    } else if (known.size > table.maxSize * MAX_SHARE) {
      this.#literal(known, 4, WITHOUT_INDEXING);
    } else {
      this.#literal(known, 6, WITH_INDEXING);
      table.insert(known);
    }
  }

  #literal(known: KnownLine, prefixBits: number, first: number): void {
    this.#integer(known.staticName, prefixBits, first);
    if (known.isRecurring) {
      this.#bytes(known.literal);
      return;
    }
    const block = this.#block;
    block.reserve(longestString(known.name) + longestString(known.value));
    block.length = known.writeLiteral(block.buffer, block.length);
  }

  #integer(value: number, prefixBits: number, first: number): void {
    const block = this.#block;
    block.reserve(PREFIX_BYTES);
    block.length = writeInteger(value, prefixBits, first, block.buffer, block.length);
  }

  #string(text: string): void {
    const block = this.#block;
    block.reserve(longestString(text));
    block.length = writeString(text, block.buffer, block.length);
  }

  #bytes(bytes: Buffer): void {
    const block = this.#block;
    block.reserve(bytes.length);
    copyOctets(bytes, 0, bytes.length, block.buffer, block.length);
    block.length += bytes.length;
  }
}
