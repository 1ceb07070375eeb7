/** A value at the end of a path; lists and maps are none. */
export type MmdbValue = string | number | bigint | boolean;

/** A database that cannot be read says what is wrong with it. */
export type MmdbOpened =
  | { readonly ok: true; readonly database: Mmdb }
  | { readonly ok: false; readonly problem: string };

const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const METADATA_MAX_BYTES = 131_072;
/** Between the tree and the data. */
const SEPARATOR_BYTES = 16;
const RECORD_BITS: ReadonlySet<number> = new Set([24, 28, 32]);
/** Items that one look-up reads at most: a record of the largest databases has a few hundred. */
const STEPS_MAX = 4096;
const TEXT_MAX_BYTES = 1024;
const POINTERS_MAX = 8;

const POINTER = 1;
const TEXT = 2;
const DOUBLE = 3;
const BYTES = 4;
const UINT16 = 5;
const UINT32 = 6;
const MAP = 7;
const INT32 = 8;
const UINT64 = 9;
const UINT128 = 10;
const LIST = 11;
const BOOLEAN = 14;
const FLOAT = 15;

/** Thrown within, and never out of, this file. */
class Malformed extends Error {}

/**
 * A database in MaxMind's format (https://maxmind.github.io/MaxMind-DB/). Only what a path leads to is read, whatever else a record holds or
 * claims to hold: a look-up ends after a bounded number of steps in any file, and makes nothing but the value.
 */
export class Mmdb {
  readonly type: string;
  readonly ipVersion: number;
  readonly nodeCount: number;
  readonly #bytes: Buffer;
  readonly #recordBits: number;
  readonly #dataAt: number;
  readonly #ipv4Root: number;

  /** Use `openMmdb`. */
  constructor(bytes: Buffer, metadata: Cursor, metadataAt: number) {
    const number = (name: string): number => {
      const value = metadata.valueAt(metadataAt, [name]);
      if (typeof value !== 'number' || value < 0) throw new Malformed(`its metadata has no ${name}`);
      return value;
    };
    this.#bytes = bytes;
    this.nodeCount = number('node_count');
    this.#recordBits = number('record_size');
    this.ipVersion = number('ip_version');
    const format = number('binary_format_major_version');
    if (format !== 2) throw new Malformed(`it is of format ${format}, not 2`);
    if (!RECORD_BITS.has(this.#recordBits)) throw new Malformed(`records of ${this.#recordBits} bits`);
    if (this.ipVersion !== 4 && this.ipVersion !== 6) throw new Malformed(`IP version ${this.ipVersion}`);
    const type = metadata.valueAt(metadataAt, ['database_type']);
    this.type = typeof type === 'string' ? type : '';
    this.#dataAt = this.nodeCount * ((this.#recordBits * 2) / 8) + SEPARATOR_BYTES;
    if (this.#dataAt > bytes.length) throw new Malformed('it is shorter than its tree');
    this.#ipv4Root = this.ipVersion === 4 ? 0 : this.#findIpv4Root();
  }

  /** The record of an address, by its four or sixteen bytes, one per character; -1: there is none. */
  find(address: string): number {
    const isIpv4 = address.length === 4;
    if (!isIpv4 && (address.length !== 16 || this.ipVersion === 4)) return -1;
    let node = isIpv4 ? this.#ipv4Root : 0;
    const bits = address.length * 8;
    for (let i = 0; i < bits && node < this.nodeCount; i++) {
      node = this.#child(node, (address.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1);
    }
    if (node <= this.nodeCount) return -1;
    const at = node - this.nodeCount - SEPARATOR_BYTES + this.#dataAt;
    return at >= this.#dataAt && at < this.#bytes.length ? at : -1;
  }

  /** What a path leads to in a record; undefined: nothing, or what is malformed. Text has one character per byte. */
  read(record: number, path: readonly (string | number)[]): MmdbValue | undefined {
    if (record < 0) return undefined;
    try {
      return new Cursor(this.#bytes, this.#dataAt).valueAt(record, path);
    } catch (error) {
      if (error instanceof Malformed || error instanceof RangeError) return undefined;
      throw error;
    }
  }

  /** The first node that points to neither a node, nor nothing, nor data; undefined: there is none from `from` on for `count` nodes. */
  brokenNode(from: number, count: number): number | undefined {
    const end = Math.min(from + count, this.nodeCount);
    const first = this.nodeCount + SEPARATOR_BYTES;
    const last = first + this.#bytes.length - this.#dataAt;
    for (let node = from; node < end; node++) {
      for (let bit = 0; bit < 2; bit++) {
        const record = this.#child(node, bit);
        if (record > this.nodeCount && (record < first || record >= last)) return node;
      }
    }
    return undefined;
  }

  /** IPv4 addresses stand below 96 zero bits. */
  #findIpv4Root(): number {
    let node = 0;
    for (let i = 0; i < 96 && node < this.nodeCount; i++) node = this.#child(node, 0);
    return node;
  }

  #child(node: number, bit: number): number {
    const bytes = this.#bytes;
    switch (this.#recordBits) {
      case 24:
        return bytes.readUIntBE(node * 6 + bit * 3, 3);
      case 28: {
        const at = node * 7;
        const middle = bytes[at + 3]!;
        return bit === 0
          ? ((middle >> 4) << 24) | bytes.readUIntBE(at, 3)
          : ((middle & 0x0f) << 24) | bytes.readUIntBE(at + 4, 3);
      }
      default:
        return bytes.readUInt32BE(node * 8 + bit * 4);
    }
  }
}

/** Opens a database that is wholly in memory; its bytes are kept and may be shared. Never throws. */
export function openMmdb(bytes: Buffer): MmdbOpened {
  const from = Math.max(0, bytes.length - METADATA_MAX_BYTES);
  const marker = bytes.subarray(from).lastIndexOf(MARKER);
  if (marker < 0) return { ok: false, problem: 'it is no database of MaxMind’s format' };
  const at = from + marker + MARKER.length;
  try {
    return { ok: true, database: new Mmdb(bytes, new Cursor(bytes, at), at) };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, problem: error.message };
    if (error instanceof RangeError) return { ok: false, problem: 'it ends too early' };
    throw error;
  }
}

/** Reads items of one section; pointers count from `base`. */
class Cursor {
  readonly #bytes: Buffer;
  readonly #base: number;
  #at = 0;
  #type = 0;
  #size = 0;
  #steps = 0;

