import type { HeadLimits } from '../message/head-parser.ts';
import { type HeadText, parsedLines } from '../message/head-text.ts';
import type { HeaderBlock } from '../message/heads.ts';
import { HEADER, headerIdOf, isGuardedAlike, NEVER_FORWARDED } from '../message/known-headers.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import {
  BAD_NAME,
  BAD_VALUE,
  Field,
  FIRST_PSEUDO,
  HAS_UNDERSCORE,
  IS_ODD,
  NO_FIELD,
  PSEUDO,
} from './field.ts';
import type { FieldSink } from './hpack-decoder.ts';
import { ENTRY_OVERHEAD } from './static-table.ts';

/** What a block of fields stands for. */
export type FieldsKind = 'request' | 'response' | 'trailers';

const REQUEST_PSEUDO =
  pseudoBit(PSEUDO[':method']) |
  pseudoBit(PSEUDO[':scheme']) |
  pseudoBit(PSEUDO[':authority']) |
  pseudoBit(PSEUDO[':path']) |
  pseudoBit(PSEUDO[':protocol']);
const RESPONSE_PSEUDO = pseudoBit(PSEUDO[':status']);

/** Speak of a connection, which HTTP/2 has no words for: they make a message malformed (RFC 9113 §8.2.2). */
const OF_CONNECTIONS = new Uint8Array(256);
for (const name of [
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
] as const) {
  OF_CONNECTIONS[HEADER[name]] = 1;
}

function pseudoBit(id: number): number {
  return 1 << (id - FIRST_PSEUDO);
}

/** Of more, the room is not kept for the next message, and no two messages are compared. */
export const MANY_FIELDS = 64;

/** Where fields are told that nobody may index them. */
export interface SecretNames {
  markSecret(name: string): void;
}

/** The fields of one message, as the other rooms read header lines. Nothing is made for a field that recurs. */
export class FieldList implements FieldSink, HeaderBlock {
  count = 0;
  likeness = 0;
  method: string | undefined = undefined;
  scheme: string | undefined = undefined;
  authority: string | undefined = undefined;
  path: string | undefined = undefined;
  protocol: string | undefined = undefined;
  status: string | undefined = undefined;
  /** Whether the message is malformed (RFC 9113 §8.1.1). */
  isMalformed = false;
  /** Fields that came when none were wanted any more. */
  ignored = 0;
  /** What it is to be refused with, short of that. */
  error: ProxyErrorCode | undefined = undefined;
  /** Bit n: a field with known-name number n (below 12) is there; bit 12 + n: it is there twice. */
  seen = 0;
  readonly #fields: Field[] = [];
  #authority = NO_FIELD;
  #path = NO_FIELD;
  readonly #secrets: SecretNames;
  #limits: HeadLimits;
  #kind: FieldsKind = 'request';
  #pseudoSeen = 0;
  #hasRegular = false;
  #fieldCount = 0;
  #octets = 0;

  constructor(limits: HeadLimits, secrets: SecretNames) {
    this.#limits = limits;
    this.#secrets = secrets;
  }

  /** Begins anew. */
  begin(kind: FieldsKind, limits: HeadLimits): void {
    this.#kind = kind;
    this.#limits = limits;
    this.release();
    this.likeness = 0;
    this.isMalformed = false;
    this.ignored = 0;
    this.error = undefined;
    this.seen = 0;
    this.#pseudoSeen = 0;
    this.#hasRegular = false;
    this.#fieldCount = 0;
    this.#octets = 0;
  }

  /** Lets go of all texts: an idle connection should hold none. */
  release(): void {
    if (this.count > MANY_FIELDS) this.#drop();
    // Written over instead of taken out: what is taken out takes the room with it, which the next message needs.
    while (this.count > 0) {
      this.#fields[--this.count] = NO_FIELD;
    }
    this.method = undefined;
    this.scheme = undefined;
    this.authority = undefined;
    this.#authority = NO_FIELD;
    this.#path = NO_FIELD;
    this.path = undefined;
    this.protocol = undefined;
    this.status = undefined;
  }

  get isOpen(): boolean {
    return this.error === undefined && !this.isMalformed;
  }

  neverIndexed(name: string): void {
    this.#secrets.markSecret(name);
  }

