import { HEADER } from '../message/known-headers.ts';
import type { Field } from './field.ts';

/** Places for them, a power of two. */
const PLACES = 1024;
/** Longer names and values do not come back often enough for their place. */
const MAX_KNOWN_OCTETS = 128;

/** Whose values a worker does not keep for others' sake. */
const isPrivate = new Uint8Array(256);
for (const name of ['cookie', 'set-cookie', 'authorization', 'proxy-authorization'] as const) {
  isPrivate[HEADER[name]] = 1;
}

/** A field, and the string that its value was read from. */
class KnownField {
  readonly field: Field;
  readonly hash: number;
  readonly isCoded: boolean;
  readonly octets: Uint8Array;

  constructor(field: Field, hash: number, isCoded: boolean, octets: Uint8Array) {
    this.field = field;
    this.hash = hash;
    this.isCoded = isCoded;
    this.octets = octets;
  }
}

/**
 * Fields that came as literals more than once, known to all connections of one worker: paths that many ask for, what all browsers of a kind
 * say. Each is read, checked and kept in memory once. One place for what has the same hash: whoever fills them takes nothing but places.
 */
export class KnownFields {
  readonly #known: (KnownField | undefined)[] = Array.from({ length: PLACES }, () => undefined);
  /** Hashes that came once. */
  readonly #seen = new Int32Array(PLACES);
  /** That of the last search. */
  #hash = 0;

  /** The field with that name whose value is the string octets[start, end), Huffman-coded or not; undefined: it is not known. */
  find(
    name: string,
    id: number,
    octets: Uint8Array,
    start: number,
    end: number,
    isCoded: boolean,
  ): Field | undefined {
    const length = end - start;
    if (!isWorthAPlace(name, id, length)) return undefined;
    let hash = (id << 8) + length;
    // A number stands for one name; without it, names with the same value would have one place between them.
    if (id === 0) for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + octets[i]!) | 0;
    hash ^= hash >>> 15;
    this.#hash = hash;
    const known = this.#known[hash & (PLACES - 1)];
    if (known === undefined || known.hash !== hash || known.isCoded !== isCoded) return undefined;
    if (known.octets.length !== length || known.field.id !== id || known.field.name !== name)
      return undefined;
    const own = known.octets;
    for (let i = 0; i < length; i++) if (own[i] !== octets[start + i]) return undefined;
    return known.field;
  }

  /** Remembers what the last search did not find; from the second time on. */
  keep(field: Field, octets: Uint8Array, start: number, end: number, isCoded: boolean): void {
    if (!isWorthAPlace(field.name, field.id, end - start)) return;
    const hash = this.#hash;
    const place = hash & (PLACES - 1);
    if (this.#seen[place] !== hash) {
      this.#seen[place] = hash;
      return;
    }
    field.isShared = true;
    this.#known[place] = new KnownField(field, hash, isCoded, new Uint8Array(octets.subarray(start, end)));
  }
}

function isWorthAPlace(name: string, id: number, length: number): boolean {
  return length <= MAX_KNOWN_OCTETS && name.length <= MAX_KNOWN_OCTETS && isPrivate[id] === 0;
}
