import { flatText } from '../../lib/own-text.ts';
import { HASH_FACTOR, HEADER, knownHeaderId } from '../message/known-headers.ts';
import { ENTRY_OVERHEAD } from './static-table.ts';
import { FIELD_VALUE, HTAB, PLAIN_NAME, SP, TOKEN, UNDERSCORE } from '../message/octets.ts';

/** Pseudo-header fields continue the numbers of known-headers.ts. */
export const PSEUDO = {
  ':method': 240,
  ':scheme': 241,
  ':authority': 242,
  ':path': 243,
  ':protocol': 244,
  ':status': 245,
} as const;
/** A name that begins with a colon and is none of those. */
export const UNKNOWN_PSEUDO = 255;
export const FIRST_PSEUDO = 240;

/* What is to be said of a field, as bits. */
/** The name has octets that no name may have, capitals among them (RFC 9113 §8.2.1). */
export const BAD_NAME = 1;
/** The value has octets that none may have, or blanks around it. */
export const BAD_VALUE = 2;
export const HAS_UNDERSCORE = 4;
/** A token of other characters than letters, digits, `-` and `_`. */
export const IS_ODD = 8;

const COLON = 58;
/** What each octet of a name says of it. */
const NAME_FLAGS: Uint8Array = new Uint8Array(256).map((_, octet) => {
  if (octet >= 65 && octet <= 90) return BAD_NAME;
  if (PLAIN_NAME[octet] !== 0) return 0;
  if (octet === UNDERSCORE) return HAS_UNDERSCORE;
  return TOKEN[octet] === 0 ? BAD_NAME : IS_ODD;
});

/** Number and flags of the name in octets[start, end), the number in the lowest eight bits. */
export function classifyName(octets: Uint8Array, start: number, end: number): number {
  if (start === end) return BAD_NAME << 8;
  if (octets[start] === COLON) return pseudoId(octets, start, end);
  let hash = 0;
  let flags = 0;
  for (let i = start; i < end; i++) {
    const octet = octets[i]!;
    flags |= NAME_FLAGS[octet]!;
    hash = (Math.imul(hash, HASH_FACTOR) + octet) | 0;
  }
  return flags === 0 ? knownHeaderId(octets, start, end, hash) : flags << 8;
}

function pseudoId(octets: Uint8Array, start: number, end: number): number {
  const name = Buffer.from(octets.subarray(start, end)).toString('latin1');
  return Object.hasOwn(PSEUDO, name) ? PSEUDO[name as keyof typeof PSEUDO] : UNKNOWN_PSEUDO;
}

/** 0, or BAD_VALUE. */
export function classifyValue(octets: Uint8Array, start: number, end: number): number {
  if (start === end) return 0;
  const first = octets[start];
  const last = octets[end - 1];
  if (first === SP || first === HTAB || last === SP || last === HTAB) return BAD_VALUE;
  for (let i = start; i < end; i++) if (FIELD_VALUE[octets[i]!] === 0) return BAD_VALUE;
  return 0;
}

/** Of methods whose request lines are kept. */
const MAX_METHOD_LENGTH = 16;

/** A field, checked once for all the times that it is referred to. */
export class Field {
  readonly name: string;
  readonly value: string;
  readonly id: number;
  readonly flags: number;
  /** Octets that it counts for in a table (RFC 7541 §4.1). */
  readonly size: number;
  /** Whether it comes again: a table has it, or all connections know it. */
  isShared = false;
  #line: string | undefined = undefined;
  #host: Field | undefined = undefined;
  #requestLine = '';
  #method = '';

  constructor(name: string, value: string, id: number, flags: number) {
    this.name = name;
    this.value = value;
    this.id = id;
    this.flags = flags;
    this.size = name.length + value.length + ENTRY_OVERHEAD;
  }

  /** As a header line with its CRLF. */
  get line(): string {
    if (this.#line !== undefined) return this.#line;
    const line = this.name + ': ' + this.value + '\r\n';
    if (this.isShared) this.#line = flatText(line);
    return line;
  }

  /** Of a path: the request line with that method. */
  requestLine(method: string): string {
    if (this.#requestLine !== '' && this.#method === method) return this.#requestLine;
    const line = method + ' ' + this.value + ' HTTP/2.0';
    if (!this.isShared || method.length > MAX_METHOD_LENGTH) return line;
    this.#method = method;
    this.#requestLine = flatText(line);
    return line;
  }

  /** Of an authority: Host that says the same. */
  get host(): Field {
    if (this.#host !== undefined) return this.#host;
    const host = new Field('host', this.value, HEADER.host, this.flags);
    if (this.isShared) this.#host = host;
    return host;
  }
}

/** In a place that none has. */
export const NO_FIELD: Field = new Field('', '', 0, 0);