  add(field: Field): void {
    if (!this.isOpen) {
      this.ignored++;
      return;
    }
    const { maxHeadBytes, maxHeaderLineBytes, maxHeaders } = this.#limits;
    const { name, value, id, flags } = field;
    const octets = name.length + value.length;
    this.#octets += octets + ENTRY_OVERHEAD;
    // As many octets more as HTTP/1.1 has in no line, so that what passes there passes here.
    if (octets > maxHeaderLineBytes || this.#octets > maxHeadBytes + maxHeaders * ENTRY_OVERHEAD) {
      this.error = 'header_too_large';
      return;
    }
    if ((flags & (BAD_NAME | BAD_VALUE)) !== 0) {
      this.isMalformed = true;
      return;
    }
    if (id >= FIRST_PSEUDO) {
      this.#addPseudo(field);
      return;
    }
    this.#hasRegular = true;
    if (++this.#fieldCount > maxHeaders) {
      this.error = 'header_too_large';
      return;
    }
    if (id > 0 && id < 12) {
      const bit = 1 << id;
      if ((this.seen & bit) !== 0) this.seen |= bit << 12;
      this.seen |= bit;
      if (OF_CONNECTIONS[id] === 1 || (id === HEADER.te && !this.#isTrailersOnly(value))) {
        this.isMalformed = true;
        return;
      }
    }
    if (flags !== 0 && this.#kind !== 'response' && !this.#isNameTaken(name, flags)) return;
    this.#push(field);
  }

  /** Its path with that method, as the log has it. */
  requestLine(method: string): string {
    return this.#path.requestLine(method);
  }

  fieldAt(index: number): Field {
    return this.#fields[index]!;
  }

  /** Has the authority be Host, in place of what the fields say (RFC 9113 §8.3.1). */
  takeAuthority(): void {
    const { host } = this.#authority;
    for (let i = 0; i < this.count; i++) {
      if (this.#fields[i]!.id !== HEADER.host) continue;
      this.#fields[i] = host;
      return;
    }
    this.#push(host);
  }

  /** Adds a field of our own: the message is like no other then. */
  append(lowerName: string, value: string): void {
    this.likeness = 0;
    this.#push(new Field(lowerName, value, headerIdOf(lowerName), 0));
  }

  get text(): string {
    let text = '';
    for (let i = 0; i < this.count; i++) text += this.#fields[i]!.line;
    return text;
  }

  idAt(index: number): number {
    return this.#fields[index]!.id;
  }

  nameAt(index: number): string {
    return this.#fields[index]!.name;
  }

  lowerNameAt(index: number): string {
    return this.#fields[index]!.name;
  }

  valueAt(index: number): string {
    return this.#fields[index]!.value;
  }

  get(lowerName: string): string | undefined {
    const id = headerIdOf(lowerName);
    let found: string | undefined;
    for (let i = 0; i < this.count; i++) {
      const { id: other, name, value } = this.#fields[i]!;
      if (other !== id || (id === 0 && name !== lowerName)) continue;
      found = found === undefined ? value : found + (id === HEADER.cookie ? '; ' : ', ') + value;
    }
    return found;
  }

  byId(id: number): string | undefined {
    for (let i = 0; i < this.count; i++) if (this.#fields[i]!.id === id) return this.#fields[i]!.value;
    return undefined;
  }

  has(id: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.#fields[i]!.id === id) return true;
    return false;
  }

  forwardable(dropped: Uint8Array, droppedNames?: ReadonlySet<string>): HeadText {
    let text = '';
    let isCookieDone = false;
    for (let i = 0; i < this.count; i++) {
      const field = this.#fields[i]!;
      const { id } = field;
      if (NEVER_FORWARDED[id] === 1 || dropped[id] === 1) continue;
      if (droppedNames !== undefined && this.#isListed(field.name, droppedNames)) continue;
      if (id === HEADER.cookie) {
        if (isCookieDone) continue;
        isCookieDone = true;
        // Crumbs are one field again (RFC 9113 §8.2.3).
        if (this.#hasAnother(i)) {
          text += `cookie: ${this.get('cookie')}\r\n`;
          continue;
        }
      }
      text += field.line;
    }
    return parsedLines(text);
  }

  copy(): FieldList {
    const copy = new FieldList(this.#limits, this.#secrets);
    copy.seen = this.seen;
    for (let i = 0; i < this.count; i++) copy.#push(this.#fields[i]!);
    return copy;
  }

  /** Gives the room of many fields back. */
  #drop(): void {
    this.count = 0;
    this.#fields.length = 0;
  }

  #isListed(name: string, dropped: ReadonlySet<string>): boolean {
    if (dropped.has(name)) return true;
    return this.#kind !== 'response' && name.includes('_') && dropped.has(name.replaceAll('_', '-'));
  }

  #hasAnother(index: number): boolean {
    const { id } = this.#fields[index]!;
    for (let i = index + 1; i < this.count; i++) if (this.#fields[i]!.id === id) return true;
    return false;
  }

  #push(field: Field): void {
    const index = this.count++;
    if (index === this.#fields.length) this.#fields.push(field);
    else this.#fields[index] = field;
  }

  #addPseudo(field: Field): void {
    const { value, id } = field;
    const known = this.#kind === 'request' ? REQUEST_PSEUDO : this.#kind === 'response' ? RESPONSE_PSEUDO : 0;
    const bit = pseudoBit(id);
    // One that has no place here, or not this one, or that came already (RFC 9113 §8.3).
    if ((known & bit) === 0 || (this.#pseudoSeen & bit) !== 0 || this.#hasRegular) {
      this.isMalformed = true;
      return;
    }
    this.#pseudoSeen |= bit;
    if (id === PSEUDO[':method']) this.method = value;
    else if (id === PSEUDO[':path']) {
      this.path = value;
      this.#path = field;
    } else if (id === PSEUDO[':scheme']) this.scheme = value;
    else if (id === PSEUDO[':status']) this.status = value;
    else if (id === PSEUDO[':authority']) {
      this.authority = value;
      this.#authority = field;
    } else this.protocol = value;
  }

  /** Requests alone may have TE, and only to say that (RFC 9113 §8.2.2). */
  #isTrailersOnly(value: string): boolean {
    return this.#kind === 'request' && value.toLowerCase() === 'trailers';
  }

  /** What HTTP/1.1's parser does with such names: dropped, or the whole refused. */
  #isNameTaken(name: string, flags: number): boolean {
    const { areUnderscoresAllowed, areInvalidHeadersIgnored } = this.#limits;
    if ((flags & IS_ODD) === 0 && areUnderscoresAllowed && (flags & HAS_UNDERSCORE) !== 0) {
      return !isGuardedAlike(name);
    }
    if (!areInvalidHeadersIgnored) this.error = 'bad_header_name';
    return false;
  }
}
