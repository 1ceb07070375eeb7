import { ownText } from '../../lib/own-text.ts';
import { trimBlanks } from '../message/connection-field.ts';
import { longestString, writeString } from './hpack-primitives.ts';
import { ENTRY_OVERHEAD, STATIC_NAMES, STATIC_TABLE } from './static-table.ts';

/** Names whose values a guess must not confirm: they stay out of every table (RFC 7541 §7.1). */
const SECRET_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
]);

/** Names that a peer has sent as never indexed and that are kept in mind; with more of them nothing is indexed any more. */
const MAX_SECRET_NAMES = 256;

/** Longer lines do not come back often enough for their place. */
const MAX_KNOWN_LENGTH = 512;

/** Lines of one generation; two are kept. */
const MAX_LINES = 512;

/** A header line in the forms that HPACK has for it. */
export class KnownLine {
  readonly name: string;
  readonly value: string;
  /** Index of its name, or of all of it, in the static table; 0: none. */
  readonly staticName: number;
  readonly staticField: number;
  readonly isSecret: boolean;
  /** What it counts for in a dynamic table. */
  readonly size: number;
  /** Whether it came more than once, so that a place in a table may pay. */
  isRecurring = false;
  #literal: Buffer | undefined = undefined;

  constructor(name: string, value: string, isSecret: boolean) {
    this.name = name;
    this.value = value;
    this.isSecret = isSecret;
    this.staticName = STATIC_NAMES.get(name) ?? 0;
    this.staticField = staticFieldOf(this.staticName, name, value);
    this.size = name.length + value.length + ENTRY_OVERHEAD;
  }

  /** The strings of a literal: name, unless the static table has it, and value. */
  get literal(): Buffer {
    if (this.#literal === undefined) {
      const room = Buffer.allocUnsafe(longestString(this.name) + longestString(this.value));
      this.#literal = Buffer.from(room.subarray(0, this.writeLiteral(room, 0)));
    }
    return this.#literal;
  }

  /** Writes those strings; answers the offset behind them. */
  writeLiteral(into: Buffer, at: number): number {
    return writeString(this.value, into, this.staticName === 0 ? writeString(this.name, into, at) : at);
  }
}

function staticFieldOf(staticName: number, name: string, value: string): number {
  if (staticName === 0) return 0;
  for (let i = staticName; STATIC_TABLE[i - 1]?.[0] === name; i++) {
    if (STATIC_TABLE[i - 1]![1] === value) return i;
  }
  return 0;
}

/** Header lines that recur, known to all connections of one worker. */
export class KnownLines {
  #young = new Map<string, KnownLine>();
  #old = new Map<string, KnownLine>();
  readonly #secretNames = new Set<string>();

  /** How many names peers have declared secret. */
  get secretNames(): number {
    return this.#secretNames.size;
  }

  /** The line in text[start, end), without its CRLF. */
  find(text: string, start: number, end: number): KnownLine {
    if (end - start > MAX_KNOWN_LENGTH) return this.#read(text.slice(start, end));
    const line = text.slice(start, end);
    let known = this.#young.get(line);
    if (known === undefined) {
      known = this.#old.get(line);
      if (known === undefined) {
        known = this.#read(line);
        if (!known.isSecret) this.#keep(line, known);
        return known;
      }
      this.#keep(line, known);
    }
    known.isRecurring = true;
    return known;
  }

  /** A peer never lets fields of that name be indexed: nor will we (RFC 7541 §6.2.3). */
  markSecret(name: string): void {
    if (SECRET_NAMES.has(name) || this.#secretNames.has(name)) return;
    if (this.#secretNames.size >= MAX_SECRET_NAMES) return;
    this.#secretNames.add(name);
    this.#young.clear();
    this.#old.clear();
  }

  #read(line: string): KnownLine {
    // A pseudo name begins with one.
    const colon = line.indexOf(':', 1);
    const name = line.slice(0, colon).toLowerCase();
    const isSecret =
      SECRET_NAMES.has(name) ||
      this.#secretNames.size >= MAX_SECRET_NAMES ||
      (this.#secretNames.size > 0 && this.#secretNames.has(name));
    return new KnownLine(name, trimBlanks(line.slice(colon + 1)), isSecret);
  }

  #keep(line: string, known: KnownLine): void {
    if (this.#young.size >= MAX_LINES) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    // A slice would keep the head it is from.
    this.#young.set(ownText(line), known);
  }
}
