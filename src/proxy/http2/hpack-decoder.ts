import { HEADER_NAMES } from '../message/known-headers.ts';
import { DynamicTable } from './dynamic-table.ts';
import { BAD_VALUE, classifyName, classifyValue, Field, FIRST_PSEUDO } from './field.ts';
import { decodeHuffman, longestDecoded } from './huffman.ts';
import { KnownFields } from './known-fields.ts';
import { DEFAULT_TABLE_SIZE, STATIC_TABLE } from './static-table.ts';

/** Where decoded fields go. */
export interface FieldSink {
  /** Whether fields are still wanted; what the table needs is decoded either way. */
  readonly isOpen: boolean;
  add(field: Field): void;
  /** The field that is added next must not be indexed by anybody (RFC 7541 §6.2.3). */
  neverIndexed(name: string): void;
}

const STATIC_FIELDS: readonly Field[] = STATIC_TABLE.map(([name, value]) => {
  const octets = Buffer.from(name);
  const field = new Field(name, value, classifyName(octets, 0, octets.length) & 0xff, 0);
  field.isShared = true;
  return field;
});
const STATIC_COUNT = STATIC_FIELDS.length;

/** Numbers beyond that name nothing that could be there; five octets hold more (RFC 7541 §5.1). */
const MAX_INTEGER = 1 << 24;
/** Size updates that one block may begin with (RFC 7541 §4.2). */
const MAX_UPDATES = 2;

/** The string that was decoded last; one is decoded at a time. */
let scratch = Buffer.allocUnsafeSlow(1024);

/** One direction's decoder (RFC 7541). A failure leaves it unusable: it ends the connection. */
export class HpackDecoder {
  readonly table = new DynamicTable<Field>();
  /** What we allow: SETTINGS_HEADER_TABLE_SIZE. */
  #allowedSize = DEFAULT_TABLE_SIZE;
  #isUpdateDue = false;
  #position = 0;
  readonly #known: KnownFields;
  /** Whether the string that was begun last is Huffman-coded. */
  #isCoded = false;
  /** Of the name that was read last. */
  #name = '';
  #id = 0;
  #flags = 0;

  constructor(known: KnownFields = new KnownFields()) {
    this.#known = known;
  }

  /** The other side has acknowledged this size; it has to say in its next block that it keeps to it (RFC 7541 §4.2). */
  allowTableSize(size: number): void {
    this.#allowedSize = size;
    this.#isUpdateDue = size < this.table.maxSize;
  }

