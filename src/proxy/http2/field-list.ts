import type { HeadLimits } from '../message/head-parser.ts';
import { type HeadText, parsedLines } from '../message/head-text.ts';
import type { HeaderBlock } from '../message/heads.ts';
import { HEADER, headerIdOf, isGuardedAlike, NEVER_FORWARDED } from '../message/known-headers.ts';
import type { ProxyErrorCode } from '../message/proxy-errors.ts';
import { BAD_NAME, BAD_VALUE, FIRST_PSEUDO, HAS_UNDERSCORE, IS_ODD, PSEUDO } from './field.ts';
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

/** Fields whose room is kept for the next message. */
const MANY_FIELDS = 64;

/** Where fields are told that nobody may index them. */
export interface SecretNames {
  markSecret(name: string): void;
}

/** The fields of one message, as the other rooms read header lines. Nothing is made per field. */
export class FieldList implements FieldSink, HeaderBlock {
  count = 0;
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
  readonly #names: string[] = [];
  readonly #values: string[] = [];
  readonly #ids: number[] = [];
  readonly #lines: (string | undefined)[] = [];
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
      const index = --this.count;
      this.#names[index] = '';
      this.#values[index] = '';
      this.#lines[index] = undefined;
    }
    this.method = undefined;
    this.scheme = undefined;
    this.authority = undefined;
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

  add(name: string, value: string, id: number, flags: number, line: string | undefined): void {
    if (!this.isOpen) {
      this.ignored++;
      return;
    }
    const { maxHeadBytes, maxHeaderLineBytes, maxHeaders } = this.#limits;
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
      this.#addPseudo(value, id);
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
    this.#push(name, value, id, line);
  }

  /** Says what Host is, in place of what the fields say: the authority counts (RFC 9113 §8.3.1). */
  setHost(value: string): void {
    for (let i = 0; i < this.count; i++) {
      if (this.#ids[i] !== HEADER.host) continue;
      this.#values[i] = value;
      this.#lines[i] = undefined;
      return;
    }
    this.#push('host', value, HEADER.host, undefined);
  }

  /** Adds a field of our own. */
  append(lowerName: string, value: string): void {
    this.#push(lowerName, value, headerIdOf(lowerName), undefined);
  }

  get text(): string {
    let text = '';
    for (let i = 0; i < this.count; i++) text += this.#lineAt(i);
    return text;
  }

  idAt(index: number): number {
    return this.#ids[index]!;
  }

  nameAt(index: number): string {
    return this.#names[index]!;
  }

  lowerNameAt(index: number): string {
    return this.#names[index]!;
  }

  valueAt(index: number): string {
    return this.#values[index]!;
  }

  get(lowerName: string): string | undefined {
    const id = headerIdOf(lowerName);
    let found: string | undefined;
    for (let i = 0; i < this.count; i++) {
      if (this.#ids[i] !== id || (id === 0 && this.#names[i] !== lowerName)) continue;
      const value = this.#values[i]!;
      found = found === undefined ? value : found + (id === HEADER.cookie ? '; ' : ', ') + value;
    }
    return found;
  }

  byId(id: number): string | undefined {
    for (let i = 0; i < this.count; i++) if (this.#ids[i] === id) return this.#values[i];
    return undefined;
  }

  has(id: number): boolean {
    for (let i = 0; i < this.count; i++) if (this.#ids[i] === id) return true;
    return false;
  }

  forwardable(dropped: Uint8Array, droppedNames?: ReadonlySet<string>): HeadText {
    let text = '';
    let isCookieDone = false;
    for (let i = 0; i < this.count; i++) {
      const id = this.#ids[i]!;
      if (NEVER_FORWARDED[id] === 1 || dropped[id] === 1) continue;
      if (droppedNames !== undefined && this.#isListed(this.#names[i]!, droppedNames)) continue;
      if (id === HEADER.cookie) {
        if (isCookieDone) continue;
        isCookieDone = true;
        // Crumbs are one field again (RFC 9113 §8.2.3).
        if (this.#hasAnother(i)) {
          text += `cookie: ${this.get('cookie')}\r\n`;
          continue;
        }
      }
      text += this.#lineAt(i);
    }
    return parsedLines(text);
  }

  copy(): FieldList {
    const copy = new FieldList(this.#limits, this.#secrets);
    copy.seen = this.seen;
    for (let i = 0; i < this.count; i++)
      copy.#push(this.#names[i]!, this.#values[i]!, this.#ids[i]!, this.#lines[i]);
    return copy;
  }

  /** Gives the room of many fields back. */
  #drop(): void {
    this.count = 0;
    this.#names.length = 0;
    this.#values.length = 0;
    this.#ids.length = 0;
    this.#lines.length = 0;
  }

  #isListed(name: string, dropped: ReadonlySet<string>): boolean {
    if (dropped.has(name)) return true;
    return this.#kind !== 'response' && name.includes('_') && dropped.has(name.replaceAll('_', '-'));
  }

  #lineAt(index: number): string {
    return this.#lines[index] ?? `${this.#names[index]}: ${this.#values[index]}\r\n`;
  }

  #hasAnother(index: number): boolean {
    const id = this.#ids[index];
    for (let i = index + 1; i < this.count; i++) if (this.#ids[i] === id) return true;
    return false;
  }

  #push(name: string, value: string, id: number, line: string | undefined): void {
    const index = this.count++;
    if (index === this.#names.length) {
      this.#names.push(name);
      this.#values.push(value);
      this.#ids.push(id);
      this.#lines.push(line);
      return;
    }
    this.#names[index] = name;
    this.#values[index] = value;
    this.#ids[index] = id;
    this.#lines[index] = line;
  }

  #addPseudo(value: string, id: number): void {
    const known = this.#kind === 'request' ? REQUEST_PSEUDO : this.#kind === 'response' ? RESPONSE_PSEUDO : 0;
    const bit = pseudoBit(id);
    // One that has no place here, or not this one, or that came already (RFC 9113 §8.3).
    if ((known & bit) === 0 || (this.#pseudoSeen & bit) !== 0 || this.#hasRegular) {
      this.isMalformed = true;
      return;
    }
    this.#pseudoSeen |= bit;
    if (id === PSEUDO[':method']) this.method = value;
    else if (id === PSEUDO[':path']) this.path = value;
    else if (id === PSEUDO[':scheme']) this.scheme = value;
    else if (id === PSEUDO[':authority']) this.authority = value;
    else if (id === PSEUDO[':status']) this.status = value;
    else this.protocol = value;
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
