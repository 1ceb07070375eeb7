import { encodeHuffman, huffmanLength } from '../../src/proxy/http2/huffman.ts';
import { writeInteger } from '../../src/proxy/http2/hpack-primitives.ts';
import { STATIC_TABLE } from '../../src/proxy/http2/static-table.ts';
import type { Random } from './generate.ts';

/* Field lists and field blocks for HPACK. */

export type FieldLines = [name: string, value: string][];

export const upTo = (random: Random, limit: number): number => Math.floor(random() * (limit + 1));
export const pick = <T>(random: Random, items: readonly T[]): T => items[upTo(random, items.length - 1)]!;

const NAMES = [
  ...STATIC_TABLE.map(([name]) => name).filter((name) => /^(?!:|host$|te$|trans|expect)/.test(name)),
  ...['x-a', 'x-secret', 'x-forwarded-for', 'x-request-id', 'sec-fetch-mode', 'grpc-timeout', 'dnt'],
  'x-long-name-that-takes-its-place-in-the-table-of-everybody',
];

const ALPHABETS = [
  'aeiost012',
  'abcdefghijklmnopqrstuvwxyz0123456789 -/=;,.',
  '!"#$%&()*+<>?@[]^_`{|}~\\\'',
  '\u0080\u00a0\u00e9\u00ff',
];

export function text(random: Random, longest: number): string {
  const alphabet = pick(random, ALPHABETS);
  const length = upTo(random, longest);
  let value = '';
  for (let i = 0; i < length; i++) value += alphabet[upTo(random, alphabet.length - 1)];
  return value.trim();
}

/** Lines that are fit for a message; the same ones come again and again, so that tables are of use. */
export class LineSource {
  readonly #random: Random;
  readonly #usual: FieldLines = [];

  constructor(random: Random) {
    this.#random = random;
    for (let i = 0; i < 30; i++) this.#usual.push(this.#line());
  }

  lines(most: number): FieldLines {
    const random = this.#random;
    const lines: FieldLines = [];
    const names = new Set<string>();
    for (let i = upTo(random, most); i > 0; i--) {
      const line = random() < 0.6 ? pick(random, this.#usual) : this.#line();
      if (names.has(line[0])) continue;
      names.add(line[0]);
      lines.push(line);
    }
    return lines;
  }

  #line(): [string, string] {
    const random = this.#random;
    const name =
      random() < 0.8 ? pick(random, NAMES) : `x-${text(random, 12).replaceAll(/[^a-z0-9-]/g, 'z')}`;
    if (name === 'content-length') return ['x-length', '7'];
    return [name, text(random, pick(random, [0, 5, 20, 60, 300, 3000]))];
  }
}

/** A string of a block, coded or not, at times with a length that is not its own. */
function string(random: Random, value: string, oddity: number): Buffer {
  const into = Buffer.alloc(value.length * 4 + 16);
  const isCoded = random() < 0.5;
  const length = isCoded ? huffmanLength(value) : value.length;
  const odd = random() < oddity ? upTo(random, 6) - 3 : 0;
  let at = writeInteger(Math.max(0, length + odd), 7, isCoded ? 0x80 : 0, into, 0);
  if (isCoded) at = encodeHuffman(value, into, at);
  else at += into.write(value, at, 'latin1');
  return into.subarray(0, at);
}

function integer(value: number, prefixBits: number, first: number): Buffer {
  const into = Buffer.alloc(12);
  return into.subarray(0, writeInteger(value, prefixBits, first, into, 0));
}

/** Blocks of one connection: remembers how much is in its table. */
export class BlockWriter {
  readonly #random: Random;
  #inserted = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A block of a request with these lines. `oddity` is how often something is not as it should be. */
  request(lines: FieldLines, oddity = 0): Buffer {
    const random = this.#random;
    const parts: Buffer[] = [];
    if (random() < 0.1) {
      for (let i = upTo(random, 1); i >= 0; i--) parts.push(integer(upTo(random, 4096), 5, 0x20));
      this.#inserted = 0;
    }
    parts.push(Buffer.from([0x82, 0x86]), this.#field([':authority', 'a.test'], 0));
    parts.push(Buffer.concat([integer(4, 4, 0), string(random, '/x', 0)]));
    for (const line of lines) parts.push(this.#field(line, oddity));
    return Buffer.concat(parts);
  }

  /** One field, in any of the ways that there are (RFC 7541 §6). */
  #field([name, value]: [string, string], oddity: number): Buffer {
    const random = this.#random;
    const known = STATIC_TABLE.findIndex(([knownName]) => knownName === name) + 1;
    const index = random() < oddity ? upTo(random, 90) : known > 0 && random() < 0.7 ? known : 0;
    const nameBytes = index > 0 ? Buffer.alloc(0) : string(random, name, oddity);
    const valueBytes = string(random, value, oddity);
    switch (upTo(random, 3)) {
      case 0:
        this.#inserted++;
        return Buffer.concat([integer(index, 6, 0x40), nameBytes, valueBytes]);
      case 1:
        return Buffer.concat([integer(index, 4, 0x10), nameBytes, valueBytes]);
      case 2:
        // Something of the dynamic table, where there is that much.
        if (this.#inserted > 0 && !name.startsWith(':')) {
          return integer(62 + upTo(random, Math.min(this.#inserted - 1, 8)), 7, 0x80);
        }
        return Buffer.concat([integer(index, 4, 0), nameBytes, valueBytes]);
      default:
        return Buffer.concat([integer(index, 4, 0), nameBytes, valueBytes]);
    }
  }
}

/** Whether a message may have such a field: others make a message malformed (RFC 9113 §8.2.1). */
export function isFit([name, value]: readonly [string, string]): boolean {
  return /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && !/[^\t\x20-\x7e\x80-\xff]|^[ \t]|[ \t]$/.test(value);
}

/** Changes some octets of it. */
export function mutate(random: Random, bytes: Buffer): Buffer {
  let mutated = Buffer.from(bytes);
  for (let i = upTo(random, 2); i >= 0 && mutated.length > 0; i--) {
    const at = upTo(random, mutated.length - 1);
    switch (upTo(random, 4)) {
      case 0:
        mutated[at] = upTo(random, 255);
        break;
      case 1:
        mutated[at]! ^= 1 << upTo(random, 7);
        break;
      case 2:
        mutated = mutated.subarray(0, at);
        break;
      case 3:
        mutated = Buffer.concat([mutated.subarray(0, at), mutated.subarray(at + upTo(random, 4))]);
        break;
      default:
        mutated = Buffer.concat([
          mutated.subarray(0, at),
          Buffer.from([upTo(random, 255)]),
          mutated.subarray(at),
        ]);
    }
  }
  return mutated;
}