  /** Decodes a whole block into fields; false: it is no block (COMPRESSION_ERROR). */
  decode(buffer: Buffer, start: number, end: number, into: FieldSink): boolean {
    this.#position = start;
    if (!this.#readUpdates(buffer, end)) return false;
    while (this.#position < end) {
      const octet = buffer[this.#position]!;
      if (octet >= 0x80) {
        let index = octet & 0x7f;
        if (index === 0x7f) index = this.#integer(buffer, end, 0x7f);
        else this.#position++;
        const field = this.#fieldAt(index);
        if (field === undefined) return false;
        into.add(field);
      } else if (octet >= 0x40) {
        if (!this.#readName(buffer, end, octet, 0x3f) || !this.#insert(buffer, end, into)) return false;
      } else if (octet >= 0x20) {
        return false;
      } else {
        if (!this.#readName(buffer, end, octet, 0x0f)) return false;
        const isSecret = octet >= 0x10;
        if (isSecret) into.neverIndexed(this.#name);
        if (!this.#pass(buffer, end, into, isSecret)) return false;
      }
    }
    return true;
  }

  /** Size updates stand before the first field and nowhere else (RFC 7541 §4.2). */
  #readUpdates(buffer: Buffer, end: number): boolean {
    let updates = 0;
    while (this.#position < end && buffer[this.#position]! >>> 5 === 1) {
      const size = this.#integer(buffer, end, 0x1f);
      if (size < 0 || size > this.#allowedSize || ++updates > MAX_UPDATES) return false;
      this.table.resize(size);
    }
    if (!this.#isUpdateDue || this.#position >= end) return true;
    this.#isUpdateDue = false;
    return updates > 0 && this.table.maxSize <= this.#allowedSize;
  }

  /** Field by index; undefined where there is none, 0 included (RFC 7541 §6.1). */
  #fieldAt(index: number): Field | undefined {
    return index <= STATIC_COUNT ? STATIC_FIELDS[index - 1] : this.table.at(index - STATIC_COUNT - 1);
  }

  /** Number with a prefix of that mask's bits; -1 when it ends early or is too large. */
  #integer(buffer: Buffer, end: number, mask: number): number {
    let value = buffer[this.#position++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 28; shift += 7) {
      if (this.#position >= end) return -1;
      const octet = buffer[this.#position++]!;
      value += (octet & 0x7f) * 2 ** shift;
      if (value > MAX_INTEGER) return -1;
      if (octet < 0x80) return value;
    }
    return -1;
  }

  #readName(buffer: Buffer, end: number, octet: number, mask: number): boolean {
    let index = octet & mask;
    if (index === mask) {
      index = this.#integer(buffer, end, mask);
      if (index < 0) return false;
    } else {
      this.#position++;
    }
    if (index > 0) {
      const field = this.#fieldAt(index);
      if (field === undefined) return false;
      this.#name = field.name;
      this.#id = field.id;
      this.#flags = field.flags & ~BAD_VALUE;
      return true;
    }
    const length = this.#string(buffer, end);
    if (length < 0) return false;
    const classified = classifyName(scratch, 0, length);
    const id = classified & 0xff;
    this.#id = id;
    this.#flags = classified >>> 8;
    this.#name = id > 0 && id < FIRST_PSEUDO ? HEADER_NAMES[id]! : scratch.toString('latin1', 0, length);
    return true;
  }

  #insert(buffer: Buffer, end: number, into: FieldSink): boolean {
    const field = this.#literal(buffer, end, false);
    if (field === undefined) return false;
    field.isShared = true;
    this.table.insert(field);
    into.add(field);
    return true;
  }

  #pass(buffer: Buffer, end: number, into: FieldSink, isSecret: boolean): boolean {
    if (!into.isOpen) return this.#string(buffer, end) >= 0;
    const field = this.#literal(buffer, end, isSecret);
    if (field === undefined) return false;
    into.add(field);
    return true;
  }

  /** The field of the name that was read last, with the value that comes; undefined: that is no string. */
  #literal(buffer: Buffer, end: number, isSecret: boolean): Field | undefined {
    const length = this.#stringLength(buffer, end);
    if (length < 0) return undefined;
    const known = this.#known;
    const start = this.#position;
    const isCoded = this.#isCoded;
    if (!isSecret) {
      const found = known.find(this.#name, this.#id, buffer, start, start + length, isCoded);
      if (found !== undefined) {
        this.#position = start + length;
        return found;
      }
    }
    const decoded = this.#read(buffer, length);
    if (decoded < 0) return undefined;
    const flags = this.#flags | classifyValue(scratch, 0, decoded);
    const field = new Field(this.#name, scratch.toString('latin1', 0, decoded), this.#id, flags);
    if (!isSecret) known.keep(field, buffer, start, start + length, isCoded);
    return field;
  }

  /** Reads a string into `scratch`; answers its length, -1 when it is none. */
  #string(buffer: Buffer, end: number): number {
    const length = this.#stringLength(buffer, end);
    return length < 0 ? -1 : this.#read(buffer, length);
  }

  /** Octets of the string that comes, and how it is coded; -1 when there are not so many. */
  #stringLength(buffer: Buffer, end: number): number {
    if (this.#position >= end) return -1;
    this.#isCoded = buffer[this.#position]! >= 0x80;
    const length = this.#integer(buffer, end, 0x7f);
    return length > end - this.#position ? -1 : length;
  }

  #read(buffer: Buffer, length: number): number {
    const start = this.#position;
    this.#position = start + length;
    const isCoded = this.#isCoded;
    const room = isCoded ? longestDecoded(length) : length;
    if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(room * 2);
    if (isCoded) return decodeHuffman(buffer, start, start + length, scratch);
    for (let i = 0; i < length; i++) scratch[i] = buffer[start + i]!;
    return length;
  }
}
