import { HEADER_NAMES } from '../message/known-headers.ts';
import { DynamicTable } from './dynamic-table.ts';
import { BAD_VALUE, classifyName, classifyValue, Field, FIRST_PSEUDO } from './field.ts';
import { decodeHuffman, longestDecoded } from './huffman.ts';
import { DEFAULT_TABLE_SIZE, STATIC_TABLE } from './static-table.ts';

/** Where decoded fields go. */
export interface FieldSink {
  /** Whether fields are still wanted; what the table needs is decoded either way. */
  readonly isOpen: boolean;
  /** `line` is the field as a header line, where there is one already. */
  add(name: string, value: string, id: number, flags: number, line: string | undefined): void;
  /** The field that is added next must not be indexed by anybody (RFC 7541 §6.2.3). */
  neverIndexed(name: string): void;
}

const STATIC_FIELDS: readonly Field[] = STATIC_TABLE.map(([name, value]) => {
  const octets = Buffer.from(name);
  return new Field(name, value, classifyName(octets, 0, octets.length) & 0xff, 0);
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
  /** Of the name that was read last. */
  #name = '';
  #id = 0;
  #flags = 0;

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
        const { id } = field;
        into.add(field.name, field.value, id, field.flags, id < FIRST_PSEUDO ? field.line : undefined);
      } else if (octet >= 0x40) {
        if (!this.#readName(buffer, end, octet, 0x3f) || !this.#insert(buffer, end, into)) return false;
      } else if (octet >= 0x20) {
        return false;
      } else {
        if (!this.#readName(buffer, end, octet, 0x0f)) return false;
        if (octet >= 0x10) into.neverIndexed(this.#name);
        if (!this.#pass(buffer, end, into)) return false;
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
    const length = this.#string(buffer, end);
    if (length < 0) return false;
    const flags = this.#flags | classifyValue(scratch, 0, length);
    const field = new Field(this.#name, scratch.toString('latin1', 0, length), this.#id, flags);
    this.table.insert(field);
    into.add(field.name, field.value, field.id, flags, undefined);
    return true;
  }

  #pass(buffer: Buffer, end: number, into: FieldSink): boolean {
    const length = this.#string(buffer, end);
    if (length < 0) return false;
    if (!into.isOpen) return true;
    const flags = this.#flags | classifyValue(scratch, 0, length);
    into.add(this.#name, scratch.toString('latin1', 0, length), this.#id, flags, undefined);
    return true;
  }

  /** Reads a string into `scratch`; answers its length, -1 when it is none. */
  #string(buffer: Buffer, end: number): number {
    if (this.#position >= end) return -1;
    const isCoded = buffer[this.#position]! >= 0x80;
    const length = this.#integer(buffer, end, 0x7f);
    const start = this.#position;
    if (length < 0 || length > end - start) return -1;
    this.#position = start + length;
    const room = isCoded ? longestDecoded(length) : length;
    if (room > scratch.length) scratch = Buffer.allocUnsafeSlow(room * 2);
    if (isCoded) return decodeHuffman(buffer, start, start + length, scratch);
    for (let i = 0; i < length; i++) scratch[i] = buffer[start + i]!;
    return length;
  }
}
