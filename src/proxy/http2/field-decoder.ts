import type { HeadLimits } from '../message/head-parser.ts';
import { FieldList, type FieldsKind, type SecretNames } from './field-list.ts';
import type { Share } from './frame-reader.ts';
import { HpackDecoder } from './hpack-decoder.ts';

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
  readonly #decoder = new HpackDecoder();
  /** Where blocks go that nobody wants. */
  readonly #scrap: FieldList;

  constructor(limits: () => HeadLimits, secrets: SecretNames, share: Share) {
    this.#limits = limits;
    this.#share = share;
    this.#scrap = new FieldList(limits(), secrets);
  }

  /** False: it is no block. */
  decode(into: FieldList, kind: FieldsKind, buffer: Buffer, start: number, end: number): boolean {
    into.begin(kind, this.#limits());
    return this.#read(into, buffer, start, end);
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