  constructor(bytes: Buffer, base: number) {
    this.#bytes = bytes;
    this.#base = base;
  }

  valueAt(start: number, path: readonly (string | number)[]): MmdbValue | undefined {
    this.#at = start;
    this.#steps = 0;
    for (const step of path) {
      this.#open();
      if (!(typeof step === 'number' ? this.#enterList(step) : this.#enterMap(step))) return undefined;
    }
    this.#open();
    return this.#value();
  }

  /** Stands before the value of a key, or behind the map. */
  #enterMap(key: string): boolean {
    if (this.#type !== MAP) return false;
    for (let left = this.#size; left > 0; left--) {
      const isIt = this.#isKey(key);
      if (isIt) return true;
      this.#skip();
    }
    return false;
  }

  #enterList(index: number): boolean {
    if (this.#type !== LIST || index >= this.#size) return false;
    for (let i = 0; i < index; i++) this.#skip();
    return true;
  }

  /** Reads a key, which may be a pointer, and stands behind it. */
  #isKey(key: string): boolean {
    this.#control();
    let behind = this.#at;
    const isPointer = this.#type === POINTER;
    if (isPointer) {
      const target = this.#pointer();
      behind = this.#at;
      this.#at = target;
      this.#control();
    }
    if (this.#type !== TEXT) throw new Malformed('a key is no text');
    const isIt = this.#size === key.length && this.#text() === key;
    this.#at = isPointer ? behind : this.#at + this.#size;
    return isIt;
  }

  /** Reads the head of an item, through pointers. */
  #open(): void {
    this.#control();
    for (let i = 0; this.#type === POINTER; i++) {
      if (i >= POINTERS_MAX) throw new Malformed('pointers lead to pointers');
      this.#at = this.#pointer();
      this.#control();
    }
  }

  /** Steps over an item, and over what stands in it; no pointer is followed. */
  #skip(): void {
    for (let left = 1; left > 0; left--) {
      this.#control();
      if (this.#type === POINTER) this.#pointer();
      else if (this.#type === MAP) left += this.#size * 2;
      else if (this.#type === LIST) left += this.#size;
      else if (this.#type !== BOOLEAN) this.#at += this.#size;
    }
  }

  /** Reads a control byte and what belongs to it. */
  #control(): void {
    if (++this.#steps > STEPS_MAX) throw new Malformed('a record has too many items');
    const control = this.#byte();
    this.#type = control >> 5;
    if (this.#type === POINTER) {
      this.#size = control & 0x1f;
      return;
    }
    if (this.#type === 0) this.#type = this.#byte() + 7;
    const size = control & 0x1f;
    if (size < 29) this.#size = size;
    else if (size === 29) this.#size = 29 + this.#number(1);
    else if (size === 30) this.#size = 285 + this.#number(2);
    else this.#size = 65_821 + this.#number(3);
  }

  /** Where a pointer leads, whose control byte was read. */
  #pointer(): number {
    const high = this.#size & 7;
    switch (this.#size >> 3) {
      case 0:
        return this.#base + high * 0x100 + this.#number(1);
      case 1:
        return this.#base + high * 0x1_0000 + this.#number(2) + 2048;
      case 2:
        return this.#base + high * 0x100_0000 + this.#number(3) + 526_336;
      default:
        return this.#base + this.#number(4);
    }
  }

  #value(): MmdbValue | undefined {
    const size = this.#size;
    const bytes = this.#bytes;
    switch (this.#type) {
      case TEXT:
      case BYTES:
        return size > TEXT_MAX_BYTES ? undefined : this.#text();
      case DOUBLE:
        return size === 8 ? bytes.readDoubleBE(this.#at) : undefined;
      case FLOAT:
        return size === 4 ? bytes.readFloatBE(this.#at) : undefined;
      case BOOLEAN:
        return size !== 0;
      case UINT16:
      case UINT32:
        return size <= 4 ? this.#number(size) : undefined;
      case INT32:
        return size === 4 ? bytes.readInt32BE(this.#at) : size < 4 ? this.#number(size) : undefined;
      case UINT64:
      case UINT128:
        return size <= 16 ? this.#bigNumber(size) : undefined;
      default:
        return undefined;
    }
  }

  #text(): string {
    const end = this.#at + this.#size;
    if (end > this.#bytes.length) throw new Malformed('a text ends behind the file');
    return this.#bytes.toString('latin1', this.#at, end);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Malformed('an item stands behind the file');
    return byte;
  }

  #number(size: number): number {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#byte();
    return value;
  }

  #bigNumber(size: number): bigint {
    let value = 0n;
    for (let i = 0; i < size; i++) value = value * 256n + BigInt(this.#byte());
    return value;
  }
}
