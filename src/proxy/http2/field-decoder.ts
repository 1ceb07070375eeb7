import type { HeadLimits } from '../message/head-parser.ts';
import type { Field } from './field.ts';
import { FieldList, type FieldsKind, MANY_FIELDS, type SecretNames } from './field-list.ts';
import type { Share } from './frame-reader.ts';
import { HpackDecoder } from './hpack-decoder.ts';
import type { KnownFields } from './known-fields.ts';

/** What a block costs beyond its frame, in units of a turn; and how many fields, or octets, make a unit, as powers of two. */
const BLOCK_UNITS = 20;
const FIELD_BITS = 1;
const IGNORED_BITS = 4;
const OCTET_BITS = 7;

/** Reads blocks of fields, and counts what they cost. */
export class FieldDecoder {
  /** Fields of the last block that came when none were wanted any more. */
  ignored = 0;
  readonly #limits: () => HeadLimits;
  readonly #share: Share;
  readonly #decoder: HpackDecoder;
  /** Fields of the last message, and their number; messages with the same ones have the same number. */
  readonly #last: Field[] = [];
  #likeness = 0;
  /** Where blocks go that nobody wants. */
  readonly #scrap: FieldList;

  constructor(limits: () => HeadLimits, secrets: SecretNames, known: KnownFields, share: Share) {
    this.#decoder = new HpackDecoder(known);
    this.#limits = limits;
    this.#share = share;
    this.#scrap = new FieldList(limits(), secrets);
  }

  /** False: it is no block. */
  decode(into: FieldList, kind: FieldsKind, buffer: Buffer, start: number, end: number): boolean {
    into.begin(kind, this.#limits());
    if (!this.#read(into, buffer, start, end)) return false;
    if (into.count <= MANY_FIELDS) this.#compare(into);
    return true;
  }

  /** Decodes a block that nobody wants: the table needs it. */
  skip(buffer: Buffer, start: number, end: number): boolean {
    const scrap = this.#scrap;
    scrap.begin('request', this.#limits());
    scrap.isMalformed = true;
    return this.#read(scrap, buffer, start, end);
  }

  /** Lets go of what only a busy connection needs. */
  release(): void {
    this.#scrap.release();
    while (this.#last.length > 0) this.#last.pop();
    this.#likeness++;
  }

  /** Only fields that are the same object are the same: what recurs is kept once (known-fields.ts, the table). Of many fields nothing is said. */
  #compare(list: FieldList): void {
    const last = this.#last;
    const { count } = list;
    let isSame = last.length === count;
    while (last.length > count) last.pop();
    for (let i = 0; i < count; i++) {
      const field = list.fieldAt(i);
      if (i === last.length) last.push(field);
      else if (last[i] !== field) last[i] = field;
      else continue;
      isSame = false;
    }
    if (!isSame) this.#likeness++;
    list.likeness = this.#likeness;
  }

  #read(into: FieldList, buffer: Buffer, start: number, end: number): boolean {
    const isBlock = this.#decoder.decode(buffer, start, end, into);
    this.ignored = into.ignored;
    this.#share.left -=
      BLOCK_UNITS +
      (into.count >> FIELD_BITS) +
      (into.ignored >> IGNORED_BITS) +
      ((end - start) >> OCTET_BITS);
    return isBlock;
  }
}
