import { encodeHuffman, huffmanLength } from './huffman.ts';

/** Writes a number with a prefix of so many bits, below the bits of `first` (RFC 7541 §5.1); answers the offset behind it. */
export function writeInteger(
  value: number,
  prefixBits: number,
  first: number,
  into: Buffer,
  at: number,
): number {
  const most = (1 << prefixBits) - 1;
  let position = at;
  if (value < most) {
    into[position++] = first | value;
    return position;
  }
  into[position++] = first | most;
  let rest = value - most;
  while (rest >= 0x80) {
    into[position++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  into[position++] = rest;
  return position;
}

/** Most octets that a string takes. */
export function longestString(text: string): number {
  return text.length + 5;
}

/** Writes a string, coded where that is shorter (RFC 7541 §5.2); needs room for `longestString`. */
export function writeString(text: string, into: Buffer, at: number): number {
  const coded = huffmanLength(text);
  if (coded < text.length) return encodeHuffman(text, into, writeInteger(coded, 7, 0x80, into, at));
  let position = writeInteger(text.length, 7, 0, into, at);
  for (let i = 0; i < text.length; i++) into[position++] = text.charCodeAt(i);
  return position;
}
